"""The methods of transfer by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokkit.hypernets.distillation.byte_distillation import byte_distillation
from tokkit.hypernets.distillation.distilling import Distillation
from tokkit.hypernets.distillation.row_distillation import row_distillation
from tokkit.hypernets.distillation.token_distillation import token_distillation
from tokkit.hypernets.heuristics.shared_first import shared_first
from tokkit.hypernets.heuristics.subtokens import first_last, front_loaded, mean, random_rows
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask


@dataclass(frozen=True)
class Method:
    """A way to make rows.

    Attributes:
        about: one line for tables and help.
        rows: makes them.
        causal_only: whether it is for models that predict the next token.
        reads_text: whether it makes use of a text.
        distillation: how the rows are trained after that; None where they are not.
    """

    about: str
    rows: Callable[[TransferTask], Rows]
    causal_only: bool = False
    reads_text: bool = False
    distillation: Distillation | None = None


METHODS: Mapping[str, Method] = {
    "random": Method("rows drawn like the old ones", random_rows),
    "mean": Method("mean of the parts (FVT)", mean),
    "first-last": Method("last part in, first part out", first_last),
    "front-loaded": Method("mean that weighs earlier parts more", front_loaded),
    "shared-first": Method(
        "first part out, with its probability shared; fitted to a text where there is one",
        shared_first,
        causal_only=True,
        reads_text=True,
    ),
    "token-distillation": Method(
        "new input rows, trained to put the model in the states that the old tokens put it in",
        shared_first,
        causal_only=True,
        reads_text=True,
        distillation=Distillation(token_distillation, 0.03, n_bytes=1500, batch_tokens=800),
    ),
    "row-distillation": Method(
        "input and output rows, trained on the old model's states and on the text's tokens",
        shared_first,
        causal_only=True,
        reads_text=True,
        distillation=Distillation(
            row_distillation, 0.03, n_bytes=1500, batch_tokens=800, outputs=0.1, bias=0.3
        ),
    ),
    "byte-distillation": Method(
        "input and output rows, trained on what the old model expects of the next byte",
        shared_first,
        causal_only=True,
        reads_text=True,
        distillation=Distillation(
            byte_distillation, 0.03, n_bytes=400, batch_tokens=400, outputs=0.1, bias=0.3
        ),
    ),
}
"""Name -> method."""


def chosen_method(name: str, *, plain: bool) -> str:
    """The method that a name means, `"auto"` included.

    Args:
        name: of `METHODS`, or `"auto"`.
        plain: whether the model is causal and its logits are linear in its last states.
    """
    if name != "auto":
        return name
    return "shared-first" if plain else "mean"
