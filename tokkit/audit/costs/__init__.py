"""The text part: what texts cost, per language and kind, and how steady their segmentation is."""

from __future__ import annotations

from tokkit.audit.costs.examining import examine

__all__ = ["examine"]
