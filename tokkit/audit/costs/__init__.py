"""What texts cost, per language and kind, and how steady their segmentation is.

Read `examining`; each other module is one question, over `samples` and `costs`, with intervals by
`bootstrap`.
"""

from __future__ import annotations

from tokkit.audit.costs.examining import examine

__all__ = ["examine"]
