r"""RWKV's world vocabulary: lines of an id, a Python literal of text or bytes, and its length.

    >>> literal_bytes(r"'\u2014\n'", "here"), literal_bytes(r"b'\xe2\x80'", "here")
    (b'\xe2\x80\x94\n', b'\xe2\x80')

A text becomes tokens by greedy longest match over its bytes. The file begins at id 1; id 0 ends a
document. Source: BlinkDL, `rwkv_tokenizer.py`, which hands the literals to `eval`. They are parsed
here by the few escapes that `repr` writes, and run nowhere.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from tokkit.errors import FormatError
from tokkit.files.reading import decode_utf8
from tokkit.text.formats.placing import placed
from tokkit.text.spec import TokenizerSpec

END = "<s>"
"""What converters (llama.cpp) call id 0, which the file leaves out."""

_LINE = re.compile(r"(\d{1,9}) (.*) (\d{1,9})")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|.)?", re.DOTALL)
_ESCAPED = {"n": "\n", "r": "\r", "t": "\t", "\\": "\\", "'": "'", '"': '"'}


def read_rwkv(data: bytes, name: str) -> TokenizerSpec:
    """Read a vocabulary.

    Raises:
        FormatError: a line of another form, a literal that is no text, a length that is not that
            of its bytes, an id or a token twice.
    """
    tokens: dict[int, bytes] = {}
    for number, line in enumerate(decode_utf8(data, name).split("\n"), start=1):
        if not line:
            continue
        match = _LINE.fullmatch(line.removesuffix("\r"))
        if match is None:
            raise FormatError(
                f"{name}: line {number}: {line[:80]!r}; expected an id, a literal and its length"
            )
        token = literal_bytes(match[2], f"{name}: line {number}")
        if len(token) != int(match[3]):
            raise FormatError(
                f"{name}: line {number}: {match[2][:60]} has {len(token):,} bytes, not {match[3]}"
            )
        if tokens.setdefault(int(match[1]), token) is not token:
            raise FormatError(f"{name}: line {number}: the id {match[1]} stands twice")
    return greedy_spec(tokens, {} if 0 in tokens else {END: 0}, name=name)


def greedy_spec(
    tokens: Mapping[int, bytes], specials: Mapping[str, int], *, name: str, size: int = 0
) -> TokenizerSpec:
    """A tokenizer by longest match.

    Args:
        tokens: id -> bytes.
        specials: text of each control token -> id; the first ends a text.
        name: for messages.
        size: number of ids, at least.

    Raises:
        FormatError: no tokens, an id out of bounds, a token that is empty, too long or there twice.
    """
    if len(set(tokens.values())) != len(tokens):
        raise FormatError(f"{name}: two ids are spelt alike; expected each token once")
    fields = placed(tokens, specials, name, size=size)
    return TokenizerSpec(name, "greedy", eos_ids=tuple(specials.values())[:1], **fields)


def literal_bytes(literal: str, where: str) -> bytes:
    """The bytes of a Python literal, of a text (in UTF-8) or of bytes.

    Raises:
        FormatError: not such a literal.
    """
    is_bytes = literal.startswith("b")
    body = literal[is_bytes:]
    if len(body) < 2 or body[0] not in "'\"" or body[0] != body[-1]:
        raise FormatError(f"{where}: {literal[:60]!r}; expected a literal in quotes")
    inner = body[1:-1]
    if body[0] in inner and body[0] in _ESCAPE.sub("", inner):
        raise FormatError(f"{where}: {literal[:60]!r}; expected one literal, and nothing else")
    return escaped_bytes(inner, where, of_bytes=is_bytes)


def escaped_bytes(text: str, where: str, *, of_bytes: bool) -> bytes:
    r"""The bytes behind the escapes that `repr` writes.

    Args:
        text: what stands between the quotes.
        where: for messages.
        of_bytes: whether `\xff` means a byte, as in a bytes literal, or a character.

    Raises:
        FormatError: an escape that `repr` does not write, or a character that cannot be.
    """

    def character(match: re.Match[str]) -> str:
        code: str = match[1] or ""
        if len(code) > 1 and not (of_bytes and code[0] != "x"):
            return chr(int(code[1:], 16))
        if code not in _ESCAPED:
            raise FormatError(f"{where}: the escape {match[0]!r} in {text[:60]!r}")
        return _ESCAPED[code]

    if of_bytes and not text.isascii():
        raise FormatError(f"{where}: {text[:60]!r} is no literal of bytes; expected ASCII")
    try:
        plain = _ESCAPE.sub(character, text) if "\\" in text else text
        return plain.encode("latin-1" if of_bytes else "utf-8")
    except (UnicodeEncodeError, ValueError, OverflowError) as error:
        raise FormatError(f"{where}: {text[:60]!r} holds no valid characters ({error})") from error
