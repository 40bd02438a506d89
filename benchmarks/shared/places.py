"""Where the scripts find their texts, and where they leave what they fetch and measure."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / ".cache"
ASSETS = Path(__file__).with_name("assets")
"""Of the texts `english.txt` and `python.txt`."""
BENCHMARKS_PAGE = ROOT / "docs" / "benchmarks.md"
