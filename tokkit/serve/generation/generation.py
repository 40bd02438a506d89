"""What a request asks for, in any dialect: `Generation`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.serve.served import Served

_MOST_BYTES = 1 << 20


@dataclass(frozen=True, kw_only=True)
class Generation:
    """What a request asks for.

    Attributes:
        served: the model.
        prompt: before the text.
        suffix: after it, where a gap is to be filled.
        max_tokens: of each text.
        sampling: how to draw.
        stops: strings that end a text.
        seed: of the first text; those after it have the numbers after it.
        n: texts.
        surroundings: what else stands around it.
        keep_logprobs: keep the log-probabilities of all bytes.
        keep_rows: keep all distributions.
        tells_figures: whether pieces come with the figures of their bytes.
        search_seconds: that a search for a middle may take, but for a short one that is done in any
            case; None: as long as the server permits.
        by_format: whether a gap may be filled in a model's own format alone.
        is_truncated: whether something of prompt or suffix was left out.
        n_prompt: tokens of prompt and suffix, once it is fitted.
    """

    served: Served
    prompt: bytes
    suffix: bytes | None = None
    max_tokens: int
    sampling: SamplingOptions = field(default_factory=SamplingOptions)
    stops: Sequence[str] = ()
    seed: int | None = None
    n: int = 1
    surroundings: Surroundings = field(default_factory=Surroundings)
    keep_logprobs: bool = False
    keep_rows: bool = False
    tells_figures: bool = False
    search_seconds: float | None = None
    by_format: bool = False
    is_truncated: bool = False
    n_prompt: int = 0

    @property
    def is_searched(self) -> bool:
        """Whether its text is a middle that is searched for, not drawn."""
        return self.suffix is not None and not self.served.fills

    def request(self, k: int) -> Request:
        """What text number k is asked of the library."""
        sampling: SamplingOptions = {**self.sampling, "valid_utf8": True}
        return Request(
            self.prompt,
            suffix=self.suffix,
            max_bytes=min(self.max_tokens * 64, _MOST_BYTES),
            seed=None if self.seed is None else self.seed + k,
            stop=tuple(self.stops),
            **sampling,
        )
