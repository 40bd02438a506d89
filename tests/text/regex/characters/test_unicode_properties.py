r"""The character tables against both engines, over all code points."""

from __future__ import annotations

import numpy as np
import pytest
import tiktoken
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Regex, normalizers

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters import unicode_properties as up
from tokkit.text.regex.characters.unicode_properties import Dialect, Ranges

CHARACTERS = "".join(chr(c) for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF)
DIALECTS: tuple[Dialect, ...] = ("oniguruma", "rust")
NAMES = [
    *up.GENERAL_CATEGORIES,
    *("L", "M", "N", "P", "S", "Z", "C", "LC", "Letter", "Nonspacing_Mark", "cntrl", "digit"),
    *("White_Space", "Alphabetic", "Uppercase", "Lowercase", "Any", "Assigned", "ASCII"),
    *("Emoji", "alpha", "upper", "lower", "punct", "space"),
]
BINARY = [names.split()[0] for names in up._table()["binary_names"].tolist()]
POSIX = [
    *("alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct"),
    *("space", "upper", "word", "xdigit"),
]
SCRIPTS = up._table()["script_names"].tolist()


def oniguruma_matches(pattern: str, text: str) -> set[str]:
    """Characters of `text` that `pattern` deletes."""
    kept = normalizers.Replace(Regex(pattern), "").normalize_str(text)
    return set(text) - set(kept)


def rust_matches(pattern: str, text: str) -> set[str]:
    """Characters of `text` that tiktoken does not skip."""
    ranks = {bytes([value]): value for value in range(256)}
    engine = tiktoken.Encoding("probe", pat_str=pattern, mergeable_ranks=ranks, special_tokens={})
    return set(bytes(engine.encode_ordinary(text)).decode())


def matches(pattern: str, dialect: Dialect, text: str = CHARACTERS) -> set[str]:
    engine = oniguruma_matches if dialect == "oniguruma" else rust_matches
    return engine(pattern, text)


def characters(ranges: Ranges) -> set[str]:
    return {chr(c) for low, high in ranges.tolist() for c in range(low, high + 1)}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", NAMES)
def test_property_equals_engine(name: str, dialect: Dialect) -> None:
    expected = matches(rf"\p{{{name}}}", dialect)
    assert characters(up.property_ranges(name, dialect)) == expected


@pytest.mark.slow
@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", BINARY)
def test_binary_property_equals_engine(name: str, dialect: Dialect) -> None:
    expected = matches(rf"\p{{{name}}}", dialect)
    assert characters(up.property_ranges(name, dialect)) == expected


@pytest.mark.parametrize("dialect", DIALECTS)
def test_short_names_of_properties_are_those_of_the_engine(dialect: Dialect) -> None:
    for names in up._table()["binary_names"].tolist():
        name, *aliases = names.split()
        ranges = up.property_ranges(name, dialect)
        probe = "a" + chr(ranges[0, 0])
        for alias in aliases:
            assert up.property_ranges(alias, dialect).tolist() == ranges.tolist()
            assert matches(rf"\p{{{alias}}}", dialect, probe) == matches(
                rf"\p{{{name}}}", dialect, probe
            )


@pytest.mark.parametrize("name", POSIX)
def test_posix_names_are_properties_in_oniguruma(name: str) -> None:
    assert characters(up.property_ranges(name)) == oniguruma_matches(rf"\p{{{name}}}", CHARACTERS)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_script_equals_engine(dialect: Dialect) -> None:
    # Oniguruma's \p{Unknown} settles 957,001 characters at once; the rest are asked per script.
    unscripted = oniguruma_matches(r"\p{Unknown}", CHARACTERS)
    scripted = "".join(c for c in CHARACTERS if c not in unscripted)
    for names in SCRIPTS:
        name, *aliases = names.split()
        found = characters(up.property_ranges(name, dialect))
        assert found == matches(rf"\p{{{name}}}", dialect, scripted), name
        for alias in aliases:
            assert up.property_ranges(alias, dialect).tolist() == up.property_ranges(name).tolist()
            assert matches(rf"\p{{{alias}}}", dialect, min(found) + "\0") == {min(found)}


