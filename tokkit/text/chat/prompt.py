"""From messages to ids: `chat_prompt`. What stands in a message is text, whatever it spells.

A template is rendered twice: with the messages as they are, and with each character of their
contents that occurs in a control token replaced by one that occurs nowhere. Where the two texts,
read with the characters put back, are not the same, the template looks into the contents, and the
messages are refused. Else a control token was written by the template if it stands in both texts.
Where all of them were, the ids are those of the whole text, as the model's own library has them;
where some stand in a content, the text is encoded piece by piece between those of the template.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, cast

from tokkit.errors import FormatError, UnsupportedError
from tokkit.text.chat.chat import Chat, Message, contents
from tokkit.text.chat.parsing import parse_template
from tokkit.text.chat.rendering import render
from tokkit.text.tokenizer import TextTokenizer

_SPARE = range(0xF0000, sys.maxunicode - 1)
_HARMLESS = "x"


@dataclass(frozen=True)
class ChatPrompt:
    """A chat as a model reads it.

    Attributes:
        ids: up to and with the last control token.
        text: what follows that, in which the model goes on.
    """

    ids: tuple[int, ...]
    text: bytes


def chat_prompt(
    tokenizer: TextTokenizer, chat: Chat, *, add_generation_prompt: bool = True
) -> ChatPrompt:
    """What a chat's template makes of it, as ids.

    Raises:
        UnsupportedError: there is no such template, it writes a token that the files do not name,
            or it looks into the contents for what control tokens are made of.
        FormatError: the template is damaged, or refuses the messages.
        EncodingError: the vocabulary cannot express the text.
    """
    hidden = _hidden_characters(tokenizer, chat)
    plain = rendered(tokenizer, chat, {}, add_generation_prompt=add_generation_prompt)
    masked = rendered(tokenizer, chat, hidden, add_generation_prompt=add_generation_prompt)
    shown = {value: key for key, value in hidden.items()}
    if masked.translate(str.maketrans(shown)) != plain:
        raise UnsupportedError(
            "the chat template does something else where a message holds what control tokens are "
            "made of, so that text and control cannot be told apart; change the message"
        )
    spans = list(_control_spans(tokenizer, plain))
    if all(masked[start:stop] == plain[start:stop] for start, stop, _ in spans):
        ids = tokenizer.encode(plain, specials=True)
        return _cut(plain, ids, spans)
    spans = list(_control_spans(tokenizer, masked))
    harmless = masked.translate(dict.fromkeys(map(ord, shown), _HARMLESS))
    whole = tokenizer.encode(harmless, specials=True)
    if _piece_by_piece(tokenizer, harmless, spans) != whole:
        raise UnsupportedError(
            f"{tokenizer.name}: a message spells a control token, and this tokenizer encodes a "
            "text otherwise between control tokens than alone; change the message"
        )
    return _cut(plain, _piece_by_piece(tokenizer, plain, spans), spans)


def rendered(
    tokenizer: TextTokenizer,
    chat: Chat,
    hidden: Mapping[str, str] | None = None,
    *,
    add_generation_prompt: bool = True,
) -> str:
    """What a chat's template writes.

    Args:
        tokenizer: whose template it is.
        chat: the messages.
        hidden: characters of contents -> what stands in their place.
        add_generation_prompt: whether a reply is to follow.

    Raises:
        UnsupportedError: there is no such template, or it writes a token that the files do not
            name.
        FormatError: the template is damaged, or refuses the messages.
    """
    template = find_template(tokenizer, chat.template)
    variables = _variables(tokenizer, template, chat)
    messages = _messages(chat, hidden or {})
    more = {"add_generation_prompt": add_generation_prompt, "messages": messages}
    return render(template, {**variables, **more})


def find_template(tokenizer: TextTokenizer, name: str | None) -> str:
    """The template of a name, or the one without; what looks like a template is one itself.

    Raises:
        UnsupportedError: there is none.
    """
    if name is not None and "{" in name:
        return name
    templates = tokenizer.chat_templates
    found = templates.get(name or "default")
    if found is None:
        wanted = "no chat template" if name is None else f"no chat template {name!r}"
        known = f" (those there are: {', '.join(templates)})" if templates else ""
        raise UnsupportedError(
            f"{tokenizer.name}: {wanted} came with the tokenizer{known}; pass template= with one"
        )
    return found


def end_of_turn(tokenizer: TextTokenizer, chat: Chat, prompt: ChatPrompt) -> int | None:
    """The control token that the template writes after a reply; None where it writes none."""
    try:
        replied = chat_prompt(tokenizer, chat.with_reply(_HARMLESS), add_generation_prompt=False)
    except (FormatError, UnsupportedError):
        return None
    n = len(prompt.ids)
    if replied.ids[:n] != prompt.ids:
        return None
    special = set(tokenizer.spec.special_tokens.values())
    return next((token for token in replied.ids[n:] if token in special), None)


def _cut(text: str, ids: Sequence[int], spans: Sequence[tuple[int, int, int]]) -> ChatPrompt:
    """The ids up to the last control token, and the text after it."""
    if not spans:
        return ChatPrompt((), text.encode())
    _, stop, last = spans[-1]
    place = len(ids) - 1 - list(reversed(ids)).index(last)
    return ChatPrompt(tuple(ids[: place + 1]), text[stop:].encode())


def _control_spans(tokenizer: TextTokenizer, text: str) -> Iterator[tuple[int, int, int]]:
    """Where control tokens stand in a text, in characters, and which."""
    special = set(tokenizer.spec.special_tokens.values())
    encoding = tokenizer.encode_with_offsets(text, specials=True)
    data = text.encode()
    places = zip(
        encoding.starts.tolist(), encoding.ends.tolist(), encoding.ids.tolist(), strict=True
    )
    done, n_chars = 0, 0
    for start, stop, token in places:
        if token in special:
            n_chars += len(data[done:start].decode())
            first, done = n_chars, stop
            n_chars += len(data[start:stop].decode())
            yield first, n_chars, token


def _piece_by_piece(
    tokenizer: TextTokenizer, text: str, spans: Sequence[tuple[int, int, int]]
) -> list[int]:
    ids: list[int] = []
    done = 0
    for start, stop, token in spans:
        ids += tokenizer.encode(text[done:start]) if done < start else []
        ids.append(token)
        done = stop
    return ids + (tokenizer.encode(text[done:]) if done < len(text) else [])


def _hidden_characters(tokenizer: TextTokenizer, chat: Chat) -> dict[str, str]:
    """A spare character for each that occurs in a control token; white space stays."""
    texts = [text for message in chat.messages for text in contents(message)]
    present = set("".join(texts))
    in_control = set("".join(tokenizer.spec.special_tokens)) & present
    spare = (chr(point) for point in _SPARE if chr(point) not in present)
    return {char: next(spare) for char in sorted(in_control) if not char.isspace()}


def _messages(chat: Chat, hidden: Mapping[str, str]) -> list[dict[str, Any]]:
    """The messages, in whose contents characters are replaced."""
    table = str.maketrans(dict(hidden))
    return [_message(message, table) for message in chat.messages]


def _message(message: Message, table: Mapping[int, str]) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, str):
        return {**message, "content": content.translate(table)}
    if not isinstance(content, list):
        return dict(message)
    parts: list[Any] = []
    for part in cast("list[Any]", content):
        if isinstance(part, Mapping) and "text" in part:
            fields = cast("Mapping[str, Any]", part)
            parts.append({**fields, "text": str(fields["text"]).translate(table)})
        else:
            parts.append(part)
    return {**message, "content": parts}


def _variables(tokenizer: TextTokenizer, template: str, chat: Chat) -> dict[str, Any]:
    """What the template reads besides the messages."""
    given: dict[str, Any] = {
        **tokenizer.chat_tokens,
        "tools": list(chat.tools) if chat.tools is not None else None,
        "documents": None,
        **chat.variables,
    }
    wanted = [name for name in parse_template(template).variables if name.endswith("_token")]
    missing = [name for name in wanted if name not in given]
    if missing:
        raise UnsupportedError(
            f"the chat template writes {missing[0]}, which the tokenizer's files do not name; pass "
            f"variables={{{missing[0]!r}: ...}}"
        )
    for value in _texts_of([given, [{**m, "content": ""} for m in chat.messages]]):
        spelled = [token for token in tokenizer.spec.special_tokens if token in value]
        if spelled and value not in tokenizer.chat_tokens.values():
            raise UnsupportedError(
                f"a field beside the contents spells the control token {spelled[0]!r}; only what "
                "stands in a content is kept apart from control"
            )
    return given


def _texts_of(value: Any) -> Iterator[str]:
    """All texts within plain data."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for key, each in cast("Mapping[Any, Any]", value).items():
            yield from _texts_of([key, each])
    elif isinstance(value, list | tuple):
        for each in cast("Sequence[Any]", value):
            yield from _texts_of(each)
