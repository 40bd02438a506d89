"""The shape of a `DMCodec`, and how it is taught."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.blocks.options import MOST_LAYERS

FRAMES_PER_SECOND = 50
"""Of codes, as in the paper."""
PARTS = 4
"""Spectra a frame."""
_MOST = 1 << 16
LEAST_RATE, MOST_RATE = 4000, 192_000
"""Samples a second."""
_FACTORS = ("spectrum", "mel", "commitment", "speech", "language")


@dataclass(frozen=True)
class DMCodecRecipe:
    """How a `DMCodec` is taught; see `tokkit.models.dm_codec.learning` for the terms.

    Attributes:
        plain_steps: of a training, in which nothing is quantised; then the codes start from k-means
            of what the encoder gives.
        start_frames: from which they do.
        batch: segments of a step.
        segment: frames of each.
        gain_db: how much louder or softer than it is a segment is made, at most.
        drop: share of the segments that keep a random number of streams.
        spectrum: factor of the difference of spectra.
        mel: factor of the difference of mel spectra, at three scales.
        commitment: factor of the squared distance of vectors to their codes, relative to their
            variance.
        speech: factor of the distillation of the speech model.
        language: factor of the distillation of the language model.
        decay: of the codes at each step.
    """

    plain_steps: int = 300
    start_frames: int = 12_288
    batch: int = 16
    segment: int = 96
    gain_db: float = 9.0
    drop: float = 0.7
    spectrum: float = 1.0
    mel: float = 1.0
    commitment: float = 0.02
    speech: float = 0.02
    language: float = 0.02
    decay: float = 0.99

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value out of range.
        """
        settle_fields(self)
        check_whole("plain_steps", self.plain_steps, 0)
        check_whole("start_frames", self.start_frames, 1, 1 << 20)
        check_whole("batch", self.batch, 1, _MOST)
        check_whole("segment", self.segment, 2, _MOST)
        for name in ("gain_db", *_FACTORS):
            if getattr(self, name) < 0:
                raise ArgumentError(f"{name} must be at least 0, got {getattr(self, name)}")
        if not 0 <= self.drop <= 1:
            raise ArgumentError(f"drop must be from 0 to 1, got {self.drop}")
        if not 0 <= self.decay < 1:
            raise ArgumentError(f"decay must be from 0 to below 1, got {self.decay}")


@dataclass(frozen=True)
class DMCodecConfig:
    """A tokenizer of speech. With the defaults a stream costs 0.5 kbit a second.

    Attributes:
        sample_rate: samples a second, a multiple of 200.
        n_codes: of each stream.
        depth: number of streams.
        width: of the vectors that are quantised.
        hidden: width of the networks.
        layers: of each network.
        kernel: frames that a layer looks at, an odd number.
        phase_steps: of the search for phases when codes are decoded.
        temperature: of `soft_assign`, in squared distances.
        speech_width: of the vectors of a speech model that teaches; 0: there is none.
        language_width: the same of a language model.
        recipe: how it is taught.
    """

    sample_rate: int = 8000
    n_codes: int = 1024
    depth: int = 8
    width: int = 32
    hidden: int = 128
    layers: int = 4
    kernel: int = 7
    phase_steps: int = 32
    temperature: float = 1.0
    speech_width: int = 0
    language_width: int = 0
    recipe: DMCodecRecipe = field(default_factory=DMCodecRecipe)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value out of range.
        """
        settle_fields(self)
        check_whole("sample_rate", self.sample_rate, LEAST_RATE, MOST_RATE)
        if self.sample_rate % (step := FRAMES_PER_SECOND * PARTS):
            raise ArgumentError(
                f"sample_rate must be a multiple of {step}, got {self.sample_rate}; convert the "
                "recordings to 8000, 16000 or 24000 samples a second"
            )
        for name in ("n_codes", "width", "hidden"):
            check_whole(name, getattr(self, name), 1, _MOST)
        check_whole("layers", self.layers, 1, MOST_LAYERS)
        check_whole("depth", self.depth, 1, 64)
        check_whole("kernel", self.kernel, 1, 255)
        if self.kernel % 2 == 0:
            raise ArgumentError(f"kernel must be an odd number, got {self.kernel}")
        check_whole("phase_steps", self.phase_steps, 0, 10_000)
        for name in ("speech_width", "language_width"):
            check_whole(name, getattr(self, name), 0, _MOST)
        if self.temperature <= 0:
            raise ArgumentError(f"temperature must be more than 0, got {self.temperature}")

    @property
    def hop(self) -> int:
        """Samples of a frame."""
        return self.sample_rate // FRAMES_PER_SECOND

    @property
    def window(self) -> int:
        """Samples of a spectrum: 32 ms, an even number."""
        return 2 * (self.sample_rate * 2 // 125)

    @property
    def bins(self) -> int:
        """Frequencies of a spectrum."""
        return self.window // 2 + 1

    @property
    def margin(self) -> int:
        """How many frames before and after its own a code, or the spectra of a code, depend on."""
        return self.layers * (self.kernel // 2) + 1
