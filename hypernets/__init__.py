"""Change the tokenizer of a model: transfer without training, and hypernetworks.

Read `alignment` first (which old tokens a new one is spelled with), then `rows` (what a method
gives), the `heuristics`, and `transfer`, which puts a model together from them. `figures` is how it
went, and `transfer_report` tells it. `hypernetwork` trains a network that corrects the rows of a
heuristic. Imports as `tokkit.hypernets`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokkit.hypernets.methods import METHODS

if TYPE_CHECKING:
    from tokkit.hypernets.hypernetwork.training import train_hypernetwork

__all__ = ["METHODS", "train_hypernetwork"]


def __getattr__(name: str) -> Any:
    """What needs torch is imported when it is first used."""
    if name != "train_hypernetwork":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from tokkit.bytelm.token_models.transformers.loading import import_torch

    import_torch()
    from tokkit.hypernets.hypernetwork.training import train_hypernetwork

    return train_hypernetwork
