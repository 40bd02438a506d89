"""A configuration that fits a graph."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokkit.models.saving.configs import changed_config, merged
from tokkit.models.vqgraph.config import VQGraphConfig


def config_for(
    n_features: int, n_classes: int, *, settings: Mapping[str, Any] | None = None
) -> VQGraphConfig:
    """The default configuration, of a graph's numbers of features and classes.

    Args:
        n_features: of a node.
        n_classes: of the nodes whose labels are known.
        settings: field -> value, where it should be another; of a field with fields of its own a
            mapping in turn.

    Raises:
        ArgumentError: an unknown field, or a value out of range.
    """
    known = {"n_features": n_features, "n_classes": n_classes}
    return changed_config(VQGraphConfig(), merged(known, settings or {}))
