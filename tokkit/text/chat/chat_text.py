"""`ChatText`: a chat that passes as the text of its template through code that passes on texts.

Such code (an evaluation harness) asks for a `str`, keeps it, and hands it back. Read as a text, it
would have its control tokens spelled out; so it bears the chat, from which its reader makes ids.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Self

from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.text.chat.chat import Chat, Message
from tokkit.text.chat.prompt import chat_prompt, rendered
from tokkit.text.tokenizer import TextTokenizer


class ChatText(str):
    """What a template makes of a chat, and how the reply begins.

    Attributes:
        chat: what is replied to.
        begun: of the reply; "" where nothing is.
    """

    __slots__ = ("begun", "chat")
    chat: Chat
    begun: str

    def __new__(cls, text: str, chat: Chat, begun: str = "") -> Self:
        """The text of a chat; `chat_text` makes it."""
        made = super().__new__(cls, text)
        made.chat, made.begun = chat, begun
        return made

    def __getnewargs__(self) -> tuple[str, Chat, str]:  # pyright: ignore[reportIncompatibleMethodOverride]  # str has one
        """For pickling."""
        return str.__str__(self), self.chat, self.begun

    def __add__(self, more: str, /) -> ChatText:
        """The reply goes on."""
        return ChatText(str.__add__(self, more), self.chat, self.begun + more)

    def __eq__(self, other: object) -> bool:
        """Never the same as a text that spells it."""
        return (
            isinstance(other, ChatText)
            and str.__eq__(self, other)
            and (self.chat, self.begun) == (other.chat, other.begun)
        )

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def chat_text(
    tokenizer: TextTokenizer,
    messages: Sequence[Message],
    *,
    is_begun: bool = False,
    template: str | None = None,
    variables: Mapping[str, Any] | None = None,
) -> ChatText:
    """The text of a chat, of which ids can be made.

    Args:
        tokenizer: whose template it is.
        messages: to reply to.
        is_begun: whether the last one is the beginning of the reply.
        template: see `Chat`.
        variables: see `Chat`.

    Raises:
        ArgumentError: the reply is begun, and the last message is not the assistant's.
        UnsupportedError: there is no template, or contents cannot be told from control.
        FormatError: the template is damaged, or refuses the messages.
        EncodingError: the vocabulary cannot express the text.
    """
    chat, begun = Chat(messages, template=template, variables=dict(variables or {})), ""
    if is_begun:
        *before, last = chat.messages
        begun = last.get("content")
        if last.get("role") != "assistant" or not isinstance(begun, str) or not before:
            raise ArgumentError(
                "a reply that is begun must be the last message, of the assistant, with a text as "
                "its content, after at least one other"
            )
        chat = replace(chat, messages=before)
    chat_prompt(tokenizer, chat)  # refuses now what its reader would refuse after long work
    return ChatText(rendered(tokenizer, chat) + begun, chat, begun)


def refuse_lost_chat(tokenizer: TextTokenizer, text: str) -> None:
    """Refuse a text that was made of a `ChatText` and no longer bears its chat.

    Raises:
        UnsupportedError: it spells a control token.
    """
    spelled = next((each for each in tokenizer.spec.special_tokens if each in text), None)
    if spelled is not None and not isinstance(text, ChatText):
        raise UnsupportedError(
            f"a chat was made into another text, in which {spelled} may be control or content; "
            "evaluate this task without a chat template"
        )
