"""How a hypernetwork is trained: the recipe for a laptop, and switches to the published one."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, refuse_unknown, settle_fields
from tokkit.errors import ArgumentError
from tokkit.hypernets.hypernetwork.base_rows import HEURISTICS
from tokkit.hypernets.hypernetwork.config import MOST_SIZE
from tokkit.hypernets.hypernetwork.sampling import SamplerOptions
from tokkit.models.blocks.options import MOST_LAYERS


@dataclass(frozen=True)
class HypernetOptions:
    """The network and what it is trained for.

    Attributes:
        heuristic: whose rows are corrected: `"shared-first"` or `"mean"`.
        residual: whether the network adds to the heuristic's rows, beginning with nothing, rather
            than taking their place.
        n_layers: of the network's transformer.
        hidden: its width.
        max_parts: of a spelling; more are cut off.
        input_scale: of what the head of input rows puts out, in deviations of the old rows.
        output_scale: likewise for output rows, of which the logits are a product with long states,
            so that small changes tell.
        prediction: weight of `objectives.prediction_loss`.
        reading: weight of `reading_loss`.
        language: weight of `language_loss`, the published objective; a pass through the whole model
            and back.
        overlap: weight of `overlap_loss`, the published auxiliary objective.
        identity_steps: at the beginning, of `overlap_loss` alone over the old vocabulary.
        layer: the one whose states `reading_loss` compares; 0: the last. Earlier ones are cheaper
            and worse: rows that were fitted to the states of a third of the layers of SmolLM2 had a
            quarter of the loss and hardly fewer bits per byte, those of an eighth had more.
        n_states: of the teacher in a step.
        n_read: windows that the model reads in a step, for `reading_loss` and `language_loss`.
        n_negatives: new tokens whose rows are predicted in a step beside those that occur: the ones
            that the heuristic expects most.
        lesson_windows: that the teacher reads of a lesson.
        window_bytes: of each.
        lessons_at_once: that steps take in turn.
        lesson_steps: from each.
        autocast: whether products are in bfloat16.
        sampler: of tokenizers.
    """

    heuristic: str = "shared-first"
    residual: bool = True
    n_layers: int = 2
    hidden: int = 256
    max_parts: int = 8
    input_scale: float = 0.5
    output_scale: float = 0.05
    prediction: float = 1.0
    reading: float = 1.0
    language: float = 0.0
    overlap: float = 0.0
    identity_steps: int = 0
    layer: int = 0
    n_states: int = 1024
    n_read: int = 2
    n_negatives: int = 1536
    lesson_windows: int = 12
    window_bytes: int = 1200
    lessons_at_once: int = 4
    lesson_steps: int = 8
    autocast: bool = True
    sampler: SamplerOptions = field(default_factory=SamplerOptions)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: one is out of range, or nothing is trained for.
        """
        settle_fields(self)
        refuse_unknown([self.heuristic], list(HEURISTICS), what="heuristic")
        for name in ("identity_steps", "layer", "n_negatives"):
            check_whole(name, getattr(self, name), 0)
        check_whole("n_layers", self.n_layers, 1, MOST_LAYERS)
        for name in ("hidden", "max_parts"):
            check_whole(name, getattr(self, name), 1, MOST_SIZE)
        counts = ("n_states", "n_read", "lesson_windows")
        for name in (*counts, "window_bytes", "lessons_at_once", "lesson_steps"):
            check_whole(name, getattr(self, name), 1)
        weights = [getattr(self, name) for name in ("prediction", "reading", "language", "overlap")]
        if min(weights) < 0 or not any(weights):
            raise ArgumentError("weights of objectives must be 0 or more, and one of them above")
        for name in ("input_scale", "output_scale"):
            if getattr(self, name) <= 0:
                raise ArgumentError(f"{name} is {getattr(self, name)}; expected more than 0")
        if self.hidden % 4:
            raise ArgumentError(f"hidden is {self.hidden}; expected a multiple of 4")
