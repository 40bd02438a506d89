r"""Random patterns with every construct that is read, over a small set of characters."""

from __future__ import annotations

from hypothesis import strategies as st

TEXT = "aabbA 1._\n\ré漢²😀"

CHARACTERS = st.sampled_from(
    [
        *("a", "b", "A", "1", " ", "é", "漢", "_", r"\.", r"\n", r"\x61", "."),
        *(r"\w", r"\W", r"\s", r"\S", r"\d", r"\D", r"\h", r"\H", r"\N", r"\O"),
        *(r"\p{L}", r"\P{L}", r"\p{^Lu}", r"\p{Han}", r"\p{Emoji}", r"\p{Alphabetic}"),
    ]
)
ITEMS = st.sampled_from(
    [
        *("a", "b", "a-z", "A", "1", " ", "漢", r"\n", r"\w", r"\W", r"\s", r"\S", r"\d", r"\H"),
        *(r"\p{L}", r"\P{Lu}", r"\p{Han}", "[:alpha:]", "[:^alpha:]", "[:punct:]", "[:word:]"),
    ]
)
ANCHORS = st.sampled_from(["^", "$", r"\b", r"\B", r"\A", r"\z", r"\Z"])
COUNTS = st.sampled_from(
    ["*", "+", "?", "{2}", "{1,2}", "{,2}", "{2,}", "*?", "+?", "??", "{1,2}?", "*+", "++", "?+"]
)


def _bracket(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    part = st.lists(ITEMS | inner, min_size=1, max_size=3).map("".join)
    body = part | st.tuples(part, part).map("&&".join)
    return st.tuples(st.sampled_from(["[", "[^"]), body).map(lambda pair: "".join(pair) + "]")


BRACKETS = st.recursive(_bracket(st.nothing()), _bracket, max_leaves=3)


def _extend(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    opening = st.sampled_from(
        ["(?:", "(", "(?i:", "(?=", "(?!", "(?<=", "(?<!", "(?>", "(?<name>", "(?m:"]
    )
    group = st.tuples(opening, inner).map(lambda pair: f"{pair[0]}{pair[1]})")
    counted = st.tuples(group | CHARACTERS | BRACKETS, COUNTS).map("".join)
    return (
        group
        | counted
        | st.lists(inner, min_size=2, max_size=3).map("".join)
        | st.lists(inner, min_size=2, max_size=3).map("|".join)
    )


PATTERNS = st.recursive(CHARACTERS | BRACKETS | ANCHORS, _extend, max_leaves=8)
TEXTS = st.text(st.sampled_from(TEXT), max_size=9)
