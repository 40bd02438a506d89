"""The methods of transfer by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

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
    """

    about: str
    rows: Callable[[TransferTask], Rows]
    causal_only: bool = False
    reads_text: bool = False


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