@pytest.mark.parametrize("dialect", DIALECTS)
def test_perl_classes_equal_engine(dialect: Dialect) -> None:
    assert characters(up.word_ranges(dialect)) == matches(r"\w", dialect)
    assert characters(up.word_ranges(dialect, in_class=True)) == matches(r"[\w]", dialect)
    assert characters(up.digit_ranges(dialect)) == matches(r"\d", dialect)
    assert characters(up.space_ranges(dialect)) == matches(r"\s", dialect)
    assert characters(up.hex_digit_ranges()) == matches(r"\h", dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", POSIX)
def test_posix_classes_equal_engine(name: str, dialect: Dialect) -> None:
    assert characters(up.posix_ranges(name, dialect)) == matches(f"[[:{name}:]]", dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_case_variants_equal_engine(dialect: Dialect) -> None:
    cased = matches(r"[\p{CWCF}\p{CWCM}]", dialect)
    text = "\0".join(sorted(cased))  # The separator keeps `(?i:ß)` from matching two neighbours.
    for character in sorted(cased):
        expected = matches(rf"(?i:\x{{{ord(character):X}}})", dialect, text)
        assert set(map(chr, up.simple_case_variants(ord(character)))) == expected, character


@pytest.mark.parametrize("dialect", DIALECTS)
def test_uncased_characters_have_no_variants(dialect: Dialect) -> None:
    cased = matches(r"[\p{CWCF}\p{CWCM}]", dialect)
    assert matches(r"(?i:[\p{CWCF}\p{CWCM}])", dialect) == cased
    uncased = set(CHARACTERS) - cased
    assert all(up.simple_case_variants(ord(c)) == (ord(c),) for c in uncased)


def test_variants_of_the_contraction_letters() -> None:
    assert up.simple_case_variants(ord("s")) == (ord("S"), ord("s"), 0x17F)
    assert up.simple_case_variants(0x212A) == (ord("K"), ord("k"), 0x212A)


@pytest.mark.parametrize("name", ["sc=Han", "Script=Han", "gc=Lu", "General_Category=L", "IsHan"])
def test_rust_only_names(name: str) -> None:
    expected = matches(rf"\p{{{name}}}", "rust")
    assert characters(up.property_ranges(name, "rust")) == expected
    with pytest.raises(UnsupportedError, match="oniguruma"):
        up.property_ranges(name, "oniguruma")


def test_unknown_names_are_refused_by_name() -> None:
    with pytest.raises(UnsupportedError, match="Klingon"):
        up.property_ranges("Klingon")
    with pytest.raises(UnsupportedError, match="vowel"):
        up.posix_ranges("vowel")


@pytest.mark.parametrize("name", NAMES)
def test_ranges_are_sorted_disjoint_and_hold_no_surrogates(name: str) -> None:
    ranges = up.property_ranges(name)
    assert ranges.dtype == np.int32
    assert ranges.shape == (len(ranges), 2)
    assert not ranges.flags.writeable
    assert (ranges[:, 0] <= ranges[:, 1]).all()
    assert (ranges[1:, 0] > ranges[:-1, 1] + 1).all()
    assert ((ranges[:, 1] < 0xD800) | (ranges[:, 0] > 0xDFFF)).all()


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 0x10FFFF), st.integers(0, 300)), max_size=8))
def test_complement_is_an_involution_off_the_surrogates(pairs: list[tuple[int, int]]) -> None:
    points = sorted({min(low + n, 0x10FFFF) for low, width in pairs for n in range(width)})
    ranges = np.array([(c, c) for c in points], dtype=np.int32).reshape(-1, 2)
    expected = {chr(c) for c in points if not 0xD800 <= c <= 0xDFFF}
    assert characters(up.complement(up.complement(ranges))) == expected


def test_multi_character_folds_exist_in_oniguruma_only() -> None:
    assert oniguruma_matches("(?i:ss)", "ß") == {"ß"}
    assert rust_matches("(?i:ss)", "ß") == set()
