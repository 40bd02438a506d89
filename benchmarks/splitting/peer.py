"""`hat-splitter`, the published splitter in Rust, where it is installed."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from importlib import import_module
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERSION = "0.1.10"
Split = Callable[[str], list[str]]


def add_option(parser: ArgumentParser) -> None:
    """Let the command line say where it is."""
    parser.add_argument("--peer", type=Path, help="folder that hat-splitter is installed in")


def published_split(folder: Path | None) -> Split | None:
    """Its `split`; None, with the reason printed, where it is not installed."""
    if folder is not None:
        sys.path.insert(0, str(folder))
    try:
        module: Any = import_module("hat_splitter")
    except ImportError:
        print(
            f"skipped what needs hat-splitter, which is not installed: pip install --target FOLDER "
            f"hat-splitter=={VERSION}, then --peer FOLDER"
        )
        return None
    return module.HATSplitter().split


def ends_of(words: list[str]) -> NDArray[np.int64]:
    """Where words end, in bytes of UTF-8."""
    return np.array(list(accumulate(len(word.encode()) for word in words)), np.int64)
