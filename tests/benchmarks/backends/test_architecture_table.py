"""The table of architectures names every type once, under what became of it."""

from __future__ import annotations

from typing import Any

from benchmarks.backends.architecture_table import WAYS, table

ALLOWED = {"float32": 2e-5, "bfloat16": 1e-2}


def _right(way: str, tv: float) -> dict[str, Any]:
    return {
        "status": "right",
        "way": way,
        "tv": tv,
        "tv_median": tv / 2,
        "own": tv / 3,
        "precision": tv / 4,
    }


def test_every_type_is_named_once() -> None:
    refused = {"status": "refused", "why": "UnsupportedError: no such thing; do another"}
    records: list[dict[str, Any]] = [
        {"key": f"kind-{way}", "causal": True, "float32": _right(way, 1e-6)} for way in WAYS
    ]
    records += [
        {"key": "encoder", "causal": False, "float32": refused},
        {"key": "strange", "causal": True, "float32": refused},
        {"key": "awry", "causal": True, "float32": {**_right("tree", 0.3), "status": "wrong"}},
        {"key": "broken", "status": "not built", "why": "KeyError: 'x'"},
    ]
    text = table(records, ALLOWED)
    for record in records:
        assert text.count(record["key"]) == 1, record["key"]
    assert "no such thing)" in text


def test_what_rounds_by_more_than_is_allowed_is_said() -> None:
    half = {**_right("tree", 0.04), "status": "wrong"}
    record = {"key": "experts", "causal": True, "float32": _right("tree", 3e-7), "bfloat16": half}
    text = table([record], ALLOWED)
    assert "| 3e-07 | 4e-02 |" in text
    assert "half precision: experts (4.0e-02; median 2e-02" in text
