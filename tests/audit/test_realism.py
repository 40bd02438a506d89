"""Realism: what is blurred looks made, what is drawn with the right texture looks real."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tests.audit.known import assert_figures_known
from tests.audit.toy_subjects import Unsaved
from tokkit.audit import codebook
from tokkit.audit.codebook.encoded import Encoded
from tokkit.audit.codebook.rate_distortion import ids_by_budget
from tokkit.audit.codebook.realism import (
    Realism,
    patch_distance,
    pyramid,
    realism_of,
    realism_table,
    sliced_wasserstein,
)
from tokkit.audit.subject import Subject
from tokkit.tokenizer import Modality, PrefixAxis, Tokenizer

SIDE = 32


def textured(level: int, seed: int) -> Any:
    """A picture of one light and of fine noise."""
    noise = np.random.default_rng(seed).normal(0, 20, (SIDE, SIDE, 1))
    return (8 * level + 64 + noise).clip(0, 255).astype(np.uint8)


class Texture(Unsaved):
    """The light of a picture as one id; decoded as it is expected, or drawn with its noise."""

    modality_: Modality = "image"

    @property
    def modality(self) -> Modality:
        return self.modality_

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        return (16,)

    @property
    def prefix_axis(self) -> PrefixAxis:
        return "none"

    @property
    def deterministic(self) -> bool:
        return False

    def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
        return np.array([np.clip(round((x.mean() - 64) / 8), 0, 15)])

    def decode(self, ids: Any, *, seed: int | None = None) -> Any:
        if seed is None:
            return np.full((SIDE, SIDE, 1), 8 * int(ids[0]) + 64, np.uint8)
        return textured(int(ids[0]), 1000 + seed)


class Speech(Texture):
    """A hum whose loudness is the id; expected without its hiss."""

    modality_ = "speech"

    @property
    def sample_rate(self) -> int:
        return 8000

    def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
        return np.array([np.clip(round(float(np.abs(x).max()) * 15), 0, 15)])

    def decode(self, ids: Any, *, seed: int | None = None) -> Any:
        hiss = 0 if seed is None else np.random.default_rng(1000 + seed).normal(0, 0.02, 4000)
        hum = np.sin(np.arange(4000) / 8)
        return (int(ids[0]) / 15 * hum + hiss).astype(np.float32)


PICTURES = [textured(k % 16, k) for k in range(80)]


def found_of(tokenizer: Tokenizer[Any], signals: Sequence[Any]) -> Realism | None:
    encoded = Encoded.of(tokenizer, signals, None, None)
    return realism_of(encoded, ids_by_budget(encoded))


def test_what_is_drawn_is_as_real_as_other_signals_and_what_is_expected_is_not() -> None:
    sounds = [Speech().decode([1 + k % 14], seed=k) for k in range(80)]
    for tokenizer, signals in ((Texture(), PICTURES), (Speech(), sounds)):
        found = found_of(tokenizer, signals)
        assert found is not None
        (expected,), (drawn,) = found.expected, found.drawn
        assert found.real / 2 < drawn < 2 * found.real
        assert expected > 4 * found.real


def test_what_is_lossless_is_as_real_as_the_signals() -> None:
    class Whole(Texture):
        def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
            return x.reshape(-1).astype(np.int64)

        def decode(self, ids: Any, *, seed: int | None = None) -> Any:
            return np.asarray(ids).astype(np.uint8).reshape(SIDE, SIDE, 1)

        @property
        def vocab_sizes(self) -> tuple[int, ...]:
            return (256,)

        @property
        def deterministic(self) -> bool:
            return True

    found = found_of(Whole(), PICTURES)
    assert found is not None and not found.drawn
    assert found.expected == [found.real]


def test_the_report_tells_it_beside_distortion() -> None:
    section = codebook.examine(Subject(Texture()), signals=PICTURES).section
    assert_figures_known([section])
    (table,) = (each for each in section.tables if each.key == "realism")
    assert [column.key for column in table.columns] == ["ids", "expected", "drawn"]
    assert len(table.rows) == 1


@pytest.mark.parametrize(
    "signals",
    [
        PICTURES[:15],
        [each[:6] for each in PICTURES],
        [*PICTURES[:15], np.zeros((2048, 2048, 1), np.uint8)],
        [np.full((SIDE, SIDE, 1), 90, np.uint8)] * 20,
        [*PICTURES[:20], np.repeat(PICTURES[20], 3, axis=2)],
        [each[:20] for each in PICTURES],
    ],
    ids=["few", "small", "large", "alike", "other channels", "decoded to another size"],
)
def test_where_nothing_can_be_seen_nothing_is_told(signals: Sequence[Any]) -> None:
    assert found_of(Texture(), signals) is None


def test_what_is_too_small_is_left_out_and_told() -> None:
    found = found_of(Texture(), [PICTURES[0][:3], *PICTURES])
    assert found is not None and found.n_left_out == 1
    sounds = [Speech().decode([1 + k % 14], seed=k) for k in range(20)]
    found = found_of(Speech(), [*sounds, sounds[0][:100], sounds[0][:1]])
    assert found is not None and found.n_left_out == 2
    assert "2 signals too small" in realism_table(found).note


def test_a_channel_that_never_varies_is_no_unit_of_measure() -> None:
    colours = [np.concatenate([each, np.zeros_like(each)], 2) / 255 for each in PICTURES]
    assert patch_distance(colours[::2], [each + 0.01 for each in colours[1::2]], 1) < 10


def test_the_distance_is_the_mean_over_directions_of_that_along_each() -> None:
    one, two = np.random.default_rng(1).normal(size=(2, 50, 3))
    assert sliced_wasserstein(one, one) == 0
    assert sliced_wasserstein(one, one[::-1]) == 0
    # Along a line, the mean of |x| over directions of a shift by d in 3 dimensions is |d| / 2.
    assert sliced_wasserstein(one, one + np.array([3.0, 0, 0])) == pytest.approx(1.5, rel=0.15)
    assert sliced_wasserstein(one, two) == pytest.approx(sliced_wasserstein(two, one))


@pytest.mark.parametrize("shape", [(32, 32, 1), (37, 64, 3)])
def test_the_levels_of_a_pyramid_add_up_to_the_picture(shape: tuple[int, int, int]) -> None:
    picture = np.random.default_rng(2).random(shape)
    fine, coarse = pyramid(picture, 2)
    (same,) = pyramid(picture, 1)
    assert np.array_equal(same, picture)
    assert coarse.shape[:2] == (-(-shape[0] // 2), -(-shape[1] // 2))
    kernel = np.array([1, 4, 6, 4, 1]) / 8
    mirrored = np.zeros((shape[0] + 4, shape[1] + 4, shape[2]))
    mirrored[2:-2:2, 2:-2:2] = coarse
    mirrored = np.pad(mirrored[2:-2, 2:-2], ((2, 2), (2, 2), (0, 0)), "reflect")
    for row in range(0, shape[0], 5):
        for column in range(0, shape[1], 5):
            around = mirrored[row : row + 5, column : column + 5]
            larger = np.einsum("rcx,r,c->x", around, kernel, kernel)
            assert fine[row, column] + larger == pytest.approx(picture[row, column])
    flat = pyramid(np.ones(shape), 2)
    assert np.allclose(flat[0], 0) and np.allclose(flat[1], 1)
