"""The steps of a training: segments of recordings, drawn by the number of the step."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch

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
_LEAST_DEVIATION = 1e-6


class Lesson:
    """Recordings laid end to end, as a model learns from them."""

    def __init__(self, model: SpeechNetwork, data: Recordings) -> None:
        """Lay them out.

        Raises:
            ArgumentError: another sample rate, or teachers of other widths than the model knows.
        """
        config = model.config
        for recording in (*data.train, *data.validation):
            if recording.sample_rate != config.sample_rate:
                raise ArgumentError(
                    f"a recording has {recording.sample_rate:,} samples a second, and the model "
                    f"{config.sample_rate:,}; convert it, or give the config that sample_rate"
                )
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
        self._teachers = {
            name: rows
            for name in TEACHERS
            if (rows := _laid_out(data.train, name, getattr(config, f"{name}_width"))) is not None
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
        teacher = self._teachers[name][places].to(first)
        known = ~teacher.isnan().any(-1)
        return distillation_loss(self._model.teachers[name](first), teacher, known)

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


def _laid_out(recordings: Sequence[Recording], name: str, width: int) -> torch.Tensor | None:
    """What a teacher knows of all frames, each dimension standardised; None if there is none.

    Raises:
        ArgumentError: vectors of another width, or none where the model has a teacher.
    """
    found = [getattr(each, name) for each in recordings]
    widths = {each.shape[1] for each in found if each is not None}
    if widths != ({width} if width else set()):
        raise ArgumentError(
            f"`{name}` of the recordings is {sorted(widths) or 'nowhere'} wide, and the model's "
            f"{name}_width is {width}; they must be the same, and 0 if no recording has it"
        )
    if not width:
        return None
    rows = np.concatenate([
        np.full((each.n_frames, width), np.nan, np.float32) if one is None else one
        for each, one in zip(recordings, found, strict=True)
    ])  # fmt: skip
    known = rows[~np.isnan(rows).any(axis=1)]
    if not len(known):
        raise ArgumentError(f"`{name}` says nothing of any frame; leave it out")
    rows = (rows - known.mean(axis=0)) / np.maximum(known.std(axis=0), _LEAST_DEVIATION)
    return torch.from_numpy(rows)
