"""The `added_tokens` of a Hugging Face tokenizer.json.

`tokenizers` ignores the ids that they declare: a token whose text the model knows keeps the
model's id, any other gets the next free one. tokkit keeps declared ids (embeddings were trained at
them), notes where the library would put them, and refuses declarations that contradict the rest.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from tokkit.errors import FormatError
from tokkit.files.json_text import want_bool, want_index, want_list, want_object, want_str
from tokkit.files.reading import MAX_TOKEN_BYTES, MAX_VOCAB_SIZE
from tokkit.text.spec import AddedToken

_CONTROL_SPELLING = re.compile(r"<\|.*\|>|<\uff5c.*\uff5c>|<(?:start|begin|end)_of_\w+>", re.DOTALL)


@dataclass(frozen=True)
class DeclaredToken(AddedToken):
    """One added token, as the file declares it; see `AddedToken` for the rest.

    Attributes:
        special: it is a control token. Files often forget the flag, so any token spelled
            `<|...|>`, `<｜...｜>` or `<end_of_...>` counts: user text that looks like one must stay
            text.
    """

    special: bool = False


def is_control_spelling(text: str) -> bool:
    """Whether `text` looks like a control token, as `<|im_start|>`."""
    return _CONTROL_SPELLING.fullmatch(text) is not None


def read_added_tokens(value: object, vocab: Mapping[str, int], where: str) -> list[DeclaredToken]:
    """Read and cross-check the added tokens.

    Args:
        value: the `added_tokens` field.
        vocab: spelling -> id of the model's own tokens.
        where: for messages.

    Raises:
        FormatError: an id out of bounds, declared twice or taken; a text that is empty, declared
            twice, or known to the model at another id.
    """
    if value is None:
        return []
    tokens = [_read(item, f"{where}[{i}]") for i, item in enumerate(want_list(value, where))]
    owner = {token_id: text for text, token_id in vocab.items()} if tokens else {}
    contents: set[str] = set()
    for token in tokens:
        known = vocab.get(token.content)
        if known is not None and known != token.id:
            raise FormatError(
                f"{where}: {token.content!r} declares id {token.id}, but the vocabulary has it at "
                f"{known}; expected one id for one text"
            )
        taken = owner.get(token.id)
        if taken is not None and taken != token.content:
            raise FormatError(
                f"{where}: {token.content!r} declares id {token.id}, which {taken!r} has already; "
                "expected a free id"
            )
        if token.content in contents:
            raise FormatError(f"{where}: {token.content!r} is declared twice")
        contents.add(token.content)
        owner[token.id] = token.content
    return tokens


def _read(item: object, where: str) -> DeclaredToken:
    node = want_object(item, where)
    content = want_str(node.get("content"), f"{where}.content")
    token_id = want_index(node.get("id"), f"{where}.id", MAX_VOCAB_SIZE)
    if not content or len(content.encode()) > MAX_TOKEN_BYTES:
        raise FormatError(
            f"{where}: an added token of {len(content):,} characters; "
            f"expected between 1 and {MAX_TOKEN_BYTES:,} bytes"
        )
    special = want_bool(node.get("special"), where, default=False)
    special = special or is_control_spelling(content)
    flags = {
        option: want_bool(node.get(option), f"{where}.{option}", default=False)
        for option in ("lstrip", "rstrip", "single_word")
    }
    normalized = want_bool(node.get("normalized"), where, default=not special)
    return DeclaredToken(content, token_id, normalized, special=special, **flags)


def runtime_ids(tokens: list[DeclaredToken], vocab: Mapping[str, int]) -> dict[int, int]:
    """Declared id -> id at which `tokenizers` places the token, where the two differ."""
    moved: dict[int, int] = {}
    following = len(vocab)
    for token in tokens:
        if token.content in vocab:
            continue
        if token.id != following:
            moved[token.id] = following
        following += 1
    return moved


def unmarked_ids(tokens: list[DeclaredToken], value: object) -> tuple[int, ...]:
    """Control tokens of the `added_tokens` field that it does not mark as special."""
    items = [] if value is None else want_list(value, "added_tokens")
    marked = [bool(want_object(item, "added_tokens").get("special")) for item in items]
    return tuple(
        sorted(token.id for token, mark in zip(tokens, marked, strict=True) if token.special > mark)
    )
