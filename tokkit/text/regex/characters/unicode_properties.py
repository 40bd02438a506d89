r"""Unicode character classes, exactly as the two reference regex engines define them.

A pretokenizer pattern means what the engine of its format says it means: Oniguruma (with Ruby
syntax) for Hugging Face `tokenizers`, fancy-regex for tiktoken. Python's own `unicodedata` is of
another Unicode version and would move token boundaries, so the tables are read from the engines
themselves (`scripts/make_unicode_properties.py`) and committed. Engines that were read:
tokenizers 0.23.3 and tiktoken 0.14.0. Both are at Unicode 16.0, and agree on every general
category, script and binary property that both know; a test asks both about every code point.

What differs, and what surprises, found by experiment:

==================  ==========================================  ==================================
construct           oniguruma                                   rust
==================  ==========================================  ==================================
`\s` `\S`           `White_Space` (25 characters)               the same
`\d`                `Nd` (760)                                  the same
`\w`                Alphabetic, M, Nd, Pc, and U+00B2 B3 B9     Alphabetic, M, Nd, Pc, and the
                    BC BD BE; inside `[...]`, without those 6   join controls U+200C, U+200D
`\b`                at the edges of a bare `\w`                 at the edges of `\w`
`\h`                ASCII hex digit, not horizontal space       the same
`\v`                U+000B only                                 the same
`\R`                CR LF as one atom, LF VT FF CR U+0085       CR LF as one atom, LF VT FF CR
                    U+2028 U+2029                               U+0085 U+2028 U+2029
`\X`                a grapheme cluster                          refused
`\N` `\O`           not a line feed; anything                   the same
`.`                 anything but U+000A                         the same
`(?m)`              `.` matches U+000A too                      `^` and `$` match at lines
`(?s)`              refused                                     `.` matches U+000A too
`^`                 at the start, and after every U+000A that   at the start only
                    is not the last character
`$`                 before every U+000A, and at the end         at the end only
`\z`; `\Z`          the end; the end or before a last U+000A    the end; the end or before trailing
                                                                U+000As
`[^...]`            matches U+000A unless it is listed          the same
`[[:alpha:]]` ...   Unicode (see `posix_ranges`)                ASCII only
`\pL`               the two letters `pL`                        the class `L`
`\p{...}`           a name                                      also `sc=Han`, `gc=L`, `IsHan`
`x{1,3}+`           one or more of `x{1,3}`                     possessive
`x{,2}`             zero to two                                 the same
`(?i:s)`            s, S, U+017F (long s)                       the same
`(?i:k)`            k, K, U+212A (kelvin sign)                  the same
`(?i:\p{Lu})`       `Lu`; inside `[...]` as in Rust             any character with a case variant
                                                                in `Lu`
`(?i:[^s])`         the complement of {s, S, U+017F}            the same
`(?i:ss)`           U+00DF, U+1E9E too: multi-character folds   never
`(?i:ß)`            `ss` too                                    never
==================  ==========================================  ==================================

Oniguruma's multi-character folds work both ways (`(?i:st)` matches U+FB05 and U+FB06,
`(?i:[ß])` matches `ss`), but not on parts (`(?i:f)` does not match U+FB00); see `folding`.
Single-character case variants are equal in both engines, and equal in literals and in brackets.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import UnsupportedError
from tokkit.files.shipped import shipped_table

Dialect = Literal["oniguruma", "rust"]
Ranges = NDArray[np.int32]

N_CODE_POINTS = 0x110000
_SURROGATES = (0xD800, 0xDFFF)
_DATA_FILE = Path(__file__).with_name("unicode_properties.npz")

GENERAL_CATEGORIES = (
    *("Lu", "Ll", "Lt", "Lm", "Lo", "Mn", "Mc", "Me", "Nd", "Nl", "No", "Pc", "Pd", "Ps", "Pe"),
    *("Pi", "Pf", "Po", "Sm", "Sc", "Sk", "So", "Zs", "Zl", "Zp", "Cc", "Cf", "Cs", "Co", "Cn"),
)
"""Two-letter names; the data file stores a category as its index here."""

_NAMES = shipped_table("unicode_names.toml", "tokkit.text.regex.characters")
_CATEGORY_ALIASES: dict[str, str] = _NAMES["categories"]
_ASCII_POSIX: dict[str, list[str]] = _NAMES["posix"]
"""First and last character of each range, by class."""


@cache
def property_ranges(name: str, dialect: Dialect = "oniguruma") -> Ranges:
    r"""The characters of `\p{name}`.

    Names are matched as the engines do: case, spaces, `_` and `-` do not count.

    Args:
        name: a general category (`L`, `Lu`, `Uppercase_Letter`), a script (`Han`, `Hani`),
            a binary property (`White_Space`, `Alphabetic`, `Emoji`), `Any`, `Assigned` or `ASCII`.
        dialect: the engine. Only rust understands `sc=Han`, `gc=L` and `IsHan`. Besides, here only,
            `tokenizers=digit`, `tokenizers=punctuation` and `tokenizers=script7` are what the
            pretokenizers of that library go by; each is of another version of Unicode.

    Returns:
        int32 (n, 2): sorted, disjoint, not adjacent, both ends inclusive, without surrogates.
        Read-only.

    Raises:
        UnsupportedError: no such property in the tables.
    """
    key = re.sub(r"[\s_-]", "", name).lower()
    kind, wanted = _split_kind(key) if dialect == "rust" else ("", key)
    ranges = _named(kind, wanted)
    if ranges is None and dialect == "oniguruma" and key in _ASCII_POSIX:
        ranges = word_ranges() if key == "word" else posix_ranges(key)
    if ranges is None and dialect == "rust" and not kind and key.startswith("is"):
        ranges = _named("", key[2:])
    if ranges is None:
        raise UnsupportedError(
            f"Unicode property {name!r} is not known in the {dialect} dialect; expected a general "
            "category, a script, a binary property (as Emoji), Any, Assigned or ASCII. "
            "Extend scripts/make_unicode_properties.py if the engine accepts it"
        )
    return _frozen(ranges)


@cache
def word_ranges(dialect: Dialect = "oniguruma", *, in_class: bool = False) -> Ranges:
    r"""The characters of `\w`; `in_class` for `[\w]`, which is narrower in Oniguruma."""
    base = _union([_binary("alphabetic"), _category("m"), _category("nd"), _category("pc")])
    if dialect == "rust":
        return _frozen(_union([base, _pairs((0x200C, 0x200D))]))
    if in_class:
        return _frozen(base)
    return _frozen(_union([base, _pairs((0xB2, 0xB3), (0xB9, 0xB9), (0xBC, 0xBE))]))


def digit_ranges(dialect: Dialect = "oniguruma") -> Ranges:
    r"""The characters of `\d`."""
    return property_ranges("Nd", dialect)


def space_ranges(dialect: Dialect = "oniguruma") -> Ranges:
    r"""The characters of `\s`."""
    return property_ranges("White_Space", dialect)


def hex_digit_ranges() -> Ranges:
    r"""The characters of `\h`, in both dialects."""
    return posix_ranges("xdigit", "rust")


@cache
def posix_ranges(name: str, dialect: Dialect = "oniguruma") -> Ranges:
    """The characters of `[[:name:]]`.

    Raises:
        UnsupportedError: not one of the 14 POSIX names.
    """
    if name not in _ASCII_POSIX:
        raise UnsupportedError(
            f"POSIX class [:{name}:] is not known; expected one of {', '.join(_ASCII_POSIX)}"
        )
    if dialect == "rust" or name in ("ascii", "xdigit"):
        return _frozen(_pairs(*((ord(low), ord(high)) for low, high in _ASCII_POSIX[name])))
    return _frozen(_unicode_posix(name))


def tokenizers_scripts() -> int:
    """The number of scripts that `UnicodeScripts` knows; that number itself goes with any."""
    return int(_table()["tokenizers_script_values"].max())


def simple_case_variants(code_point: int) -> tuple[int, ...]:
    """The characters that match `code_point` under `(?i)`, itself included, sorted.

    Args:
        code_point: any code point; one without case gives a tuple of itself alone.

    >>> [f"{c:04X}" for c in simple_case_variants(ord("k"))]
    ['004B', '006B', '212A']
    """
    return _variants().get(code_point, (code_point,))


@cache
def case_classes() -> tuple[tuple[int, ...], ...]:
    """The sets of two or more characters that match one another under `(?i)`."""
    members = _table()["case_members"].tolist()
    ends = np.cumsum(_table()["case_sizes"]).tolist()
    return tuple(tuple(members[start:end]) for start, end in zip([0, *ends], ends, strict=False))


@cache
def multiple_folds() -> Mapping[str, str]:
    """Characters that match several under `(?i)` in Oniguruma -> these, folded: "ß" -> "ss"."""
    return dict(str(entry).split() for entry in _table()["multiple_folds"].tolist())


def complement(ranges: Ranges) -> Ranges:
    """All characters (surrogates are none) that are outside `ranges`."""
    excluded = _union([ranges, _pairs(_SURROGATES)])
    starts = np.concatenate([[0], excluded[:, 1] + 1])
    ends = np.concatenate([excluded[:, 0] - 1, [N_CODE_POINTS - 1]])
    keep = starts <= ends
    return np.stack([starts[keep], ends[keep]], axis=1).astype(np.int32)


def _split_kind(key: str) -> tuple[str, str]:
    """`sc=han` -> `("script", "han")`; a bare name has kind `""`."""
    kind, found, value = key.partition("=")
    if not found:
        return "", key
    known = {"gc": "category", "generalcategory": "category", "sc": "script", "script": "script"}
    known["tokenizers"] = "tokenizers"
    return known.get(kind, "unknown"), value


def _named(kind: str, key: str) -> Ranges | None:
    """Look one loose name up among categories, then scripts, then binary properties."""
    key_of_category = _CATEGORY_ALIASES.get(key, key)
    if kind in ("", "category") and key_of_category in _category_members():
        return _category(key_of_category)
    if kind in ("", "script") and key in _script_ids():
        return _script(_script_ids()[key])
    if kind == "tokenizers":
        return _tokenizers(key)
    if kind == "" and key in _binary_names():
        return _binary(_binary_names()[key])
    if kind == "" and key in ("any", "assigned", "ascii"):
        if key == "ascii":
            return _pairs((0, 0x7F))
        return complement(_category("cn") if key == "assigned" else _pairs())
    return None


def _tokenizers(key: str) -> Ranges | None:
    if key in ("digit", "punctuation"):
        return _binary(f"tokenizers_{key}")
    script = key.removeprefix("script")
    if script.isascii() and script.isdigit() and int(script) <= tokenizers_scripts():
        return _select_runs("tokenizers_script", (int(script),))
    return None


def _unicode_posix(name: str) -> Ranges:
    """POSIX classes as Oniguruma has them (UTS 18, annex C, with symbols as punctuation)."""
    spaces = _category("zs")
    match name:
        case "alnum":
            return _union([_binary("alphabetic"), _category("nd")])
        case "blank":
            return _union([spaces, _pairs((0x09, 0x09))])
        case "cntrl":
            return _category("cc")
        case "digit":
            return _category("nd")
        case "punct":
            return _union([_category("p"), _category("s")])
        case "word":
            return word_ranges("oniguruma", in_class=True)
        case "graph" | "print":
            unseen = [_binary("whitespace"), _category("cc"), _category("cn")]
            visible = complement(_union(unseen))
            return visible if name == "graph" else _union([visible, spaces])
        case _:
            return _binary(_binary_names()[name])


@cache
def _category_members() -> Mapping[str, tuple[int, ...]]:
    """Lower-case category name -> indices into `GENERAL_CATEGORIES`; `l` is the union of `l?`."""
    members: dict[str, tuple[int, ...]] = {}
    for index, name in enumerate(GENERAL_CATEGORIES):
        members[name.lower()] = (index,)
        major = name[0].lower()
        members[major] = (*members.get(major, ()), index)
    members["lc"] = members["lu"] + members["ll"] + members["lt"]
    return members


@cache
def _category(key: str) -> Ranges:
    return _select_runs("category", _category_members()[key])


def _script(index: int) -> Ranges:
    return _select_runs("script", (index,))


def _binary(name: str) -> Ranges:
    return _table()[name]


@cache
def _binary_names() -> Mapping[str, str]:
    """Loose name of a binary property, long or short -> its name in the data file."""
    entries = [str(names).split() for names in _table()["binary_names"].tolist()]
    return {name: names[0] for names in entries for name in names}


@cache
def _script_ids() -> Mapping[str, int]:
    """Loose script name, long or of four letters -> script index in the data file."""
    entries = enumerate(_table()["script_names"].tolist())
    return {name: index for index, names in entries for name in str(names).split()}


@cache
def _variants() -> Mapping[int, tuple[int, ...]]:
    return {code_point: variants for variants in case_classes() for code_point in variants}


class _Table(dict[str, NDArray[np.int32]]):
    """Arrays of the data file by name, each decompressed when it is first asked for."""

    def __missing__(self, name: str) -> NDArray[np.int32]:
        with np.load(_DATA_FILE, allow_pickle=False) as archive:
            self[name] = archive[name]
        return self[name]


@cache
def _table() -> _Table:
    return _Table()


def _select_runs(partition: str, values: tuple[int, ...]) -> Ranges:
    """Ranges of a partition of the code points (runs with a start and a value)."""
    starts = _table()[f"{partition}_starts"]
    ends = np.append(starts[1:], N_CODE_POINTS) - 1
    chosen = np.isin(_table()[f"{partition}_values"], values)
    return _without_surrogates(_union([np.stack([starts[chosen], ends[chosen]], axis=1)]))


def _without_surrogates(ranges: Ranges) -> Ranges:
    """Cut D800-DFFF out of sorted ranges."""
    low, high = _SURROGATES
    below, above = ranges.copy(), ranges.copy()
    below[:, 1] = np.minimum(below[:, 1], low - 1)
    above[:, 0] = np.maximum(above[:, 0], high + 1)
    parts = np.concatenate([below, above])
    return _union([parts[parts[:, 0] <= parts[:, 1]]])


def _union(parts: list[Ranges]) -> Ranges:
    """Sorted, disjoint, non-adjacent ranges that cover `parts`."""
    ranges = np.concatenate(parts)
    if len(ranges) == 0:
        return _pairs()
    ranges = ranges[np.argsort(ranges[:, 0], kind="stable")]
    reach = np.maximum.accumulate(ranges[:, 1])
    opens = np.flatnonzero(np.append(True, ranges[1:, 0] > reach[:-1] + 1))
    closes = np.append(opens[1:], len(ranges)) - 1
    return np.stack([ranges[opens, 0], reach[closes]], axis=1).astype(np.int32)


def _pairs(*pairs: tuple[int, int]) -> Ranges:
    return np.array(pairs, dtype=np.int32).reshape(-1, 2)


def _frozen(ranges: Ranges) -> Ranges:
    """Read-only, because the caches hand the same array to every caller."""
    ranges.flags.writeable = False
    return ranges
