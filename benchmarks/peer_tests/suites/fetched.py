"""Files of `benchmarks/fetch/real_tokenizers.py` that the suites of peers read."""

from __future__ import annotations

import os
from pathlib import Path

from benchmarks.shared.places import CACHE

FOLDER = Path(os.environ.get("TOKKIT_TEST_TOKENIZERS", CACHE / "tokenizers"))


def rank_file(name: str) -> Path:
    """The rank file of an encoding of tiktoken.

    Raises:
        FileNotFoundError: it was not fetched.
    """
    path = FOLDER / "tiktoken" / f"{name}.tiktoken"
    if not path.is_file():
        raise FileNotFoundError(f"no {path}; run python -m benchmarks.fetch.real_tokenizers first")
    return path
