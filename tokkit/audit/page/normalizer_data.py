"""The normaliser as steps that the page can run, exactly, or a refusal.

What maps each character on its own (`Lowercase`, `StripAccents`, `Nmt`, `BertNormalizer`) is run
here over all of Unicode and shipped as a map. Normal forms are left to the browser, but only over
the characters that this normaliser's own version of Unicode composes, decomposes or reorders: the
stability of normal forms (UAX #15, section 3) makes every version agree on those, and a checksum
over them tells the page whether its browser does.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, cast

from tokkit.audit.page.scanner_data import add_pattern
from tokkit.audit.page.streams import Streams, fnv1a
from tokkit.errors import UnsupportedError
from tokkit.text.formats.sentencepiece.charsmap import CharsMap
from tokkit.text.normal_forms import NORMAL_FORMS
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
    library_normalizer,
)
from tokkit.text.sentencepiece_normalizer import SentencePieceNormalizer
from tokkit.text.spec import Normalizer

_CHARWISE = ("Lowercase", "StripAccents", "Nmt", "BertNormalizer")
_LAST_CLASS = "\u0345"  # the only character of combining class 240, the highest
_SEPARATOR = "0"  # no step that works character by character changes or makes it

Step = dict[str, Any]


def normalizer_steps(normalizer: Normalizer | None, streams: Streams) -> list[Step]:
    """The steps, in order, as JSON objects.

    Raises:
        UnsupportedError: a step that the page cannot run exactly.
    """
    if normalizer is None:
        return []
    if isinstance(normalizer, Chain):
        return [step for part in normalizer.steps for step in normalizer_steps(part, streams)]
    return [_step(normalizer, streams)]


def _step(normalizer: Normalizer, streams: Streams) -> Step:
    match normalizer:
        case ReplaceText(old=old, new=new):
            return {"kind": "replace", "old": old, "new": new}
        case SpaceMark(mark=mark):
            return {"kind": "replace", "old": mark, "new": " "}
        case PrependText(prefix=prefix):
            return {"kind": "prepend", "prefix": prefix}
        case SqueezeSpaces():
            return {"kind": "squeezeSpaces"}
        case WordsBySpace(mark=mark):
            return {"kind": "wordsBySpace", "mark": mark}
        case CharsMap(mapping=mapping):
            return {"kind": "charsmap", "mapping": _add_mapping(streams, mapping)}
        case SentencePieceNormalizer():
            return {
                "kind": "sentencepiece",
                "mapping": _add_mapping(streams, normalizer.mapping),
                "symbols": list(normalizer.symbols),
                "squeeze": normalizer.squeeze,
                "marked": normalizer.marked,
                "suffix": normalizer.suffix,
            }
        case ProtectLiterals(inner=inner, literals=literals):
            inside = normalizer_steps(inner, streams)
            return {"kind": "protect", "literals": list(literals), "steps": inside}
        case Lowercase(inner=inner):
            return _library_step(inner, streams)
        case LibraryNormalizer():
            return _library_step(normalizer, streams)
        case _:
            raise UnsupportedError(f"the page cannot run the normaliser {normalizer.name}")


def _library_step(normalizer: LibraryNormalizer, streams: Streams) -> Step:
    state = cast("Callable[[], bytes]", getattr(normalizer.step, "__getstate__"))()  # noqa: B009
    node: dict[str, Any] = json.loads(state)
    kind: str = node["type"]
    if kind in NORMAL_FORMS:
        active, checksum = active_characters(), form_checksum(kind)
        return {"kind": "normalForm", "form": kind, "active": active, "checksum": checksum}
    if kind in _CHARWISE:
        return _charwise_step(normalizer, streams, reorders=bool(node.get("strip_accents")))
    if kind == "Strip":
        return {"kind": "strip", "left": node["strip_left"], "right": node["strip_right"]}
    if kind == "Replace" and "Regex" in node["pattern"]:
        pattern: str = node["pattern"]["Regex"]
        tables = add_pattern(streams, f"replace {pattern}", pattern)
        return {"kind": "replacePattern", "scanner": tables, "new": node["content"]}
    raise UnsupportedError(f"the page cannot run the normaliser {normalizer.name}")


# -- maps of single characters ---------------------------------------------------------------


def _part_of_each(
    normalize: Callable[[str], str], separator: str = "\n", *, before: str = ""
) -> dict[str, str]:
    """What becomes of each character but the separator, behind `before`, all in one call.

    Raises:
        ValueError: it does not stay between its separators.
    """
    points = (*range(0xD800), *range(0xE000, 0x110000))
    every = [char for char in map(chr, points) if char != separator]
    parts = normalize(separator.join(before + char for char in every)).split(separator)
    return dict(zip(every, parts, strict=True))


def _add_mapping(streams: Streams, mapping: Mapping[str, str]) -> str:
    """Add a map from texts to texts; the name of its streams."""
    name = f"map {zlib.crc32(repr(sorted(mapping.items())).encode(errors='surrogatepass'))}"
    streams.add_mapping(name, mapping)
    return name


def _charwise_step(normalizer: LibraryNormalizer, streams: Streams, *, reorders: bool) -> Step:
    try:
        parts = _part_of_each(normalizer, _SEPARATOR)
    except ValueError:
        name = normalizer.name
        raise UnsupportedError(f"the normaliser {name} does not map characters singly") from None
    mapping = {char: part for char, part in parts.items() if part != char}
    removed = {char for char, part in mapping.items() if not part}
    spaced = {char for char, part in mapping.items() if part == f" {char} "}
    others = {char: mapping[char] for char in mapping if char not in removed and char not in spaced}
    step: Step = {
        "kind": "map",
        "removed": _ranges(removed),
        "spaced": _ranges(spaced),
        "mapping": _add_mapping(streams, others),
    }
    if reorders:
        # It decomposes, which may change the order of the marks that it does not strip.
        marks = set(combining_characters())
        kept = {char for part in parts.values() for char in part if char in marks}
        step["marks"] = _ranges(kept)
    return step


# -- normal forms ----------------------------------------------------------------------------


def _form(name: str) -> Callable[[str], str]:
    return cast("Callable[[str], str]", library_normalizer(name))


@lru_cache(maxsize=1)
def combining_characters() -> tuple[str, ...]:
    """Characters of a combining class other than 0: they move before one of the highest class."""
    return tuple(
        char
        for char, text in _part_of_each(_form("NFD"), before=_LAST_CLASS).items()
        if char == _LAST_CLASS or not text.startswith(_LAST_CLASS)
    )


@lru_cache(maxsize=1)
def active_characters() -> str:
    """The characters that a normal form may change or move, as ranges: `first last first last …`.

    Those that decompose, those that decompositions hold (so that they may compose), and those of a
    combining class. All others pass through, and nothing passes across them.
    """
    active = set(combining_characters())
    for form in ("NFKD", "NFD"):
        for char, part in _part_of_each(_form(form)).items():
            if part != char:
                active |= {char, *part}
    return _ranges(active)


def _ranges(chars: Iterable[str]) -> str:
    points = sorted(map(ord, chars))
    ranges: list[str] = []
    for k, point in enumerate(points):
        if k == 0 or points[k - 1] + 1 != point:
            ranges.append(f"{point:x}")
        if k + 1 == len(points) or points[k + 1] != point + 1:
            ranges.append(f"{point:x}")
    return " ".join(ranges)


@lru_cache(maxsize=len(NORMAL_FORMS))
def form_checksum(form: str) -> int:
    """FNV-1a over the code points of the normal forms of all active characters, each on its own."""
    normalize = _form(form)
    bounds = [int(number, 16) for number in active_characters().split()]
    return fnv1a(
        ord(char)
        for first, last in zip(bounds[::2], bounds[1::2], strict=True)
        for point in range(first, last + 1)
        for char in normalize(chr(point))
    )
