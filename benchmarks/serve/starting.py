"""A server of ours as a program of its own, for as long as a block lasts: `started`."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import NamedTuple


class Started(NamedTuple):
    """A server that runs.

    Attributes:
        url: of it, without a path.
        pid: of its process.
    """

    url: str
    pid: int


@contextmanager
def started(model: str, options: Sequence[str] = ()) -> Generator[Started]:
    """A server of a model at a free port, until the end of the block.

    Args:
        model: what `tokkit serve` takes.
        options: more of its options.
    """
    command = [sys.executable, "-m", "tokkit", "serve", model, "--port", "0", "--json", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            assert server.stdout is not None
            said = ""
            for line in server.stdout:
                said += line
                if said.strip().endswith("}"):
                    break
            yield Started(json.loads(said)["url"], server.pid)
        finally:
            server.terminate()
