"""Normalizers as JSON, for tokkit's own file (`tokkit.text.formats.tokkit_file`).

A normalizer of the `tokenizers` library is written as that library writes it and read by the reader
of `tokenizer.json`, with all of its checks; those of tokkit are written as a kind and their fields.
What the replacements of a file together can make of a text is bounded as it is there.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import fields
from math import inf
from typing import Any, cast

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_bool, want_list, want_object, want_str
from tokkit.text.formats.hugging_face.normalizers import Growth, read_normalizer
from tokkit.text.formats.sentencepiece.charsmap import MAX_KEY_BYTES, CharsMap, growth
from tokkit.text.normalizers import (
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
_KINDS: dict[str, type[Any]] = {
    "replace": ReplaceText,
    "prepend": PrependText,
    "space_mark": SpaceMark,
    "squeeze_spaces": SqueezeSpaces,
    "words_by_space": WordsBySpace,
    "charsmap": CharsMap,
    "sentencepiece": SentencePieceNormalizer,
    "protect": ProtectLiterals,
    "chain": Chain,
}
"""By their names in files."""
_NAMES = {kind: name for name, kind in _KINDS.items()}


def _made_of(kind: type[Any]) -> list[str]:
    """The fields that a normalizer is made of."""
    return [field.name for field in fields(kind) if field.init and field.name != "name"]


def normalizer_to_json(normalizer: Normalizer) -> dict[str, object]:
    """A normalizer as a JSON object.

    Raises:
        UnsupportedError: a class that tokkit does not know, so that no file can name it.
    """
    if isinstance(normalizer, Lowercase):
        normalizer = normalizer.inner
    if isinstance(normalizer, LibraryNormalizer):
        state = cast("Callable[[], bytes]", getattr(normalizer.step, "__getstate__"))()  # noqa: B009
        return {"kind": _LIBRARY, "node": json.loads(state)}
    kind: type[Any] = type(normalizer)
    if kind not in _NAMES:
        raise UnsupportedError(
            f"the normalizer {normalizer.name} is a {kind.__name__}, which "
            "tokkit's file format has no name for; save the tokenizer without it"
        )
    values = {name: _field_to_json(getattr(normalizer, name)) for name in _made_of(kind)}
    return {"kind": _NAMES[kind], **values}


def _field_to_json(value: Any) -> object:
    if isinstance(value, str | bool):
        return value
    if isinstance(value, tuple):
        return [_field_to_json(each) for each in cast("tuple[object, ...]", value)]
    return dict(cast("Any", value)) if isinstance(value, Mapping) else normalizer_to_json(value)


def normalizer_from_json(value: object, where: str) -> Normalizer:
    """What `normalizer_to_json` wrote.

    Raises:
        FormatError: damaged, or able to make a text more than 64 times longer.
        UnsupportedError: a step of the `tokenizers` library that tokkit does not run.
    """
    return _read(value, where, Growth())


def _read(value: object, where: str, total: Growth) -> Normalizer:
    node = want_object(value, where)
    kind = want_str(node.get("kind"), f"{where}.kind")
    where = f"{where} ({kind})"
    if kind == _LIBRARY:
        plan = read_normalizer(node.get("node"), where)
        if len(plan.steps) != 1 or plan.marked or plan.prefix_space != "never":
            raise FormatError(f"{where}: expected one step of the tokenizers library")
        total.by(plan.growth.factor, where)
        return plan.steps[0]
    if kind not in _KINDS:
        raise FormatError(f"{where}: tokkit has no normalizer of this kind")
    names = _made_of(_KINDS[kind])
    values = {name: _field_from_json(name, node.get(name), where, total) for name in names}
    if kind == "replace":
        total.by(growth({values["old"]: values["new"]}), where)
    total.by(growth(values.get("mapping", {})), where)
    return _KINDS[kind](**values)


def _field_from_json(name: str, value: object, where: str, total: Growth) -> Any:
    """A field; each name means the same in all kinds."""
    match name:
        case "inner":
            return _read(value, where, total)
        case "steps":
            return tuple(_read(step, where, total) for step in want_list(value, where))
        case "literals" | "symbols":
            texts = tuple(want_str(text, where) for text in want_list(value, where))
            if not all(texts) or not (texts or name == "symbols"):
                raise FormatError(f"{where}: an empty entry of {name}; expected text to keep")
            return texts
        case "mapping":
            pairs = want_object(value, where).items()
            mapping = {key: want_str(text, where) for key, text in pairs}
            if not all(0 < len(key.encode()) <= MAX_KEY_BYTES for key in mapping):
                raise FormatError(f"{where}: a key is empty or longer than {MAX_KEY_BYTES} bytes")
            return mapping
        case "squeeze" | "marked" | "suffix":
            return want_bool(value, f"{where}.{name}", default=False)
        case _:
            text = want_str(value, where)
            least = 1 if name in ("old", "mark") else 0
            most = {"prefix": MAX_PREPENDED, "mark": 1}.get(name, inf)
            if not least <= len(text) <= most:
                raise FormatError(
                    f"{where}: {name} has {len(text):,} characters; expected {least} to {most}"
                )
            return text
