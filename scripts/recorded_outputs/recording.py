"""`Recording`: outputs by name, and what must be known to compare them.

A short output is kept as it is, a long one as its digest. The texts of long ones lie in a zip
archive beside the file, from which a comparison quotes; it works without them, too.
"""

from __future__ import annotations

import hashlib
import json
import traceback
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from pathlib import Path
from typing import Any, ParamSpec, Self, TypeVar, cast

P = ParamSpec("P")
T = TypeVar("T")

LONGEST = 160
"""Characters of a text that is kept as it is."""

Kept = str | dict[str, Any]
"""A text, or `{"sha256": ..., "characters": ...}` of a longer one."""


@dataclass
class Recording:
    """What was recorded.

    Attributes:
        outputs: name -> what must not change.
        presentation: name -> what people read, which may change: help, tables, pages.
        inputs: name -> SHA-256 of what was asked about.
        environment: name -> version of what the outputs depend on beside tokkit.
        skipped: beginning of names -> why there are no outputs of such names.
        crashed: name -> traceback of what raised no error of tokkit's.
        texts: SHA-256 -> text of a long output.
    """

    outputs: dict[str, Kept] = field(default_factory=dict[str, Kept])
    presentation: dict[str, Kept] = field(default_factory=dict[str, Kept])
    inputs: dict[str, str] = field(default_factory=dict[str, str])
    environment: dict[str, str] = field(default_factory=dict[str, str])
    skipped: dict[str, str] = field(default_factory=dict[str, str])
    crashed: dict[str, str] = field(default_factory=dict[str, str])
    texts: dict[str, str] = field(default_factory=dict[str, str])

    def note(self, name: str, value: object, *, presentation: bool = False) -> None:
        """Keep a value; each entry of a mapping as an output of its own, `name/key`.

        Raises:
            ValueError: the name is taken.
        """
        if isinstance(value, Mapping):
            entries = cast("Mapping[str, object]", value)
            for key, entry in entries.items():
                self.note(f"{name}/{key}", entry, presentation=presentation)
            return
        kept = self.presentation if presentation else self.outputs
        if name in kept:
            raise ValueError(f"two outputs are called {name}")
        kept[name] = self._keep(as_text(value))

    def measure(
        self, name: str, ask: Callable[P, object], /, *arguments: P.args, **options: P.kwargs
    ) -> None:
        """Keep what `ask` returns, or the error of tokkit's that it raises."""
        from tokkit import TokkitError

        try:
            value = ask(*arguments, **options)
        except TokkitError as error:
            value = f"{type(error).__name__}: {error}"
        except Exception:
            self.crashed[name] = traceback.format_exc()
            return
        self.note(name, value)

    def skip(self, name: str, why: str) -> None:
        """Say that there are no outputs whose names begin with `name`."""
        self.skipped[name] = why

    def add(self, other: Recording) -> None:
        """Take over all of another recording, whose names are others.

        Raises:
            ValueError: an output of both has one name.
        """
        taken = self.outputs.keys() & other.outputs.keys()
        taken |= self.presentation.keys() & other.presentation.keys()
        if taken:
            raise ValueError(f"two jobs recorded {min(taken)}")
        for name, entries in vars(other).items():
            getattr(self, name).update(entries)

    def write(self, path: Path) -> None:
        """Write the JSON file, and the texts beside it."""
        entries = {name: entry for name, entry in vars(self).items() if name != "texts"}
        document = {name: dict(sorted(entry.items())) for name, entry in entries.items()}
        text = json.dumps(document, ensure_ascii=False, indent=1)
        path.write_text(text + "\n", encoding="utf-8")
        with zipfile.ZipFile(texts_path(path), "w", zipfile.ZIP_DEFLATED) as archive:
            for digest, long_text in sorted(self.texts.items()):
                archive.writestr(digest, long_text)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote; without texts where the archive is missing.

        Raises:
            OSError: the file cannot be read.
            ValueError: it is no recording.
        """
        document: object = json.loads(path.read_text(encoding="utf-8"))
        if not isinstance(document, dict) or "outputs" not in document:
            raise ValueError(f"{path} is no recording: it has no outputs")
        recording = cls(**cast("dict[str, Any]", document))
        if texts_path(path).is_file():
            with zipfile.ZipFile(texts_path(path)) as archive:
                names = archive.namelist()
                recording.texts = {name: archive.read(name).decode() for name in names}
        return recording

    def part(self, beginning: str) -> Recording:
        """The same, but only what has a name that begins so."""

        def named(entries: dict[str, T]) -> dict[str, T]:
            return {key: entry for key, entry in entries.items() if key.startswith(beginning)}

        return replace(
            self,
            outputs=named(self.outputs),
            presentation=named(self.presentation),
            skipped=named(self.skipped),
            crashed=named(self.crashed),
        )

    def text_of(self, kept: Kept) -> str | None:
        """The whole text of an output; None for a long one that lies nowhere."""
        return kept if isinstance(kept, str) else self.texts.get(kept["sha256"])

    def _keep(self, text: str) -> Kept:
        if len(text) <= LONGEST:
            return text
        digest = sha256(text.encode(errors="surrogatepass"))
        self.texts[digest] = text.encode(errors="backslashreplace").decode()
        return {"sha256": digest, "characters": len(text)}


def texts_path(path: Path) -> Path:
    """Where the texts of a recording lie."""
    return path.with_suffix(".texts.zip")


def sha256(data: bytes) -> str:
    """The digest, in hexadecimal."""
    return hashlib.sha256(data).hexdigest()


def as_text(value: object) -> str:
    """A value as text: strings as they are, bytes as Python has them, the rest as JSON.

    Floats are written so that reading gives the same number.
    """
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return repr(value)
    return json.dumps(value, ensure_ascii=False, default=_plain)


def array_digest(array: Any) -> str:
    """Type, shape and digest of the bytes of a NumPy array."""
    return f"{array.dtype} {array.shape} {sha256(array.tobytes())}"


def _plain(value: Any) -> object:
    """What JSON does not know: bytes, arrays and scalars of NumPy, records."""
    if isinstance(value, bytes):
        return repr(value)
    return asdict(cast("Any", value)) if is_dataclass(value) else value.tolist()
