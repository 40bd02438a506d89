"""What a benchmark ran on: printed above its tables."""

from __future__ import annotations

import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe_run(*packages: str) -> None:
    """Print the machine, its load, the versions of `packages`, and the command."""
    versions = [f"{name} {_version(name)}" for name in ("tokkit", *packages)]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    print(f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}; load {load:.1f}")
    print(f"versions: Python {platform.python_version()}, {', '.join(versions)}")
    print(f"command: python {Path(sys.argv[0]).parent.name}/{Path(sys.argv[0]).name}", end="")
    print("".join(f" {argument}" for argument in sys.argv[1:]))


def _version(package: str) -> str:
    if package == "tokkit":
        import tokkit

        return tokkit.__version__
    try:
        return version(package)
    except PackageNotFoundError:
        return "(not installed)"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()
