"""Texts and tables that come with tokkit, beside the modules that use them: data, not code.

Tables are TOML, whose literal strings hold a regular expression as it is.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any


@cache
def shipped_text(name: str, package: str) -> str:
    """The text of a file in the folder of a package."""
    from importlib.resources import files  # here and below: the command starts fast

    return files(package).joinpath(name).read_text(encoding="utf-8")


def shipped_json(name: str, package: str) -> Any:
    """What a JSON file in the folder of a package holds."""
    return json.loads(shipped_text(name, package))


def shipped_table(name: str, package: str) -> dict[str, Any]:
    """What a TOML file in the folder of a package holds."""
    import tomllib

    return tomllib.loads(shipped_text(name, package))
