"""Spans taken out of a text, tokens put between ids, pieces divided: against plain Python."""

from __future__ import annotations

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.kernels.texts.cut_out import cut_out, put_between
from tokkit.kernels.texts.divide import divide


def int64s(values: list[int]) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def columns(pairs: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    return np.array([a for a, _ in pairs], dtype=np.int32), int64s([b for _, b in pairs])


@settings(deadline=None)
@given(st.binary(max_size=20), st.data())
def test_what_is_left_are_the_stretches_around_the_spans(text, data):
    places = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    places = places[: len(places) & ~1]
    left = np.empty(len(text), dtype=np.uint8)
    bounds = np.empty(len(places) // 2 + 2, dtype=np.int64)
    spans = int64s(places).reshape(-1, 2).T.copy()
    n = cut_out(np.frombuffer(text, np.uint8), spans[0], spans[1], left, bounds)
    around = [0, *places, len(text)]
    stretches = [text[a:b] for a, b in zip(around[::2], around[1::2], strict=True)]
    whole = left[:n].tobytes()
    assert whole == b"".join(stretches)
    assert [whole[a:b] for a, b in itertools.pairwise(bounds.tolist())] == stretches


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 12))),
    st.lists(st.tuples(st.integers(10, 19), st.integers(0, 13))),
)
def test_tokens_stand_before_the_ids_of_the_bytes_from_their_places_on(ids, tokens):
    ids, tokens = sorted(ids, key=lambda pair: pair[1]), sorted(tokens, key=lambda pair: pair[1])
    merged = np.empty(len(ids) + len(tokens), dtype=np.int32)
    (numbers, last), (tokens_put, places) = map(columns, (ids, tokens))
    put_between(numbers, last, tokens_put, places, merged)
    # Of one place the token stands first, and the sort is stable.
    both = sorted([*tokens, *ids], key=lambda pair: pair[1])
    assert merged.tolist() == [number for number, _ in both]


@settings(deadline=None)
@given(st.text("abc", max_size=20).map(str.encode), st.data())
def test_parts_end_between_bytes_apart_and_where_pieces_end(text, data):
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=5))
    bounds = sorted([0, *places, len(text)])
    pairs = data.draw(st.sets(st.sampled_from([a + b for a in "abc" for b in "abc"])))
    apart = np.zeros(65536, dtype=np.bool_)
    apart[[ord(a) << 8 | ord(b) for a, b in pairs]] = True
    parts = np.empty(len(text) + 2, dtype=np.int64)
    n = divide(np.frombuffer(text, np.uint8), int64s(bounds), apart, parts)
    inner = {i for i in range(1, len(text)) if text[i - 1 : i + 1].decode() in pairs}
    assert parts[:n].tolist() == sorted({0, *bounds, *inner})
