"""What the splitter of words knows of each character: `Word_Break`, tailored, and a few flags.

Source: Unicode Standard Annex #29, revision 45 (Unicode 16.0), table 3, which defines the values of
`Word_Break` by other properties, which `text.regex.characters.unicode_properties` has. Tailored
here, so that punctuation stands apart as in "Hierarchical Autoregressive Transformers" (Neitemeier
et al., ICLR 2025) and only what is part of a word or number stays inside one:

- full stops are MidNum (`3.14` is one word, `os.path` is two), and colons are Other;
- `_` and other connectors are Other: `snake_case` is two words;
- marks of punctuation that Unicode counts among letters or digits (the Armenian ones, the Hebrew
  geresh, the Arabic decimal separator) are MidLetter or MidNum: they join only what they stand in;
- of what is Other in the annex, the zero-width space and symbols that are no pictographs have
  values of their own: the rules treat them as Other, but it is known what to expect after them.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.text.regex.characters.unicode_properties import N_CODE_POINTS, property_ranges

IGNORED = ("Extend", "Format", "ZWJ")
"""What belongs to the character before it (rule WB4)."""

_MID_LETTER = "\u00b7\u0387\u055f\u05f4\u2027"
_MID_NUM_LET = "\u2018\u2019\uff07"
_MID_NUM = ",;\u037e\u0589\u060c\u060d\u066c\u07f8\u2044\ufe10\ufe14\ufe50\ufe54\uff0c\uff1b"
_FULL_STOPS = ".\u2024\ufe52\uff0e"
_NEWLINES = "\v\f\x85\u2028\u2029"
_KATAKANA = "\u3031\u3032\u3033\u3034\u3035\u309b\u309c\u30a0\u30fc\uff70"
_LETTERS = (
    *((0x2C2, 0x2C5), (0x2D2, 0x2D7), (0x2DE, 0x2DF), (0x2E5, 0x2EB), (0x2ED, 0x2ED)),
    *((0x2EF, 0x2FF), (0x55A, 0x55C), (0x55E, 0x55E), (0x58A, 0x58A), (0x5F3, 0x5F3)),
    *((0x70F, 0x70F), (0xA708, 0xA716), (0xA720, 0xA721), (0xA789, 0xA78A), (0xAB5B, 0xAB5B)),
)
"""ALetter, though not Alphabetic."""
_COMPLEX = ("Thai", "Laoo", "Mymr", "Khmr", "Tale", "Talu", "Lana", "Tavt", "Ahom")
"""Scripts without spaces whose letters have no Word_Break (`Line_Break=SA`)."""


class CharacterClass(NamedTuple):
    """Characters that the rules treat alike.

    Attributes:
        word_break: the value of the tailored `Word_Break`; "Invalid" for bytes that are no UTF-8.
        white: `White_Space`.
        punctuation: of a general category P.
        case: "Ll", "Lu" or "".
        pictographic: `Extended_Pictographic`.
        space: U+0020.
    """

    word_break: str
    white: bool = False
    punctuation: bool = False
    case: str = ""
    pictographic: bool = False
    space: bool = False


INVALID = CharacterClass("Invalid")


class Characters(NamedTuple):
    """The classes, and which character is in which.

    Attributes:
        classes: the class of each index.
        members: uint8 (code points,), indices.
        assigned: bool (code points,); surrogates are not.
    """

    classes: tuple[CharacterClass, ...]
    members: NDArray[np.uint8]
    assigned: NDArray[np.bool_]


@cache
def characters() -> Characters:
    """The classes of all characters of Unicode 16.0; `INVALID` is the last and has none."""
    values = _word_breaks()
    names = list(dict.fromkeys(["Other", *values]))
    word_break = np.zeros(N_CODE_POINTS, np.uint16)
    for value, chosen in values.items():
        word_break[chosen] = names.index(value)
    flags = [_of("White_Space"), _of("P"), _of("Ll"), _of("Lu"), _of("Extended_Pictographic")]
    key = word_break
    for flag in [*flags, _listed(" ")]:
        key = key << 1 | flag
    found = np.flatnonzero(np.bincount(key))
    classes = tuple(_character_class(names, int(each)) for each in found)
    members = np.zeros(int(found[-1]) + 1, np.uint8)
    members[found] = np.arange(len(found))
    return Characters((*classes, INVALID), members[key], _of("Assigned"))


def _character_class(names: list[str], key: int) -> CharacterClass:
    white, punctuation, lower, upper, pictographic, space = (
        bool(key >> shift & 1) for shift in (5, 4, 3, 2, 1, 0)
    )
    case = "Ll" if lower else "Lu" if upper else ""
    return CharacterClass(names[key >> 6], white, punctuation, case, pictographic, space)


def _word_breaks() -> dict[str, NDArray[np.bool_]]:
    """Characters of each value; one in several has the last of them."""
    extend = _of("Grapheme_Extend", "Mc", "Emoji_Modifier")
    katakana = _of("Katakana") | _listed(_KATAKANA)
    letters = _of("Alphabetic") & ~_of("Ideographic", "Hiragana", *_COMPLEX) | _between(*_LETTERS)
    punctuation, signs = _of("P"), _of("Prepended_Concatenation_Mark")
    decimal = _of("Nd")
    symbols = _of("S") & ~_of("Extended_Pictographic")
    return {
        "Symbol": symbols,
        "Zero_Width_Space": _listed("\u200b"),
        "Format": _of("Cf") & ~_listed("\u200b") & ~signs,
        "Numeric": decimal | _listed("\u19da") | signs,
        "ALetter": letters & ~punctuation,
        "Hebrew_Letter": _of("Hebrew") & _of("Lo"),
        "Katakana": katakana & ~punctuation,
        "Extend": extend,
        "ZWJ": _listed("\u200d"),
        "MidLetter": letters & punctuation | _listed(_MID_LETTER),
        "MidNumLet": _listed(_MID_NUM_LET),
        "MidNum": _listed(_MID_NUM + _FULL_STOPS + "\u066b"),
        "Single_Quote": _listed("'"),
        "Double_Quote": _listed('"'),
        "ExtendNumLet": _listed("\u202f"),
        "WSegSpace": _of("Zs") & ~_listed("\xa0\u2007\u202f"),
        "Regional_Indicator": _of("Regional_Indicator"),
        "Newline": _listed(_NEWLINES),
        "CR": _listed("\r"),
        "LF": _listed("\n"),
    }


def _of(*properties: str) -> NDArray[np.bool_]:
    """Characters that have one of some properties."""
    return _between(*(pair for name in properties for pair in property_ranges(name, "rust")))


def _listed(text: str) -> NDArray[np.bool_]:
    return _between(*((ord(char), ord(char)) for char in text))


def _between(*ranges: tuple[int, int] | NDArray[np.int32]) -> NDArray[np.bool_]:
    """Characters of inclusive ranges."""
    chosen = np.zeros(N_CODE_POINTS, np.bool_)
    for low, high in ranges:
        chosen[low : high + 1] = True
    return chosen
