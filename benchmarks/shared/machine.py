"""What a benchmark ran on: printed above its tables."""

from __future__ import annotations

import os
import platform
import resource
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


def describe_run(*packages: str) -> None:
    """Print `run_description`."""
    print(run_description(*packages))


def run_description(*packages: str) -> str:
    """The machine, its load, the versions of `packages`, and the command; a line each."""
    versions = [f"{name} {_version(name)}" for name in ("tokkit", *packages)]
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else float("nan")
    script = Path(sys.argv[0])
    module = f"benchmarks.{script.parent.name}.{script.stem}"
    return (
        f"machine: {_processor()}, {os.cpu_count()} cores, {platform.system()}; load {load:.1f}\n"
        f"versions: Python {platform.python_version()}, {', '.join(versions)}\n"
        f"command: {' '.join(['python -m', module, *sys.argv[1:]])}"
    )


def peak_bytes(pid: int | None = None) -> int:
    """The most memory that this process has held, or on Linux another one that runs.

    Linux passes `ru_maxrss` on from the process that began this one, so its own figure is read.
    """
    try:
        status = Path(f"/proc/{pid or 'self'}/status").read_text(encoding="utf-8")
    except OSError:
        if pid is not None:
            raise
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


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
