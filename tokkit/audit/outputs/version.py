"""The release of tokkit that wrote a report."""

from __future__ import annotations

from importlib import import_module


def tool_version() -> str:
    """The version; read at run time, because a layer does not import the façade above it."""
    return str(import_module("tokkit").__version__)
