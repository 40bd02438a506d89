"""Files of a command line that stand in each other's way: `refuse_shared_streams`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tokkit.cli.option_types import InputFile, ModelOrFile, OptionType, OutputFile
from tokkit.errors import ArgumentError

_STREAM = "-"


def refuse_shared_streams(given: Sequence[tuple[str, OptionType, Any]]) -> None:
    """Refuse stdin that is read twice, and a file that is written twice or over what is read.

    Args:
        given: the label, type and value of each option and argument.

    Raises:
        ArgumentError: there is one.
    """
    read = [(label, value) for label, kind, value in given if _reads_stdin(kind, value)]
    if len(read) > 1:
        raise ArgumentError(
            f"argument {read[1][0]}: stdin is named twice, and can be read once; name it once"
        )
    inputs = {
        found: label
        for label, kind, value in given
        if kind.paths == "files" and not isinstance(kind, OutputFile)
        if (found := _file(value)) is not None
    }
    outputs: dict[Path, str] = {}
    for label, kind, value in given:
        if not isinstance(kind, OutputFile) or (found := _file(value)) is None:
            continue
        if found in outputs:
            raise ArgumentError(
                f"argument {label}: {value!r} is the same file as that of {outputs[found]}; give "
                "each its own"
            )
        if inputs.get(found, kind.may_replace) != kind.may_replace:
            raise ArgumentError(
                f"argument {label}: {value!r} is the same file as that of {inputs[found]}, which "
                "would be overwritten; name another"
            )
        outputs[found] = label


def _reads_stdin(kind: OptionType, value: Any) -> bool:
    return value == _STREAM and isinstance(kind, InputFile | ModelOrFile)


def _file(value: Any) -> Path | None:
    """The file that a name means; None for what is none, as a stream or a device."""
    if not isinstance(value, str) or value == _STREAM:
        return None
    path = Path(value)
    try:
        return None if path.exists() and not path.is_file() else path.resolve()
    except (OSError, ValueError):
        return None
