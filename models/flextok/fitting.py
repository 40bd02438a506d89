"""A configuration that fits pictures of some size."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tokkit.models.flextok.config import FlexTokConfig
from tokkit.models.saving.configs import changed_config, merged

_SIDES = (7, 8, 6, 5, 4, 9, 10, 3, 2, 1)
"""Of the encoder's squares, the best first."""
_FLOW_SIDES = (4, 5, 3, 6, 7, 2, 8, 1)


def config_for(
    height: int, width: int, channels: int, *, settings: Mapping[str, Any] | None = None
) -> FlexTokConfig:
    """The default configuration, with squares that divide the pictures.

    Args:
        height: of the pictures.
        width: of them.
        channels: 1 or 3.
        settings: field -> value, where it should be another; of a field with fields of its own a
            mapping in turn.

    Raises:
        ArgumentError: an unknown field, or a value out of range.
    """
    values: dict[str, Any] = {"height": height, "width": width, "channels": channels}
    for name, sides in (("patch", _SIDES), ("flow_patch", _FLOW_SIDES)):
        values[name] = next(side for side in sides if not (height % side or width % side))
    return changed_config(FlexTokConfig(), merged(values, settings or {}))
