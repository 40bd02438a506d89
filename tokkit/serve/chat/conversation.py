"""Messages as ids: `Conversations`.

The template is given placeholders in the place of what messages say. So it can neither read nor
change a text, and no text can spell a control token: those are taken from what the template itself
writes. Around a placeholder stands white space that a template removes if it trims what messages
say; then the text is trimmed, too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

from tokkit.audit.reference.sandbox import Sandbox
from tokkit.bytelm.completion.fim_frame import without_dummy_prefix
from tokkit.errors import EncodingError, SandboxError
from tokkit.files.sources import locate
from tokkit.serve.refusals import RefusalError
from tokkit.serve.served import Served
from tokkit.text.chat.finding import find_templates
from tokkit.text.tokenizer import TextTokenizer

_OPEN, _CLOSE, _SPACE = "\ue000", "\ue001", "\u2003"
_PLACE = re.compile(f"({_SPACE}?){_OPEN}(\\d+){_CLOSE}({_SPACE}?)")
_SECONDS = 10.0
_MEMORY = 1 << 30


@dataclass(frozen=True)
class Message:
    """What somebody says in a conversation.

    Attributes:
        role: of who says it.
        content: its text.
    """

    role: str
    content: str


@dataclass(frozen=True)
class Framed:
    """A conversation as ids.

    Attributes:
        ids: up to where the answer begins, without those that precede every text.
        ends: ids that end an answer, beside those that end a text.
    """

    ids: tuple[int, ...]
    ends: tuple[int, ...]


def template_of(source: str) -> str | None:
    """The chat template that comes with a model; None where there is none.

    Args:
        source: the name of a packaged model, a path, or a hub id that is in the local cache.

    Raises:
        FormatError: a file beside the model is damaged.
    """
    path = locate(source, ("*.json", "*.jinja"))
    found = find_templates(path / "tokenizer.json" if Path(path).is_dir() else path)
    return found.get("default")


class Conversations:
    """Runs templates, in a process that lives as long as this does; thread-safe."""

    def __init__(self) -> None:
        self._sandbox = Sandbox(
            "tokkit.serve.chat.rendering", seconds=_SECONDS, memory_bytes=_MEMORY
        )
        self._lock = Lock()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._sandbox.close()

    def frame(self, served: Served, messages: Sequence[Message]) -> Framed:
        """A conversation as a model reads it.

        Raises:
            RefusalError: a model without a template or of several tokenizers, or messages that its
                template does not take.
        """
        tokenizer, first = served.tokenizer, served.first
        if served.template is None or tokenizer is None or first is None:
            raise RefusalError(
                400, f"{served.name} has no chat template; use /v1/completions", param="model"
            )
        if first is not served.model:
            raise RefusalError(
                400,
                f"{served.name} is an ensemble, whose models have templates of their own; ask one "
                "of them",
                param="model",
            )
        bos_ids = tuple(getattr(first.token_lm, "bos_ids", ()))
        shown = [{"role": message.role, "content": _place(k)} for k, message in enumerate(messages)]
        try:
            with self._lock:
                rendered = self._sandbox.call(
                    "render",
                    template=served.template,
                    messages=shown,
                    answer=_place(len(messages)),
                    bos=_spelling(tokenizer, bos_ids[:1]),
                    eos=_spelling(tokenizer, first.token_lm.eos_ids[:1]),
                )
        except SandboxError as error:
            raise RefusalError(
                400, f"the chat template of {served.name}: {error}", param="messages"
            ) from None
        said = [message.content for message in messages]
        ids = _ids(tokenizer, _parts(rendered["prompt"], said))
        if bos_ids and ids[: len(bos_ids)] == bos_ids:
            ids = ids[len(bos_ids) :]
        return Framed(ids, _ends(tokenizer, rendered["whole"], len(messages)))


def _place(k: int) -> str:
    return f"{_SPACE}{_OPEN}{k}{_CLOSE}{_SPACE}"


def _spelling(tokenizer: TextTokenizer, ids: Sequence[int]) -> str:
    names = {token: name for name, token in tokenizer.special_tokens.items()}
    return "".join(names.get(token, "") for token in ids)


def _parts(rendered: str, said: Sequence[str]) -> list[tuple[str, bool]]:
    """What was rendered, cut in order; each part with whether the template itself says it."""
    parts: list[tuple[str, bool]] = []
    place = 0
    for match in _PLACE.finditer(rendered):
        text = said[int(match[2])]
        text = text if match[1] else text.lstrip()
        text = text if match[3] else text.rstrip()
        parts += [(rendered[place : match.start()], True), (text, False)]
        place = match.end()
    parts.append((rendered[place:], True))
    if any(own and {_OPEN, _CLOSE, _SPACE} & set(text) for text, own in parts):
        raise RefusalError(
            400, "the model's chat template changes what messages say", param="messages"
        )
    return parts


def _ids(tokenizer: TextTokenizer, parts: Iterable[tuple[str, bool]]) -> tuple[int, ...]:
    """Control tokens of the template, and between them text, of template and messages together."""
    plain = without_dummy_prefix(tokenizer)
    ids: list[int] = []
    text = ""

    def flush() -> None:
        nonlocal text
        try:
            ids.extend(plain.encode(text, normalize=False))
        except EncodingError as error:
            raise RefusalError(400, str(error), param="messages") from None
        text = ""

    for part, own in parts:
        for piece in _control_tokens(tokenizer).split(part) if own else [part]:
            if own and piece in tokenizer.special_tokens:
                flush()
                ids.append(tokenizer.special_tokens[piece])
            else:
                text += piece
    flush()
    return tuple(ids)


def _control_tokens(tokenizer: TextTokenizer) -> re.Pattern[str]:
    """Finds them in what a template writes, the longest first."""
    names = sorted(filter(None, tokenizer.special_tokens), key=len, reverse=True)
    return re.compile("(" + "|".join(map(re.escape, names)) + ")" if names else "($.)")


def _ends(tokenizer: TextTokenizer, whole: str | None, k: int) -> tuple[int, ...]:
    """The control token that the template puts behind an answer."""
    match = re.search(f"{_OPEN}{k}{_CLOSE}", whole or "")
    if match is None or whole is None:
        return ()
    found = _control_tokens(tokenizer).search(whole, match.end())
    if found is None or not found[0]:
        return ()
    return (tokenizer.special_tokens[found[0]],)
