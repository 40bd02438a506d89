"""Laws of the double-array trie, against a dictionary."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.segmentation import trie

BYTES = st.binary(max_size=6) | st.lists(st.sampled_from(b"ab\x00\xff"), max_size=9).map(bytes)


def build(tokens: list[bytes], is_output: list[bool]) -> tuple[np.ndarray, np.ndarray]:
    """The trie of all tokens that are not empty."""
    blob = np.frombuffer(b"".join(tokens), dtype=np.uint8)
    offsets = np.cumsum([0, *map(len, tokens)])
    order = [t for t in sorted(range(len(tokens)), key=tokens.__getitem__) if tokens[t]]
    return trie.build(
        blob, offsets, np.array(order, dtype=np.int32), np.array(is_output, dtype=bool)
    )


def longest_prefix(tokens: list[bytes], text: bytes) -> int:
    """The longest token that `text` starts with, or -1."""
    fits = [t for t, token in enumerate(tokens) if token and text.startswith(token)]
    return max(fits, key=lambda t: len(tokens[t]), default=-1)


@settings(deadline=None)
@given(st.lists(BYTES, unique=True, max_size=40), st.binary(max_size=12), st.data())
def test_longest_match_equals_dictionary(tokens, text, data):
    units, _ = build(tokens, [True] * len(tokens))
    for part in (*tokens, text, text + b"".join(tokens)):
        array = np.frombuffer(part, dtype=np.uint8)
        start = data.draw(st.integers(0, len(part)))
        stop = data.draw(st.integers(start, len(part)))
        found = trie.longest_match(units, array, start, stop)
        assert found == longest_prefix(tokens, part[start:stop])


@settings(deadline=None)
@given(st.lists(BYTES, unique=True, max_size=40), BYTES | st.binary(max_size=30))
def test_matches_are_the_leftmost_of_those_the_longest(tokens, text):
    units, _ = build(tokens, [True] * len(tokens))
    begins = np.isin(np.arange(256), [token[0] for token in tokens if token])
    sizes = np.array(list(map(len, tokens)), dtype=np.int32)
    places = np.empty(len(text), dtype=np.int64)
    found = np.empty(len(text), dtype=np.int32)
    n = trie.matches(units, begins, sizes, np.frombuffer(text, np.uint8), places, found)
    expected: list[tuple[int, int]] = []
    i = 0
    while i < len(text):
        token = longest_prefix(tokens, text[i:])
        if token >= 0:
            expected.append((i, token))
        i += len(tokens[token]) if token >= 0 else 1
    assert list(zip(places[:n].tolist(), found[:n].tolist(), strict=True)) == expected


@settings(deadline=None)
@given(st.lists(st.tuples(BYTES, st.booleans()), unique_by=lambda pair: pair[0], max_size=40))
def test_next_prefix_is_the_longest_shorter_output(pairs):
    tokens = [token for token, _ in pairs]
    outputs = [token if output else b"" for token, output in pairs]
    _, next_prefix = build(tokens, [output for _, output in pairs])
    for t, token in enumerate(tokens):
        assert next_prefix[t] == longest_prefix(outputs, token[:-1])


def test_dense_vocabularies_fill_many_blocks():
    # All pairs of bytes: every state has 256 children, and the arrays grow several times.
    tokens = [bytes([a, b]) for a in range(256) for b in range(256)]
    units, _ = build(tokens, [True] * len(tokens))
    for t in range(0, len(tokens), 257):
        text = np.frombuffer(tokens[t] + b"x", dtype=np.uint8)
        assert trie.longest_match(units, text, 0, 3) == t
        assert trie.longest_match(units, text, 0, 1) == -1
