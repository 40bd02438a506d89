"""How real decoded signals look, apart from how near they are.

What is expected is near and blurred; what is drawn looks real and is further away. Distortion sees
only the first, so small patches of decoded pictures are set beside those of other, real ones: by
the sliced Wasserstein distance (Rabin et al., 2011) of patches of 7 x 7 on the levels of a
Laplacian pyramid ("Progressive Growing of GANs", Karras et al., 2018, section 5). Both are scaled
by the real ones, where the paper scales each by itself: lost contrast is no more real than lost
detail. Of speech the pictures are log spectrograms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from tokkit.audit.codebook.encoded import Encoded
from tokkit.audit.codebook.exhibits import evenly
from tokkit.audit.codebook.rate_distortion import ByBudget
from tokkit.audit.codebook.spectra import log_spectra, spectra_shape
from tokkit.report.section import Chart, Series, Table, columns
from tokkit.report.wording import plural

Floats = NDArray[np.float64]

_SIDE = 7
_LEAST_SIDE = 16
"""Of the last level of a pyramid."""
_FEWEST, _MOST = 16, 128
"""Signals: of fewer, chance is all that would be seen; of more, the first would do."""
_MOST_NUMBERS = 1 << 25
"""In all signals that are looked at together, whose pyramids take some twenty bytes for each."""
_PATCHES = 8192
"""Of each level, of each of two sets."""
_DIRECTIONS = 128
_UNIT = 1000.0
_KERNEL = np.array([1.0, 4.0, 6.0, 4.0, 1.0]) / 16
"""Of Burt and Adelson (1983)."""
_LEAST_DEVIATION = 1 / 255
"""Signals that vary by less are all alike, and no measure of others: a step of a picture's light,
or so much of a decibel."""


@dataclass(frozen=True)
class Realism:
    """How far decoded signals are from other, real ones.

    Attributes:
        ids: a signal, of each budget.
        expected: by each budget, decoded without a seed; a thousand times the distance.
        drawn: with seeds; empty where a tokenizer draws nothing.
        real: of the same signals as they are.
        n_left_out: signals that are too small.
    """

    ids: Sequence[float]
    expected: Sequence[float]
    drawn: Sequence[float]
    real: float
    n_left_out: int = 0


def realism_of(encoded: Encoded, by_budget: ByBudget) -> Realism | None:
    """Look at every other signal, decoded, beside the others.

    Args:
        encoded: signals of a tokenizer.
        by_budget: their ids.

    Returns:
        None of graphs; where fewer than 16 signals are large enough, or they are so large that 16
        do not fit into memory with ease; where signals do not vary, or not all have as many
        channels, or are decoded to other sizes.
    """
    fitting = [k for k, each in enumerate(encoded.signals) if _is_large_enough(encoded, each)]
    largest = max((np.size(encoded.signals[k]) for k in fitting), default=1)
    chosen = [fitting[k] for k in evenly(len(fitting), min(_MOST, _MOST_NUMBERS // largest))]
    if len(chosen) < _FEWEST:
        return None
    pictures = [_picture(encoded, encoded.signals[k]) for k in chosen]
    others, originals, asked = pictures[::2], pictures[1::2], chosen[1::2]
    if _are_alike(others) or len({each.shape[2] for each in pictures}) > 1:
        return None
    n_levels = min(map(_n_levels, pictures))

    def distances(*, draws: bool) -> list[float] | None:
        found: list[float] = []
        for _, ids in by_budget:
            decoded = encoded.decoded([ids[k] for k in asked], draws=draws)
            made = [
                _picture(encoded, each, n_samples=np.size(encoded.signals[k]))
                for k, each in zip(asked, decoded, strict=True)
            ]
            if any(a.shape != b.shape for a, b in zip(made, originals, strict=True)):
                return None
            found.append(_UNIT * patch_distance(others, made, n_levels))
        return found

    expected = distances(draws=False)
    drawn = [] if encoded.tokenizer.deterministic else distances(draws=True)
    if expected is None or drawn is None:
        return None
    real = _UNIT * patch_distance(others, originals, n_levels)
    n_left_out = len(encoded.signals) - len(fitting)
    return Realism([n for n, _ in by_budget], expected, drawn, real, n_left_out)


def patch_distance(real: Sequence[Floats], made: Sequence[Floats], n_levels: int) -> float:
    """The mean over levels of the sliced Wasserstein distance of patches.

    Args:
        real: float64 (height, width, channels) each.
        made: likewise.
        n_levels: of the pyramids.
    """
    found: list[float] = []
    of_real, of_made = ([pyramid(each, n_levels) for each in some] for some in (real, made))
    for level in range(n_levels):
        one = _patches([each[level] for each in of_real])
        two = _patches([each[level] for each in of_made])
        mean, deviation = one.mean((0, 1, 2)), one.std((0, 1, 2)).clip(_LEAST_DEVIATION)
        rows = [((each - mean) / deviation).reshape(len(each), -1) for each in (one, two)]
        found.append(sliced_wasserstein(*rows))
    return float(np.mean(found))


def sliced_wasserstein(one: Floats, two: Floats) -> float:
    """The mean over directions of the distance along each, of two sets of as many points.

    Args:
        one: float64 (n, width).
        two: likewise.
    """
    directions = np.random.default_rng(0).standard_normal((one.shape[1], _DIRECTIONS))
    directions /= np.linalg.norm(directions, axis=0)
    return float(np.abs(np.sort(one @ directions, 0) - np.sort(two @ directions, 0)).mean())


def pyramid(picture: Floats, n_levels: int) -> list[Floats]:
    """What each halving loses, from fine to coarse, and what is left after the last.

    Args:
        picture: float64 (height, width, channels).
        n_levels: at least 1, which is the picture itself.
    """
    levels: list[Floats] = []
    for _ in range(n_levels - 1):
        smaller = _blurred(picture, _KERNEL)[::2, ::2]
        larger = np.zeros_like(picture)
        larger[::2, ::2] = smaller
        levels.append(picture - _blurred(larger, 2 * _KERNEL))
        picture = smaller
    return [*levels, picture]


def _blurred(picture: Floats, kernel: Floats) -> Floats:
    """Along both sides, which are mirrored at the border."""
    for axis in (0, 1):
        wide = np.pad(picture, [(2, 2) if each == axis else (0, 0) for each in range(3)], "reflect")
        picture = sliding_window_view(wide, len(kernel), axis) @ kernel
    return picture


def _n_levels(picture: Floats) -> int:
    """Until a side would be below the least."""
    side, n = min(picture.shape[:2]), 1
    while (side := -(-side // 2)) >= _LEAST_SIDE:
        n += 1
    return n


def _is_large_enough(encoded: Encoded, signal: Any) -> bool:
    """Whether a patch fits into a picture, or into the spectra of speech."""
    shape = np.shape(signal)
    if encoded.tokenizer.modality == "image":
        return len(shape) == 3 and min(shape[:2]) >= _SIDE
    if encoded.tokenizer.modality == "speech" and len(shape) == 1:
        return min(spectra_shape(shape[0], encoded.tokenizer.sample_rate)) >= _SIDE
    return False


def _are_alike(pictures: Sequence[Floats]) -> bool:
    lightest, darkest = max(each.max() for each in pictures), min(each.min() for each in pictures)
    return bool(lightest - darkest < _LEAST_DEVIATION)


def _patches(pictures: Sequence[Floats]) -> Floats:
    """Float64 (n, 7, 7, channels), from places that are drawn alike for sets of one shape."""
    places: list[list[float]] = np.random.default_rng(0).random((_PATCHES, 2)).tolist()
    found: list[Floats] = []
    for number, (down, along) in enumerate(places):
        picture = pictures[number % len(pictures)]
        row = int(down * (picture.shape[0] - _SIDE + 1))
        column = int(along * (picture.shape[1] - _SIDE + 1))
        found.append(picture[row : row + _SIDE, column : column + _SIDE])
    return np.stack(found)


def _picture(encoded: Encoded, signal: Any, *, n_samples: int | None = None) -> Floats:
    """A signal as a picture; of speech of so many samples, where decoding may change that."""
    array = np.asarray(signal, np.float64)
    if encoded.tokenizer.modality == "image":
        return array / 255
    if n_samples is not None:
        array = np.pad(array[:n_samples], (0, max(n_samples - len(array), 0)))
    return log_spectra(array, encoded.tokenizer.sample_rate)[..., None]


def realism_table(found: Realism) -> Table:
    """A row for each budget."""
    heads = {"ids": "Ids a signal", "expected": "As expected"}
    if found.drawn:
        heads["drawn"] = "As drawn"
    rows = zip(found.ids, found.expected, *([found.drawn] if found.drawn else []), strict=True)
    n = found.n_left_out
    left_out = f" {plural(n, 'signal')} too small for a patch are left out." if n else ""
    return Table(
        "realism", "How real it looks, whatever it should be", columns("number", **heads),
        tuple((n, *(round(each, 1) for each in values)) for n, *values in rows),
        "A thousand times the sliced Wasserstein distance of patches to those of other signals; "
        f"signals as they are have {found.real:.1f}. Smaller is more real.{left_out}",
    )  # fmt: skip


def realism_chart(found: Realism) -> Chart:
    """Distances by ids, and that of the signals as they are."""
    series = [Series("as expected", tuple(round(each, 1) for each in found.expected))]
    if found.drawn:
        series.append(Series("as drawn", tuple(round(each, 1) for each in found.drawn)))
    series.append(Series("signals as they are", (round(found.real, 1),) * len(found.ids)))
    return Chart(
        "realism", "How real it looks, by the number of ids", "lines",
        tuple(f"{n:g}" for n in found.ids), tuple(series), "ids a signal", "distance",
    )  # fmt: skip
