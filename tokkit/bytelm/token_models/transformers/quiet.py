"""Keeps transformers and the hub's client from writing to the terminal while a model loads."""

from __future__ import annotations

import contextlib
import io
import logging as std_logging
import warnings
from collections.abc import Generator


@contextlib.contextmanager
def quiet_transformers() -> Generator[None]:
    """Silence log messages, warnings and progress bars; the state before is restored after.

    The settings belong to the process, so other threads are silenced meanwhile too. Standard error
    is replaced because some of the bars heed no setting; errors are raised, never printed.
    """
    from transformers.utils import logging

    verbosity, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
    logging.set_verbosity(std_logging.CRITICAL)
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings(), contextlib.redirect_stderr(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(verbosity)
        if bars:
            logging.enable_progress_bar()
