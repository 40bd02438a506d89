"""The abstraction that every modality shares."""

from __future__ import annotations

import numpy as np
import pytest

from tokkit.errors import ArgumentError
from tokkit.tokenizer import Encoding, Tokenizer, refuse_budget


def encoding(ids: list[int], starts: list[int], ends: list[int]) -> Encoding:
    return Encoding(np.array(ids, np.int32), np.array(starts, np.int64), np.array(ends, np.int64))


def test_offsets_are_starts_and_ends() -> None:
    offsets = encoding([5, 6, 7], [0, 2, 4], [2, 2, 9]).offsets
    assert offsets.dtype == np.int64
    assert offsets.tolist() == [[0, 2], [2, 2], [4, 9]]


def test_an_empty_encoding_has_no_offsets() -> None:
    assert len(encoding([], [], [])) == 0
    assert encoding([], [], []).offsets.shape == (0, 2)


@pytest.mark.parametrize(("starts", "ends"), [([0, 0], [1]), ([0], [1, 1])])
def test_ids_and_offsets_must_be_equally_long(starts: list[int], ends: list[int]) -> None:
    with pytest.raises(ArgumentError, match="equally long"):
        encoding([1, 2], starts, ends)


def test_the_abstract_class_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Tokenizer()  # pyright: ignore[reportAbstractUsage]


def test_a_fixed_length_tokenizer_refuses_a_budget() -> None:
    class Fixed:
        pass

    refuse_budget(Fixed(), None)  # pyright: ignore[reportArgumentType]
    with pytest.raises(ArgumentError, match="Fixed has no flexible length"):
        refuse_budget(Fixed(), 8)  # pyright: ignore[reportArgumentType]
