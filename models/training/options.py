"""What a training is asked to do: its budget, its optimiser, how often it evaluates and saves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tokkit.arguments import as_plain, check_choice, check_kind, check_real, check_whole
from tokkit.errors import ArgumentError, UnsupportedError

_NOT_OF_THE_CURVE = ("evaluations", "checkpoint_seconds", "device")


@dataclass(frozen=True)
class TrainingOptions:
    """Options of `train`. At least one of `steps` and `seconds` is given; the first to end counts.

    Attributes:
        steps: updates of the parameters.
        seconds: spent on updates; evaluations and checkpoints do not count. The learning rate
            follows them, so a curve is only as reproducible as the machine is even; that of `steps`
            is exact.
        clock: of `seconds`: `"cpu"` sums the threads of this process, `"wall"` is for GPUs.
        learning_rate: at its peak.
        warmup: share of the budget over which it grows, linearly.
        final: share of the peak that a cosine falls to at the end.
        optimizer: `"adamw"`, or `"muon"` for the matrices between hidden states with AdamW for the
            rest; a step of Muon costs more, and the more the wider the matrices are. What a model
            declares as its output layers (`tokkit.models.blocks.output_layer`) is no such matrix.
        weight_decay: on parameters of two dimensions or more.
        betas: of AdamW.
        epsilon: of AdamW.
        clip_norm: to which the gradient of all parameters is clipped; None for no limit.
        batches: whose mean gradient makes a step, in each process.
        seed: of random numbers that a loss draws from torch, as for dropout; combined with the
            number of the batch, so that they do not depend on what was drawn before.
        autocast: `"bfloat16"` for the products within a loss; None for none. float16 is refused:
            its small gradients vanish without a scaled loss.
        device: where the model is moved; None leaves it where it is.
        evaluations: spread evenly over the budget, beside one before it.
        checkpoint_seconds: of wall time between checkpoints.
    """

    steps: int | None = None
    seconds: float | None = None
    clock: Literal["cpu", "wall"] = "cpu"
    learning_rate: float = 1e-3
    warmup: float = 0.05
    final: float = 0.1
    optimizer: Literal["adamw", "muon"] = "adamw"
    weight_decay: float = 0.0
    betas: tuple[float, float] = (0.9, 0.95)
    epsilon: float = 1e-8
    clip_norm: float | None = 1.0
    batches: int = 1
    seed: int = 0
    autocast: Literal["bfloat16"] | None = None
    device: str | None = None
    evaluations: int = 10
    checkpoint_seconds: float = 60.0

    def __post_init__(self) -> None:
        """Refuse what makes no sense.

        Raises:
            ArgumentError: no budget, or a value out of its range.
            UnsupportedError: `autocast` in float16.
        """
        if self.steps is None and self.seconds is None:
            raise ArgumentError("a training needs a budget: give steps, seconds or both")
        if self.steps is not None:
            check_whole("steps", self.steps, 1)
        for name in ("batches", "evaluations"):
            check_whole(name, getattr(self, name), int(name == "batches"))
        check_whole("seed", self.seed, 0)
        for name in ("seconds", "learning_rate", "epsilon", "clip_norm"):
            value = getattr(self, name)
            if value is not None and check_real(name, value) <= 0:
                raise ArgumentError(f"{name} must be greater than 0, got {value!r}")
        for name in ("weight_decay", "checkpoint_seconds"):
            if check_real(name, getattr(self, name)) < 0:
                raise ArgumentError(f"{name} must be at least 0, got {getattr(self, name)!r}")
        self._check_shares()
        check_choice("optimizer", self.optimizer, ("adamw", "muon"))
        check_choice("clock", self.clock, ("cpu", "wall"))
        _check_autocast(self.autocast)
        check_kind(self.device, (str, type(None)), "device")
        for name, value in asdict(self).items():
            object.__setattr__(self, name, as_plain(value))

    def _check_shares(self) -> None:
        check_kind(self.betas, tuple, "betas")
        if len(self.betas) != 2:
            raise ArgumentError(f"betas must be two numbers, got {self.betas!r}")
        shares = {"warmup": self.warmup, "final": self.final}
        shares |= {f"betas[{k}]": beta for k, beta in enumerate(self.betas)}
        for name, value in shares.items():
            most = 1 if name == "final" else 1 - 1e-9
            if not 0 <= check_real(name, value) <= most:
                raise ArgumentError(f"{name} must be from 0 to 1, got {value!r}")

    def of_the_curve(self) -> Mapping[str, Any]:
        """The options that decide what is learned, which a resumed training must share."""
        return {
            name: value for name, value in asdict(self).items() if name not in _NOT_OF_THE_CURVE
        }


def _check_autocast(value: object) -> None:
    if value == "float16":
        raise UnsupportedError(
            "autocast='float16' would lose small gradients, for losses are not scaled here; "
            "take 'bfloat16', which has the range of float32"
        )
    check_choice("autocast", value, ("bfloat16", None))
