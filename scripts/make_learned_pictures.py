"""Draw the picture of the quick start: digits by more and more ids.

PYTHONPATH=. python scripts/make_learned_pictures.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import tokkit
from benchmarks.images.sheet import sheet
from tokkit.models import sample_signals

TARGET = Path(__file__).parents[1] / "docs" / "images" / "learned" / "digits.png"
NAME = "flextok-mnist"
SCALE = 3


def main() -> None:
    """Rows: as given, by 1, 4 and 16 ids, and drawn by 4 and 1."""
    tokenizer: Any = tokkit.load_tokenizer(NAME)
    digits = sample_signals(NAME).signals
    ids = tokenizer.encode_many(digits)
    seeds = range(len(digits))
    rows = [
        digits,
        *(tokenizer.decode_many(ids[:, :n]) for n in (1, 4, 16)),
        *(tokenizer.decode_many(ids[:, :n], seeds=seeds) for n in (4, 1)),
    ]
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(sheet(np.stack(rows), scale=SCALE))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
