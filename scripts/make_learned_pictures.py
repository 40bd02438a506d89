"""Draw the picture of the quick start: digits by more and more ids.

PYTHONPATH=. python scripts/make_learned_pictures.py
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

import tokkit
from tokkit.models import sample_signals
from tokkit.report.media import png

TARGET = Path(__file__).parents[1] / "docs" / "images" / "learned" / "digits.png"
NAME = "flextok-mnist"
SCALE, GAP = 3, 4


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
    squares = np.pad(np.stack(rows)[..., 0], ((0, 0), (0, 0), (0, GAP), (0, GAP)))
    sheet = squares.transpose(0, 2, 1, 3).reshape(squares.shape[0] * squares.shape[2], -1)
    large = sheet.repeat(SCALE, 0).repeat(SCALE, 1)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    TARGET.write_bytes(png(large[..., None]))
    print(f"{TARGET}: {TARGET.stat().st_size:,} bytes")


if __name__ == "__main__":
    main()
