"""`Chat`: messages for a model's chat template."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from tokkit.arguments import check_kind
from tokkit.errors import ArgumentError

Message = Mapping[str, Any]
_ROLE = re.compile(r"[A-Za-z][A-Za-z0-9_ -]{0,31}")


@dataclass(frozen=True)
class Chat:
    """Messages, and what else a template is given.

    Attributes:
        messages: each with a `role`, as "user", and its `content`: a `str`, or a list of parts
            `{"type": "text", "text": ...}`. Others than the role and the content go to the template
            as they are.
        tools: that the template may tell the model of.
        template: the template itself, or the name of one that comes with the tokenizer; None for
            the one without a name.
        variables: what else it reads, as `enable_thinking`.
    """

    messages: Sequence[Message]
    tools: Sequence[Any] | None = None
    template: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict[str, Any])

    def __post_init__(self) -> None:
        """Check the messages.

        Raises:
            ArgumentError: no messages, one without a role or of another shape.
        """
        check_kind(
            self.messages, Iterable, "messages", "pass a list of {'role': ..., 'content': ...}"
        )
        if isinstance(self.messages, str | bytes | Mapping):
            raise ArgumentError("messages must be a list of {'role': ..., 'content': ...}")
        check_kind(self.tools, (Sequence, type(None)), "tools", "pass a list")
        if isinstance(self.tools, str | bytes):
            raise ArgumentError(f"tools must be a list, got {self.tools!r:.60}")
        check_kind(self.template, (str, type(None)), "template")
        check_kind(self.variables, Mapping, "variables", "pass values by name")
        if not all(isinstance(name, str) for name in self.variables):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError("variables must be values by name; a name is no text")
        messages = tuple(self.messages)
        object.__setattr__(self, "messages", messages)
        if not messages:
            raise ArgumentError("there are no messages; pass at least one")
        for place, message in enumerate(messages, 1):
            check_kind(message, Mapping, f"message {place}", "pass {'role': ..., 'content': ...}")
            role = message.get("role")
            if not isinstance(role, str) or not _ROLE.fullmatch(role):
                raise ArgumentError(f"message {place} has the role {role!r:.60}; expected a word")
            for text in contents(message):
                check_kind(text, str, f"the content of message {place}")

    def with_reply(self, content: str) -> Chat:
        """The same with a message of the assistant after it."""
        reply = {"role": "assistant", "content": content}
        return Chat((*self.messages, reply), self.tools, self.template, self.variables)


def contents(message: Message) -> list[Any]:
    """The texts of a message: its content, or those of the parts of it."""
    content = message.get("content")
    if content is None:
        return []
    if not isinstance(content, list):
        return [content]
    parts = cast("list[Any]", content)
    return [part["text"] for part in parts if isinstance(part, Mapping) and "text" in part]
