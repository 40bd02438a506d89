"""Normalizers as JSON, for tokkit's own file (`tokkit.text.formats.tokkit_file`).

A normalizer of the `tokenizers` library is written as that library writes it and read by the reader
of `tokenizer.json`, with all of its checks; those of tokkit are written as a kind and their fields.
What the replacements of a file together can make of a text is bounded as it is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import cast

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_bool, want_list, want_object, want_str
from tokkit.text.formats.hugging_face.normalizers import MARK, read_normalizer
from tokkit.text.formats.sentencepiece.charsmap import MAX_KEY_BYTES, CharsMap, growth
from tokkit.text.normalizers import (
    MAX_GROWTH,
    Chain,
    LibraryNormalizer,
    Lowercase,
    PrependText,
    ProtectLiterals,
    ReplaceText,
    SpaceMark,
    SqueezeSpaces,
    WordsBySpace,
)
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer
from tokkit.text.spec import Normalizer

MAX_PREPENDED = 64
_LIBRARY = "library"
_SENTENCEPIECE_FLAGS = ("squeeze", "marked", "suffix")


def normalizer_to_json(normalizer: Normalizer) -> dict[str, object]:
    """A normalizer as a JSON object.

    Raises:
        UnsupportedError: a class that tokkit does not know, so that no file can name it.
    """
    match normalizer:
        case Lowercase(inner=inner):
            return normalizer_to_json(inner)
        case LibraryNormalizer(step=step):
            state = cast("Callable[[], bytes]", getattr(step, "__getstate__"))()  # noqa: B009
            return {"kind": _LIBRARY, "node": json.loads(state)}
        case ReplaceText(old=old, new=new):
            return {"kind": "replace", "old": old, "new": new}
        case PrependText(prefix=prefix):
            return {"kind": "prepend", "prefix": prefix}
        case SpaceMark(mark=mark):
            return {"kind": "space_mark", "mark": mark}
        case SqueezeSpaces():
            return {"kind": "squeeze_spaces"}
        case WordsBySpace(mark=mark):
            return {"kind": "words_by_space", "mark": mark}
        case CharsMap(mapping=mapping):
            return {"kind": "charsmap", "mapping": mapping}
        case SentencePieceNormalizer():
            return {
                "kind": "sentencepiece",
                "mapping": dict(normalizer.mapping),
                "symbols": list(normalizer.symbols),
                **{flag: getattr(normalizer, flag) for flag in _SENTENCEPIECE_FLAGS},
            }
        case ProtectLiterals(inner=inner, literals=literals):
            return {
                "kind": "protect",
                "inner": normalizer_to_json(inner),
                "literals": list(literals),
            }
        case Chain(steps=steps):
            return {"kind": "chain", "steps": [normalizer_to_json(step) for step in steps]}
        case _:
            raise UnsupportedError(
                f"the normalizer {normalizer.name} is a {type(normalizer).__name__}, which "
                "tokkit's file format has no name for; save the tokenizer without it"
            )


def normalizer_from_json(value: object, where: str) -> Normalizer:
    """What `normalizer_to_json` wrote.

    Raises:
        FormatError: damaged, or able to make a text more than 64 times longer.
        UnsupportedError: a step of the `tokenizers` library that tokkit does not run.
    """
    return _Reader().read(value, where)


class _Reader:
    """Reads one normalizer and keeps count of how many times longer it can make a text."""

    def __init__(self) -> None:
        self._growth = 1.0

    def read(self, value: object, where: str) -> Normalizer:
        node = want_object(value, where)
        kind = want_str(node.get("kind"), f"{where}.kind")
        where = f"{where} ({kind})"
        match kind:
            case "chain":
                steps = want_list(node.get("steps"), where)
                return Chain(tuple(self.read(step, where) for step in steps))
            case "protect":
                literals = [
                    want_str(text, where) for text in want_list(node.get("literals"), where)
                ]
                if not literals or not all(literals):
                    raise FormatError(f"{where}: an empty literal; expected text to protect")
                return ProtectLiterals(self.read(node.get("inner"), where), tuple(literals))
            case "library":
                return self._library(node.get("node"), where)
            case "replace":
                return self._replace(node, where)
            case "charsmap":
                return CharsMap(self._mapping(node, where))
            case "sentencepiece":
                return self._sentencepiece(node, where)
            case _:
                return _plain(kind, node, where)

    def _grow(self, factor: float, where: str) -> None:
        self._growth *= max(1.0, factor)
        if self._growth > MAX_GROWTH:
            raise FormatError(
                f"{where}: the replacements up to here can make a text {self._growth:,.0f} times "
                f"longer; expected at most {MAX_GROWTH:.0f}"
            )

    def _library(self, value: object, where: str) -> Normalizer:
        plan = read_normalizer(value, where)
        if len(plan.steps) != 1 or plan.marked or plan.prefix_space != "never":
            raise FormatError(f"{where}: expected one step of the tokenizers library")
        self._grow(plan.growth, where)
        return plan.steps[0]

    def _replace(self, node: dict[str, object], where: str) -> Normalizer:
        old, new = want_str(node.get("old"), where), want_str(node.get("new"), where)
        if not old:
            raise FormatError(f"{where}: replaces the empty string; expected a text")
        self._grow(len(new.encode()) / len(old.encode()), where)
        return ReplaceText(old, new)

    def _sentencepiece(self, node: dict[str, object], where: str) -> Normalizer:
        texts = want_list(node.get("symbols"), where)
        symbols = tuple(want_str(text, where) for text in texts)
        if not all(symbols):
            raise FormatError(f"{where}: an empty symbol; expected text to keep")
        squeeze, marked, suffix = (
            want_bool(node.get(flag), f"{where}.{flag}", default=False)
            for flag in _SENTENCEPIECE_FLAGS
        )
        return SentencePieceNormalizer(
            self._mapping(node, where), symbols, squeeze=squeeze, marked=marked, suffix=suffix
        )

    def _mapping(self, node: dict[str, object], where: str) -> dict[str, str]:
        pairs = want_object(node.get("mapping"), where).items()
        mapping = {key: want_str(text, where) for key, text in pairs}
        if not all(0 < len(key.encode()) <= MAX_KEY_BYTES for key in mapping):
            raise FormatError(f"{where}: a key is empty or longer than {MAX_KEY_BYTES} bytes")
        self._grow(growth(mapping), where)
        return mapping


def _plain(kind: str, node: dict[str, object], where: str) -> Normalizer:
    """A normalizer that makes no text longer in proportion."""
    match kind:
        case "prepend":
            prefix = want_str(node.get("prefix"), where)
            if len(prefix) > MAX_PREPENDED:
                raise FormatError(f"{where}: prepends more than {MAX_PREPENDED} characters")
            return PrependText(prefix)
        case "space_mark":
            return SpaceMark(_mark(node, where))
        case "squeeze_spaces":
            return SqueezeSpaces()
        case "words_by_space":
            return WordsBySpace(_mark(node, where))
        case _:
            raise FormatError(f"{where}: tokkit has no normalizer of this kind")


def _mark(node: dict[str, object], where: str) -> str:
    mark = want_str(node.get("mark"), where)
    if len(mark) != 1:
        raise FormatError(f"{where}: the mark {mark[:20]!r}; expected one, as {MARK!r}")
    return mark
