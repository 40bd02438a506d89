"""`DMCodec`: a tokenizer of speech."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.arguments import MAX_BYTES, check_kind, check_whole
from tokkit.errors import ArgumentError
from tokkit.models.blocks.evaluating import evaluating
from tokkit.models.dm_codec.checks import as_signal
from tokkit.models.dm_codec.config import FRAMES_PER_SECOND, DMCodecConfig
from tokkit.models.dm_codec.lessons import Lesson
from tokkit.models.dm_codec.network import SpeechNetwork
from tokkit.models.dm_codec.recordings import Recordings
from tokkit.models.saving.configs import Config, config_identity
from tokkit.models.saving.fingerprint import fingerprint_of
from tokkit.models.saving.in_folder import InFolder
from tokkit.models.training.processes import refuse_several
from tokkit.models.training.tasks import Task
from tokkit.tokenizer import (
    Ids,
    Modality,
    PrefixAxis,
    Tokenizer,
    as_id_array,
    refuse_budget,
    refuse_context,
    refuse_seed,
)

_FRAMES_AT_ONCE = 2048
"""Longer signals are read and written in pieces of so many."""


class DMCodec(InFolder, SpeechNetwork, Tokenizer[NDArray[np.float32]]):
    """Speech as codes: 50 frames a second, of several streams, of which the first say the most.

    A signal is float32 (samples,), mono, with 1 as full scale, at `sample_rate`. Decoding gives
    whole frames, so up to 20 ms more than was encoded; it is lossy, and always the same. A code
    depends on a fraction of a second around its frame and on nothing else.

    Attributes:
        config: its shape.
        name: for tables and messages; of a model that was loaded its folder's.
    """

    kind: ClassVar[str] = "dm-codec"
    config_class: ClassVar[type[Config]] = DMCodecConfig

    def __init__(self, config: DMCodecConfig | None = None) -> None:
        """Random weights, by torch's generator.

        Raises:
            ArgumentError: no `DMCodecConfig`.
        """
        config = DMCodecConfig() if config is None else config
        check_kind(config, DMCodecConfig, "config")
        super().__init__(config)
        self.name = type(self).__name__

    # -- as a tokenizer ------------------------------------------------------------------------

    @property
    def modality(self) -> Modality:
        """The kind of signal: "speech"."""
        return "speech"

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        """The size of the codebook of each stream."""
        return self.quantizer.vocab_sizes

    @property
    def prefix_axis(self) -> PrefixAxis:
        """A budget counts streams, "depth", unless there is one only."""
        return "depth" if self.streams > 1 else "none"

    @property
    def streaming(self) -> bool:
        """True: an id depends on a fraction of a second after its frame."""
        return True

    @property
    def sample_rate(self) -> int:
        """Samples a second of what is encoded and decoded."""
        return self.config.sample_rate

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of the configuration and all weights."""
        return fingerprint_of(self, self.config)

    def encode(
        self, x: Any, /, *, budget: int | None = None, context: Any = None
    ) -> NDArray[np.int64]:
        """The codes of each frame.

        Args:
            x: float32 (samples,).
            budget: at most so many streams.
            context: None; nothing is needed.

        Returns:
            int64 (frames, streams), or (frames,) if there is one stream.

        Raises:
            ArgumentError: another type or shape, no sample, numbers that are not finite, a signal
                far beyond full scale, a budget below 1 or of a single stream, or a context.
        """
        refuse_context(self, context)
        depth = None
        if self.prefix_axis == "none":
            refuse_budget(self, budget)
        elif budget is not None:
            depth = min(check_whole("budget", budget, 1), self.streams)
        with evaluating(self):
            parts = [self.quantizer.encode(each, depth=depth) for each in self._vectors(x)]
            return self._shaped(torch.cat(parts).cpu().numpy())

    def decode(self, ids: Ids, *, seed: int | None = None) -> NDArray[np.float32]:
        """The signal that codes stand for, from -1 to 1.

        Args:
            ids: (frames, depth) with any number of the first streams; -1 for a code that is absent.
            seed: None; nothing is drawn.

        Returns:
            float32 (frames x samples of a frame,).

        Raises:
            ArgumentError: ids of another shape, or a seed.
            EncodingError: an id outside the codebook, or one behind an absent one.
        """
        refuse_seed(self, seed)
        codes = torch.from_numpy(self._ids(ids)).to(self.device)
        hop, margin = self.config.hop, self.config.margin
        total = torch.zeros(len(codes) * hop)
        with evaluating(self):
            for first, last in _pieces(len(codes)):
                low, high = max(0, first - margin), min(len(codes), last + margin)
                given = self.decoder(self.quantizer.decode(codes[low:high])[None])
                signal = self.spectra.synthesise(given[0].float()).cpu()
                # Neighbouring pieces fade into each other over the two frames at their border.
                times = torch.arange(low * hop, high * hop) / hop
                rising = (times - first + 1) / 2 if first else torch.ones(())
                falling = (last + 1 - times) / 2 if last < len(codes) else torch.ones(())
                weights = torch.minimum(rising.clamp(0, 1), falling.clamp(0, 1))
                total[low * hop : high * hop] += signal * weights
        return total.clamp(-1, 1).numpy()

    def n_units(self, ids: Ids) -> float:
        """Seconds of the signal that ids stand for.

        Raises:
            ArgumentError: ids of another shape.
            EncodingError: an id outside the codebook.
        """
        return len(self._ids(ids)) / FRAMES_PER_SECOND

    def soft_assign(self, x: Any, *, context: Any = None) -> NDArray[np.float32]:
        """How likely each code is, natural logarithms, given the choice in the streams before.

        Returns:
            float32 (frames, streams, n_codes), or (frames, n_codes) if there is one stream.

        Raises:
            ArgumentError: as `encode`, or a signal so long that this would take more than 1 GiB.
        """
        refuse_context(self, context)
        n_bytes = -(-len(as_signal(x)) // self.config.hop) * 4 * sum(self.vocab_sizes)
        if n_bytes > MAX_BYTES:
            raise ArgumentError(
                f"{n_bytes:,} bytes of probabilities, expected at most {MAX_BYTES:,}; pass the "
                "signal in parts"
            )
        with evaluating(self):
            parts = [
                self.quantizer.soft_assign(each, temperature=self.config.temperature)
                for each in self._vectors(x)
            ]
            return self._shaped(torch.cat(parts).float().cpu().numpy())

    # -- training ------------------------------------------------------------------------------

    def training_task(self, data: Any, *, seed: int) -> Task:
        """What it learns from recordings; see `tokkit.models.training.train`.

        The first `recipe.plain_steps` batches learn without codes, which then start from k-means,
        so a training needs many more than that. Segments are drawn from torch's generator, which
        the loop seeds; `seed` has nothing to add.

        Args:
            data: `Recordings`.
            seed: of an order; there is none.

        Raises:
            ArgumentError: something else, another sample rate, or teachers of other widths than
                the configuration has.
            UnsupportedError: several processes.
        """
        del seed
        check_kind(data, Recordings, "data", "a DMCodec learns from tokkit.models.Recordings")
        refuse_several("a DMCodec", "its codes follow the vectors of one")
        lesson = Lesson(self, data)
        identity = {"recordings": data.fingerprint(), "config": config_identity(self.config)}
        evaluate = lesson.evaluate if lesson.evaluates else None
        return Task(
            lesson.loss,
            evaluate,
            identity,
            save=self.save,
            least_steps=self.config.recipe.plain_steps + 1,
            part="codes (recipe.plain_steps come before they start)",
        )

    # -- parts ---------------------------------------------------------------------------------

    def _vectors(self, x: Any) -> Iterator[torch.Tensor]:
        """What is quantised, float (frames, width), piece by piece."""
        signal = self.framed(x)
        hop, margin, around = self.config.hop, self.config.margin, self.spectra.around
        n_frames = (len(signal) - around) // hop
        for first, last in _pieces(n_frames):
            low, high = max(0, first - margin), min(n_frames, last + margin)
            roots = self.analysed(signal[None, low * hop : high * hop + around])
            yield self.encoder(roots)[0, first - low : last - low]

    def _ids(self, ids: Ids) -> NDArray[np.int64]:
        """Ids (frames, depth)."""
        array = as_id_array(ids, self.vocab_sizes, prefix_axis=self.prefix_axis)
        return array[:, None] if array.ndim == 1 else array

    def _shaped(self, array: NDArray[Any]) -> NDArray[Any]:
        """Without the axis of streams, if there is one."""
        return array if self.streams > 1 else array[:, 0]


def _pieces(n: int) -> list[tuple[int, int]]:
    """First and last frame (exclusive) of each."""
    return [(at, min(at + _FRAMES_AT_ONCE, n)) for at in range(0, n, _FRAMES_AT_ONCE)]
