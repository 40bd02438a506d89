"""Change the tokenizer of a model: transfer without training, and hypernetworks.

Read `alignment` first (which old tokens a new one is spelled with), then `rows` (what a method
gives), the `heuristics`, and `transfer`, which puts a model together from them. `telling` says how
it went. `hypernetwork` trains a network that corrects the rows of a heuristic, `distillation` rows
themselves; both over `frozen_body`, the layers of the old model. Imports as `tokkit.hypernets`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokkit.exports import exported
from tokkit.hypernets.methods import METHODS

if TYPE_CHECKING:
    from tokkit.hypernets.hypernetwork.method import open_hypernet
    from tokkit.hypernets.hypernetwork.options import HypernetOptions
    from tokkit.hypernets.hypernetwork.sampling import SamplerOptions
    from tokkit.hypernets.hypernetwork.training import train_hypernetwork

__all__ = ["METHODS", "HypernetOptions", "SamplerOptions", "open_hypernet", "train_hypernetwork"]


_HOMES = {
    "HypernetOptions": ".hypernetwork.options",
    "SamplerOptions": ".hypernetwork.sampling",
    "open_hypernet": ".hypernetwork.method",
    "train_hypernetwork": ".hypernetwork.training",
}


def __getattr__(name: str) -> Any:
    """Import what needs torch at its first use (PEP 562)."""
    return exported(__name__, _HOMES, name)
