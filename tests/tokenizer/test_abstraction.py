"""The abstraction that every modality shares."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from tokkit.errors import ArgumentError, EncodingError
from tokkit.tokenizer import (
    ABSENT,
    Encoding,
    Modality,
    PrefixAxis,
    Tokenizer,
    as_id_array,
    refuse_budget,
)
from tokkit.tokenizer.entropy_coding import write_ids


def encoding(ids: list[int], starts: list[int], ends: list[int]) -> Encoding:
    return Encoding(np.array(ids, np.int32), np.array(starts, np.int64), np.array(ends, np.int64))


class Digits(Tokenizer[Any]):
    """Numbers in [0, 1) by their digits in several bases: a residual code, coarse to fine."""

    bases: tuple[int, ...] = (2, 3, 5)
    axis: PrefixAxis = "depth"

    @property
    def modality(self) -> Modality:
        return "speech"

    @property
    def sample_rate(self) -> int:
        return 4

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        return self.bases

    @property
    def prefix_axis(self) -> PrefixAxis:
        return self.axis

    def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
        left, streams = np.asarray(x, np.float64), list[Any]()
        for base in self.bases:
            streams.append(np.floor(left * base).astype(np.int64))
            left = left * base - streams[-1]
        ids = np.stack(streams, axis=1)
        return ids if budget is None else self.truncate(ids, budget)

    def decode(self, ids: Any, *, seed: int | None = None) -> Any:
        columns = as_id_array(ids, self.vocab_sizes, prefix_axis=self.axis).T
        scales = np.cumprod(self.bases)[: len(columns)]
        return (columns / scales[:, None]).sum(axis=0)

    def save(self, folder: str | PathLike[str]) -> None:
        (Path(folder) / "bases").write_text(str(self.bases))

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        return cls()


class Words(Digits):
    """The first base alone, as a sequence that may be cut."""

    bases = (6,)
    axis = "sequence"

    def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
        ids = super().encode(x)[:, 0]
        return ids if budget is None else self.truncate(ids, budget)


SIGNAL = np.array([0.0, 0.25, 0.5, 0.75, 0.99, 0.1, 0.33, 0.8])


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

    refuse_budget(Fixed(), None)
    with pytest.raises(ArgumentError, match="Fixed has no flexible length"):
        refuse_budget(Fixed(), 8)


def test_several_streams_have_no_single_vocabulary() -> None:
    assert Digits().streams == 3
    with pytest.raises(ArgumentError, match="3 streams"):
        _ = Digits().vocab_size
    assert Words().vocab_size == 6


@pytest.mark.parametrize("tokenizer", [Digits(), Words()])
def test_a_budget_is_truncation(tokenizer: Digits) -> None:
    ids = tokenizer.encode(SIGNAL)
    for budget in (1, 2, 3, 99):
        short = tokenizer.truncate(ids, budget)
        assert np.array_equal(tokenizer.encode(SIGNAL, budget=budget), short)
        axis = 1 if tokenizer.axis == "depth" else 0
        assert short.shape[axis] == min(budget, ids.shape[axis])
    with pytest.raises(ArgumentError, match="budget"):
        tokenizer.truncate(ids, 0)


def test_many_are_decoded_as_each_of_them_is() -> None:
    class Seeded(Digits):
        def decode(self, ids: Any, *, seed: int | None = None) -> Any:
            return super().decode(ids) + (seed or 0)

    tokenizer = Seeded()
    ids = [tokenizer.encode(SIGNAL[:n]) for n in (3, 8)]
    for seeds in (None, [4, 5]):
        found = list(tokenizer.decode_many(ids, seeds=seeds))
        for each, its_ids, seed in zip(found, ids, seeds or [None, None], strict=True):
            assert np.array_equal(each, tokenizer.decode(its_ids, seed=seed))
    with pytest.raises(ArgumentError, match="1 seeds for 2"):
        tokenizer.decode_many(ids, seeds=[1])
    for wrong in (np.array(3), "ids", True):
        given: dict[str, Any] = {"ids": wrong}
        with pytest.raises(ArgumentError, match="ids must be"):
            tokenizer.decode_many(**given)
        with pytest.raises(ArgumentError, match="seeds must be"):
            tokenizer.decode_many(ids, seeds=given["ids"])


def test_decoding_truncated_ids_ignores_later_ids() -> None:
    tokenizer = Digits()
    ids = tokenizer.encode(SIGNAL)
    other = ids.copy()
    other[:, 2] = 4 - other[:, 2]
    assert np.array_equal(
        tokenizer.decode(tokenizer.truncate(ids, 2)), tokenizer.decode(tokenizer.truncate(other, 2))
    )


def test_an_absent_code_is_one_that_is_not_there_and_never_code_zero() -> None:
    tokenizer = Digits()
    ids = tokenizer.encode(SIGNAL)
    absent, zero = ids.copy(), ids.copy()
    absent[:, 2], zero[:, 2] = ABSENT, 0
    short = tokenizer.truncate(ids, 2)
    assert np.array_equal(tokenizer.truncate(absent, 3), short)
    assert tokenizer.rate(absent) == tokenizer.rate(short) != tokenizer.rate(zero)
    words = Words()
    assert words.truncate(np.array([3, 0, ABSENT, ABSENT]), 4).tolist() == [3, 0]


@pytest.mark.parametrize(
    ("ids", "message"),
    [
        ([[0, ABSENT, 1]], "id -1 at place 0 of stream 1 is absent"),
        ([[0, 0, 0], [0, 3, 0]], "id 3 at place 1 of stream 1 is outside"),
        (np.full((1, 3), 2**64 - 1, np.uint64), "id 18446744073709551615 is outside"),
        ([[0, 0, 0, 0]], "4 streams"),
        ([0, 1, 0], r"shape \(n, 3\)"),
        ([[0.0, 1.0, 2.0]], "whole numbers"),
        ([[True, False, True]], "whole numbers"),
        ("ids", "whole numbers"),
    ],
)
def test_ids_of_another_shape_or_vocabulary_are_refused(ids: Any, message: str) -> None:
    for use in (Digits().rate, Digits().decode):
        with pytest.raises((ArgumentError, EncodingError), match=message):
            use(ids)


def test_a_rate_counts_what_is_there() -> None:
    tokenizer = Digits()
    ids = tokenizer.encode(SIGNAL)
    rate = tokenizer.rate(ids)
    assert rate.nominal_bits == pytest.approx(8 * np.log2([2, 3, 5]).sum())
    shares = [np.unique(column, return_counts=True)[1] / 8 for column in ids.T]
    assert rate.entropy_bits == pytest.approx(-8 * sum((s * np.log2(s)).sum() for s in shares))
    assert rate.coded_bytes == len(write_ids(ids, tokenizer.bases, prefix_axis="depth"))
    assert rate.n_units == 8 / 4
    assert rate.nominal_bits_per_unit == pytest.approx(rate.nominal_bits / 2)
    assert rate.coded_bits_per_unit == 4 * rate.coded_bytes
    assert rate.entropy_bits_per_unit <= rate.nominal_bits_per_unit


def test_no_ids_cost_nothing_but_have_no_rate_per_unit() -> None:
    rate = Digits().rate([])
    assert (rate.nominal_bits, rate.entropy_bits, rate.n_units) == (0, 0, 0)
    with pytest.raises(ArgumentError, match="no signal"):
        _ = rate.coded_bits_per_unit


def test_a_hard_choice_has_all_of_the_probability() -> None:
    tokenizer = Digits()
    logprobs = tokenizer.soft_assign(SIGNAL)
    assert logprobs.shape == (8, 3, 5)
    assert np.array_equal(logprobs.argmax(-1), tokenizer.encode(SIGNAL))
    assert np.allclose(np.exp(logprobs).sum(-1), 1)


def test_tokenizers_that_save_the_same_have_one_fingerprint() -> None:
    other = Digits()
    assert Digits().fingerprint == other.fingerprint
    other.bases = (2, 3, 7)
    assert Digits().fingerprint != other.fingerprint
