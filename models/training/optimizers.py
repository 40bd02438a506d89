"""AdamW, alone or beside Muon, over groups of parameters: what decays, what learns faster.

AdamW: Loshchilov & Hutter, 2019. Muon: "Muon: An optimizer for hidden layers in neural networks"
(Jordan et al., 2024), with the step of "Muon is Scalable for LLM Training" (Liu et al., 2025,
section 2.2), which has AdamW's size; it updates matrices between hidden states, and AdamW the rest.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from tokkit.errors import ArgumentError, FormatError, UnsupportedError
from tokkit.models.training.options import TrainingOptions

if TYPE_CHECKING:
    import torch

FACTOR = "factor"
"""Key of a group: what the scheduled learning rate is multiplied by for it."""
_REMEMBERED: Mapping[str, Mapping[str, bool]] = {
    "AdamW": {"step": False, "exp_avg": True, "exp_avg_sq": True},
    "Muon": {"momentum_buffer": True},
}
"""What each kind remembers of a parameter, and whether that has the shape of the parameter."""
_LEAST = {"step": 1, "exp_avg_sq": 0}


def trained_parameters(model: torch.nn.Module) -> dict[str, torch.nn.Parameter]:
    """Those that want a gradient, by name; shared ones once.

    Raises:
        ArgumentError: none does.
    """
    found = {name: each for name, each in model.named_parameters() if each.requires_grad}
    if not found:
        raise ArgumentError("no parameter of the model wants a gradient; there is nothing to train")
    return found


class Optimizers:
    """Some that step as one; the parameters are numbered through all of them."""

    def __init__(self, *parts: torch.optim.Optimizer) -> None:
        """Join them."""
        self._parts = parts

    @property
    def groups(self) -> Iterator[dict[str, Any]]:
        """The groups of parameters of all."""
        return (group for part in self._parts for group in part.param_groups)

    def step(self) -> None:
        """Update all parameters, and forget their gradients."""
        for part in self._parts:
            part.step()
        self.forget_gradients()

    def forget_gradients(self) -> None:
        """Those that there are."""
        for part in self._parts:
            part.zero_grad(set_to_none=True)

    def set_learning_rate(self, rate: float) -> None:
        """Give every group its multiple of the scheduled rate."""
        for group in self.groups:
            group["lr"] = rate * group[FACTOR]

    def state(self) -> dict[int, dict[str, Any]]:
        """What is remembered of each parameter, by its number."""
        return {
            first + index: values
            for first, part in self._numbered()
            for index, values in part.state_dict()["state"].items()
        }

    def load_state(self, state: Mapping[int, Mapping[str, Any]]) -> None:
        """Remember what `state` gave.

        Raises:
            FormatError: it is not of these parameters; fused updates would write beside memory.
        """
        rest = dict(state)
        for first, part in self._numbered():
            parameters = [each for group in part.param_groups for each in group["params"]]
            known = {
                index: rest.pop(first + index)
                for index in range(len(parameters))
                if first + index in rest
            }
            for index, values in known.items():
                _check_remembered(first + index, values, part, parameters[index])
            part.load_state_dict({**part.state_dict(), "state": known})
        if rest:
            raise FormatError(f"an optimiser's state of parameter {min(rest)}, which is not there")

    def _numbered(self) -> Iterator[tuple[int, torch.optim.Optimizer]]:
        """Each with the number of its first parameter."""
        first = 0
        for part in self._parts:
            yield first, part
            first += sum(len(group["params"]) for group in part.param_groups)


def _check_remembered(
    number: int,
    values: Mapping[str, Any],
    part: torch.optim.Optimizer,
    parameter: torch.nn.Parameter,
) -> None:
    """Compare what is to be remembered of a parameter with what its optimiser remembers.

    Raises:
        FormatError: other values, of other shapes, or that are not finite.
    """
    import torch

    like = f"an optimiser's state of parameter {number}"
    if values.keys() != (expected := _REMEMBERED[type(part).__name__]).keys():
        raise FormatError(f"{like} has {sorted(values)}, expected {sorted(expected)}")
    for key, value in values.items():
        shape, dtype = (parameter.shape, parameter.dtype) if expected[key] else ((), torch.float32)
        if getattr(value, "shape", None) != shape or value.dtype != dtype:
            raise FormatError(f"{like}: {key} is no tensor of {dtype} of the shape {tuple(shape)}")
        if not bool(value.isfinite().all()):
            raise FormatError(f"{like}: {key} holds numbers that are not finite")
        if value.numel() and float(value.min()) < _LEAST.get(key, -math.inf):
            raise FormatError(f"{like}: {key} holds a number below {_LEAST[key]}")


def optimizers(
    model: torch.nn.Module, options: TrainingOptions, factors: Mapping[str, float]
) -> Optimizers:
    """What trains a model: groups for each factor, of parameters that decay and of others.

    Args:
        model: whose parameters that want a gradient are trained.
        options: of the training.
        factors: what the learning rate of a parameter is multiplied by, by its name; 1 if not here.

    Raises:
        ArgumentError: nothing to train, a factor for a parameter that is not there, or Muon for a
            model that does not declare its output layers.
        UnsupportedError: Muon, with a PyTorch that is too old for it.
    """
    parameters = trained_parameters(model)
    if unknown := sorted(factors.keys() - parameters.keys()):
        raise ArgumentError(
            f"a factor for {unknown[0]!r}, but the trained parameters are {', '.join(parameters)}"
        )
    turned = _hidden_matrices(model) & parameters.keys() if options.optimizer == "muon" else set()
    others = {name: each for name, each in parameters.items() if name not in turned}
    matrices = {name: each for name, each in parameters.items() if name in turned}
    parts = [
        make(each, options, factors) for make, each in ((_adamw, others), (_muon, matrices)) if each
    ]
    return Optimizers(*parts)


def _adamw(
    parameters: Mapping[str, torch.nn.Parameter],
    options: TrainingOptions,
    factors: Mapping[str, float],
) -> torch.optim.Optimizer:
    import torch

    return torch.optim.AdamW(
        _groups(parameters, options, factors),
        lr=options.learning_rate,
        betas=options.betas,
        eps=options.epsilon,
        fused=True,  # one pass over memory: large tables of rows cost more there than in products
    )


def _muon(
    parameters: Mapping[str, torch.nn.Parameter],
    options: TrainingOptions,
    factors: Mapping[str, float],
) -> torch.optim.Optimizer:
    import torch

    if not hasattr(torch.optim, "Muon"):
        raise UnsupportedError(
            f"Muon needs PyTorch 2.9 or later, and this is {torch.__version__}; use adamw"
        )
    return torch.optim.Muon(
        _groups(parameters, options, factors),
        lr=options.learning_rate,
        adjust_lr_fn="match_rms_adamw",  # so that one rate is right for both
    )


def _groups(
    parameters: Mapping[str, torch.nn.Parameter],
    options: TrainingOptions,
    factors: Mapping[str, float],
) -> list[dict[str, Any]]:
    groups: dict[tuple[float, float], list[torch.nn.Parameter]] = {}
    for name, parameter in parameters.items():
        decay = options.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((factors.get(name, 1.0), decay), []).append(parameter)
    return [
        {"params": members, "weight_decay": decay, FACTOR: factor}
        for (factor, decay), members in groups.items()
    ]


def _hidden_matrices(model: torch.nn.Module) -> set[str]:
    """Names of the weights of linear layers, but of those that a model declares as its outputs.

    Raises:
        ArgumentError: it declares none.
    """
    import torch

    from tokkit.models.blocks.output_layer import output_weights

    outputs = {id(weight) for weight in output_weights(model)}
    if not outputs:
        raise ArgumentError(
            "muon is for the matrices between hidden states, and "
            f"{type(model).__name__} does not say which of its linear layers give its outputs: "
            "make them `tokkit.models.blocks.output_layer.OutputLayer`, which is a "
            "torch.nn.Linear, or use adamw"
        )
    return {
        f"{name}.weight".removeprefix(".")
        for name, each in model.named_modules()
        if isinstance(each, torch.nn.Linear) and id(each.weight) not in outputs
    }
