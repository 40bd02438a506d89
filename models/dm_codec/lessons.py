"""The steps of a training: segments of recordings, drawn by the number of the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.models.dm_codec.learning import (
    distillation_loss,
    drawn_depths,
    mel_bands,
    mel_loss,
    spectrum_loss,
)
from tokkit.models.dm_codec.network import TEACHERS, SpeechNetwork
from tokkit.models.dm_codec.recordings import Recording, Recordings
from tokkit.models.dm_codec.spectra import mel_filters
from tokkit.quantize.usage import perplexity

_MOST_EVALUATED = 6000
"""Frames, of all held-out recordings together."""
_LEAST_FRAMES = 5
_LEAST_DEVIATION = 1e-6


class Lesson:
    """Recordings laid end to end, as a model learns from them."""

    def __init__(self, model: SpeechNetwork, data: Recordings) -> None:
        """Lay them out.

        Raises:
            ArgumentError: another sample rate, teachers of other widths than the model knows, or
                nothing to learn from: silence, or less than 0.1 seconds.
        """
        config = model.config
        for recording in (*data.train, *data.validation):
            if recording.sample_rate != config.sample_rate:
                raise ArgumentError(
                    f"a recording has {recording.sample_rate:,} samples a second, and the model "
                    f"{config.sample_rate:,}; convert it, or give the config that sample_rate"
                )
        _refuse_nothing(data.train)
        self._model, self._hop = model, config.hop
        self._segment = config.recipe.segment
        self._n_frames = max(sum(each.n_frames for each in data.train), self._segment)
        around = model.spectra.around
        self._before = around // 2 + self._hop
        self._signal = torch.zeros(self._n_frames * self._hop + around + 2 * self._hop)
        place = self._before
        for each in data.train:
            self._signal[place : place + len(each.samples)] = torch.from_numpy(each.samples)
            place += each.n_frames * self._hop
        self._validation = _first_frames(data.validation, _MOST_EVALUATED)
        widths = {name: getattr(config, f"{name}_width") for name in TEACHERS}
        for name, width in widths.items():
            _check_widths(data.train, name, width)
        self._teachers = {
            name: _Taught(data.train, name) for name, width in widths.items() if width
        }
        self._filters = [
            mel_filters(config.bins, n_bands, config.sample_rate) for n_bands in mel_bands()
        ]

    @property
    def evaluates(self) -> bool:
        """Whether there is something to evaluate on."""
        return bool(self._validation)

    def loss(self, number: int) -> torch.Tensor:
        """Of a batch, by its number and what torch's generator draws."""
        model, recipe = self._model, self._model.config.recipe
        if number >= recipe.plain_steps and not model.started:
            model.start_codes(self._vectors_to_start_from())
        starts, roots = self._drawn(recipe.batch)
        vectors = model.encoder(roots)
        total, first = vectors.new_zeros(()), vectors
        values = vectors
        if number >= recipe.plain_steps:
            depths = drawn_depths(len(vectors), model.config.depth, recipe.drop).to(vectors.device)
            found = model.quantizer(vectors, depths=depths[:, None].expand(-1, vectors.shape[1]))
            values = found.values
            spread = vectors.detach().var().clamp(min=_LEAST_DEVIATION)
            total = total + recipe.commitment * found.loss / spread
            nearest = model.quantizer.decode(found.ids[..., :1])
            first = vectors + (nearest - vectors).detach()
        given = model.decoder(values)
        total = total + recipe.spectrum * spectrum_loss(given, roots)
        filters = [each.to(given) for each in self._filters]
        total = total + recipe.mel * mel_loss(given, roots, filters)
        for name in self._teachers:
            total = total + getattr(recipe, name) * self._distilled(name, first, starts)
        return total

    def _drawn(self, n: int) -> tuple[torch.Tensor, torch.Tensor]:
        """First frames of `n` segments, and their spectra; somewhat shifted, softer or louder."""
        model, config = self._model, self._model.config
        starts = torch.randint(self._n_frames - self._segment + 1, (n,))
        shifts = torch.randint(-(self._hop // 2), self._hop // 2 + 1, (n,))
        length = self._segment * self._hop + model.spectra.around
        first = starts * self._hop + shifts + self._hop
        signals = self._signal[first[:, None] + torch.arange(length)]
        decibels = (2 * torch.rand(n) - 1) * config.recipe.gain_db
        signals = signals * (10 ** (decibels / 20))[:, None]
        return starts, model.analysed(signals.to(model.device))

    @torch.no_grad()
    def _vectors_to_start_from(self) -> torch.Tensor:
        model, recipe = self._model, self._model.config.recipe
        rounds = -(-recipe.start_frames // (recipe.batch * self._segment))
        parts = [model.encoder(self._drawn(recipe.batch)[1]) for _ in range(rounds)]
        return torch.cat(parts).flatten(0, 1)[: recipe.start_frames]

    def _distilled(self, name: str, first: torch.Tensor, starts: torch.Tensor) -> torch.Tensor:
        places = starts[:, None] + torch.arange(self._segment)
        teacher, known = self._teachers[name].of(places)
        found = self._model.teachers[name](first)
        return distillation_loss(found, teacher.to(first), known.to(first.device))

    def evaluate(self) -> Mapping[str, float]:
        """Mean difference of held-out spectra at 1, 2, 4, … streams, and perplexities."""
        model = self._model
        gaps: dict[int, list[torch.Tensor]] = {}
        codes: list[torch.Tensor] = []
        for recording in self._validation:
            roots = model.analysed(model.framed(recording.samples)[None])
            ids = model.quantizer.encode(model.encoder(roots))
            codes.append(ids[0])
            for depth in depths_of(model.config.depth):
                given = model.decoder(model.quantizer.decode(ids[..., :depth]))
                gaps.setdefault(depth, []).append((given - roots).abs().mean((0, 2, 3)))
        figures = {f"error_{depth}": float(torch.cat(each).mean()) for depth, each in gaps.items()}
        counts = torch.nn.functional.one_hot(torch.cat(codes), model.config.n_codes).sum(0)
        sizes = [perplexity(each) for each in counts.cpu().numpy()]
        return {**figures, "perplexity": float(np.mean(sizes))}


def depths_of(streams: int) -> list[int]:
    """1, 2, 4, … and all streams.

    >>> depths_of(8), depths_of(5), depths_of(1)
    ([1, 2, 4, 8], [1, 2, 4, 5], [1])
    """
    return sorted({*(1 << k for k in range(streams.bit_length())), streams})


def _first_frames(recordings: Sequence[Recording], most: int) -> list[Recording]:
    """The first of them, up to so many frames together; one at least, if there is one."""
    taken: list[Recording] = []
    for each in recordings:
        if taken and sum(one.n_frames for one in taken) + each.n_frames > most:
            break
        taken.append(each)
    return taken


class _Taught:
    """What a teacher knows of frames, each dimension standardised.

    Only frames that it knows take memory.
    """

    def __init__(self, recordings: Sequence[Recording], name: str) -> None:
        """Collect it.

        Args:
            recordings: that are laid end to end.
            name: of the teacher, whom one of them has.

        Raises:
            ArgumentError: it knows no frame.
        """
        places: list[NDArray[np.int64]] = []
        rows: list[NDArray[np.float32]] = []
        n_known = 0
        for each in recordings:
            own = np.full(each.n_frames, -1, np.int64)
            found = getattr(each, name)
            if found is not None:
                known = ~np.isnan(found).any(axis=1)
                own[known] = n_known + np.arange(known.sum())
                n_known += int(known.sum())
                rows.append(found[known])
            places.append(own)
        if not n_known:
            raise ArgumentError(f"`{name}` says nothing of any frame; leave it out")
        together = np.concatenate(rows)
        together -= together.mean(axis=0)
        together /= np.maximum(together.std(axis=0), _LEAST_DEVIATION)
        self._rows = torch.from_numpy(together)
        self._places = torch.from_numpy(np.concatenate(places))

    def of(self, frames: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Float32 (..., width) of frames (...), and whether they are known, bool (...)."""
        beyond = frames >= len(self._places)
        places = self._places[frames.masked_fill(beyond, 0)].masked_fill(beyond, -1)
        return self._rows[places.clamp(min=0)], places >= 0


def _refuse_nothing(recordings: Sequence[Recording]) -> None:
    """Refuse what teaches nothing.

    Raises:
        ArgumentError: silence, or hardly a frame.
    """
    if (n := sum(each.n_frames for each in recordings)) < _LEAST_FRAMES:
        raise ArgumentError(
            f"the recordings to learn from are {n} frames of 20 ms together, expected at least "
            f"{_LEAST_FRAMES}; give longer ones"
        )
    if not any(each.samples.any() for each in recordings):
        raise ArgumentError("the recordings to learn from are silent, each sample 0")


def _check_widths(recordings: Sequence[Recording], name: str, width: int) -> None:
    """Refuse vectors of another width, or none where the model has a teacher.

    Raises:
        ArgumentError: there are.
    """
    found = [getattr(each, name) for each in recordings]
    widths = {each.shape[1] for each in found if each is not None}
    if widths != ({width} if width else set()):
        raise ArgumentError(
            f"`{name}` of the recordings is {sorted(widths) or 'nowhere'} wide, and the model's "
            f"{name}_width is {width}; they must be the same, and 0 if no recording has it"
        )
