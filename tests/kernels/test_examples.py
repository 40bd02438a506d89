"""What the docstring of a kernel says that it gives, it gives; and every kernel says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_example_of_every_kernel_is_right() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.kernels.examples"],
        cwd=ROOT,
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(done.stdout.split()[0]) > 50
