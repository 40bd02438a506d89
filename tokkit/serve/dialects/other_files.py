"""Pieces of other files that an editor sends beside a gap: `show_files`."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.serve.bodies import Fields
from tokkit.serve.served import Served

CURRENT = "current file"
MAX_FILES = 256
_SNIPPET = "\n\n--- snippet ---\n\n"
"""Before each piece of other files, for models whose format has no way to show them."""


def files_of(fields: Fields, field: str, name: str, text: str) -> list[tuple[str, str]]:
    """Names and texts of the pieces in a field.

    Args:
        fields: of the request.
        field: a list of objects.
        name: the field of each that names its file.
        text: the field of each that has its text.

    Raises:
        RefusalError: something else, or too many.
    """
    pieces = fields.objects(field)
    if len(pieces) > MAX_FILES:
        raise fields.wrong(field, f"at most {MAX_FILES} files")
    return [(each.text(name) or f"file{k}", each.text(text)) for k, each in enumerate(pieces)]


def show_files(
    served: Served, files: Sequence[tuple[str, str]], prefix: str, current: str = CURRENT
) -> tuple[RepositoryFiles | None, str]:
    """Other files as a model's format shows them; else they stand before the prefix.

    Args:
        served: the model.
        files: names and texts; a name may occur more than once.
        prefix: before the gap.
        current: the name of the file with the gap.

    Returns:
        The files, where the format shows them, and what stands before the gap.
    """
    if not files:
        return None, prefix
    if served.fills and served.shows_files:
        return RepositoryFiles(current, _of_unlike_names(files, current)), prefix
    return None, "".join(f"{_SNIPPET}{text}" for _, text in files) + _SNIPPET + prefix


def _of_unlike_names(files: Sequence[tuple[str, str]], current: str) -> dict[str, str]:
    """Files by name; pieces of one file are one after the other."""
    found: dict[str, str] = {}
    for name, text in files:
        name = f"{name} (other)" if name == current else name
        found[name] = found[name] + "\n" + text if name in found else text
    return found
