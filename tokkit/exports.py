"""Public names of a package that are imported when they are first used (PEP 562).

So an import pays for what it uses, and a name that needs an extra says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

_OF_EXTRA = ("torch", "transformers")


def exported(package: str, homes: Mapping[str, str], name: str) -> Any:
    """A public name of a package.

    Args:
        package: its `__name__`.
        homes: name -> module where it lives, `.module` within the package, or `module:attribute`
            where it is called otherwise there.
        name: that is asked for.

    Raises:
        AttributeError: none of them.
        MissingExtraError: its module needs torch or transformers, which is not installed.
    """
    if name not in homes:
        raise AttributeError(f"module {package!r} has no attribute {name!r}")
    home, _, attribute = homes[name].partition(":")
    try:
        module = import_module(home, package)
    except ModuleNotFoundError as error:
        from tokkit.errors import MissingExtraError

        if error.name is None or error.name.partition(".")[0] not in _OF_EXTRA:
            raise
        raise MissingExtraError(f"{name} needs {error.name}", extra="hf") from error
    return getattr(module, attribute or name)
