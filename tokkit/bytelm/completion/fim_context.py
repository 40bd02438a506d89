"""Other files of a repository, before a gap in one of them: `RepositoryFiles`.

Models that were trained on whole repositories saw the files one after the other, each behind a
control token and its path. How, differs, and only what a source tells is here:

- Qwen2.5-Coder, README, "repository-level" completion and its example with a gap:
  `<|repo_name|>NAME⏎<|file_sep|>PATH⏎TEXT⏎…<|file_sep|>PATH⏎<|fim_prefix|>…`
- StarCoder2 ("StarCoder 2 and The Stack v2", 2024, section 5.3):
  `<repo_name>NAME<file_sep>PATH⏎TEXT…<file_sep><fim_prefix>PATH⏎…`

Names, paths and texts are the user's and never read as control tokens.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tokkit.arguments import as_bytes, check_kind
from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer

_FIELD = re.compile(r"\{(name|path|text)\}")


@dataclass(frozen=True)
class RepositoryFiles:
    """What a model is shown before a gap.

    Attributes:
        path: of the file with the gap.
        files: path -> text of the others, in the order in which they are shown; those that matter
            most go last, next to the gap.
        name: of the repository; may be empty.
    """

    path: str
    files: Mapping[str, str | bytes] = field(default_factory=dict[str, "str | bytes"])
    name: str = ""

    def __post_init__(self) -> None:
        """Check the paths.

        Raises:
            ArgumentError: no path, or one among the others that is the gap's own.
        """
        check_kind(self.files, Mapping, "files", "pass a dict from paths to texts")
        for name in (self.path, self.name, *self.files):
            check_kind(name, str, "path, name and the keys of files")
        for text in self.files.values():
            as_bytes(text)
        if not self.path or not all(self.files):
            raise ArgumentError("a file of a repository has an empty path; name it, as 'a/b.py'")
        if self.path in self.files:
            raise ArgumentError(
                f"{self.path!r} is the file with the gap, and stands among the other files too; "
                "leave it out of files="
            )


@dataclass(frozen=True)
class FileTemplates:
    """How a format shows files: a control token each, and the text behind it.

    Attributes:
        repository: comes first; its text may hold `{name}`.
        file: each of the other files, with `{path}` and `{text}`.
        opening: before the gap's prompt; may hold `{path}`.
        before_prefix: text at the beginning of the prefix, inside the prompt; may hold `{path}`.
    """

    repository: tuple[str, str]
    file: tuple[str, str]
    opening: tuple[str, str]
    before_prefix: str = ""


def marker_ids(text: str, tokenizer: TextTokenizer) -> tuple[int, ...] | None:
    """Cut a run of control tokens, the longest first; None where it is no such run."""
    ids: list[int] = []
    longest_first = sorted(filter(None, tokenizer.special_tokens), key=len, reverse=True)
    while text:
        token = next((token for token in longest_first if text.startswith(token)), None)
        if token is None:
            return None
        ids.append(tokenizer.special_tokens[token])
        text = text[len(token) :]
    return tuple(ids)


def context_ids(
    templates: FileTemplates,
    context: RepositoryFiles,
    tokenizer: TextTokenizer,
    encode: Callable[[bytes], list[int]],
) -> tuple[int, ...]:
    """The ids before the prompt of the gap.

    Args:
        templates: of the format.
        context: what to show.
        tokenizer: has the control tokens.
        encode: gives the ids of text that does not begin a document.

    Raises:
        ArgumentError: the tokenizer lacks a control token.
        EncodingError: a text holds bytes that the vocabulary cannot express.
    """
    parts: list[tuple[tuple[str, str], Mapping[str, str | bytes]]] = [
        (templates.repository, {"name": context.name}),
        *((templates.file, {"path": p, "text": text}) for p, text in context.files.items()),
        (templates.opening, {"path": context.path}),
    ]
    ids: list[int] = []
    for (marker, template), values in parts:
        control = marker_ids(marker, tokenizer)
        if control is None:
            raise ArgumentError(
                f"{tokenizer.name} has no special token {marker!r}, with which its FIM format "
                "shows files; pass none, and put them before the prefix"
            )
        text = _filled(template, values)
        ids += [*control, *(encode(text) if text else [])]
    return tuple(ids)


def prefix_in_file(templates: FileTemplates, context: RepositoryFiles) -> bytes:
    """What a format writes at the beginning of the prefix."""
    return _filled(templates.before_prefix, {"path": context.path})


def _filled(template: str, values: Mapping[str, str | bytes]) -> bytes:
    """A template with its fields; what looks like a field in a value is text."""
    parts = _FIELD.split(template)
    return b"".join(
        as_bytes(values[part]) if k % 2 else part.encode() for k, part in enumerate(parts)
    )
