"""Small helpers for the JSON nodes of a tokenizer.json."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

Node = dict[str, Any]

_LISTS = {
    "normalizers": "normalizers",
    "pretokenizers": "pretokenizers",
    "decoders": "decoders",
}


def in_sequence(field: str, steps: Sequence[Node]) -> Node | None:
    """Several nodes as one; None for none of them.

    Args:
        field: what a Sequence of this kind calls its steps, as `"normalizers"`.
        steps: in order.
    """
    if len(steps) < 2:
        return steps[0] if steps else None
    return {"type": "Sequence", _LISTS[field]: list(steps)}


def replace_node(old: str, new: str) -> Node:
    """Replaces every occurrence of a string."""
    return {"type": "Replace", "pattern": {"String": old}, "content": new}


def replace_pattern_node(pattern: str, new: str) -> Node:
    """Replaces every match of a pattern in Oniguruma's syntax."""
    return {"type": "Replace", "pattern": {"Regex": pattern}, "content": new}
