"""A tokenizer's own implementation, run in a sandbox: what tokkit's answers are checked against.

Each format has the library that its makers use (see `tokkit.audit.reference.worker`). It loads the
file again, in a process of its own with limits of time and memory
(`tokkit.audit.reference.sandbox`), because these libraries can be made to panic, abort or fill the
memory by a file or by a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

import numpy as np

from tokkit.audit.reference.sandbox import HAS_CPU_LIMIT, Sandbox
from tokkit.audit.subject import Subject
from tokkit.errors import SandboxError
from tokkit.text.normal_forms import NORMAL_FORMS
from tokkit.text.spec import TokenKind

_WORKER = "tokkit.audit.reference.worker"
_PATIENCE = 8
"""How many times its CPU time a call may last on a busy machine."""


@dataclass(frozen=True)
class NoReference:
    """Why there is no reference.

    Attributes:
        reason: a sentence.
        failure: where the library is there but fails on the file, how (`SandboxError.reason`);
            empty where there is none to ask.
    """

    reason: str
    failure: str = ""


class Reference(AbstractContextManager["Reference"]):
    """A library that has loaded the subject's file. A context manager; `try_reference` makes one.

    A call that kills the library (see `SandboxError`) costs only that call: the next one loads the
    file again.

    Attributes:
        name: of the package, as `"tokenizers"`.
        version: of the package.
        unmarked_controls: ids of control tokens that the file does not mark as special, so that no
            option of the library keeps them text; `encode_batch` marks them.
    """

    def __init__(self, sandbox: Sandbox, arguments: dict[str, Any]) -> None:
        """Load the file.

        Raises:
            SandboxError: the library fails on it.
            LookupError: there is no such library; the message says why.
        """
        self._sandbox = sandbox
        self._arguments = arguments
        self._generation = 0
        self.name = ""
        self.version = ""
        self.unmarked_controls: tuple[int, ...] = ()
        self._load()

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the library's process."""
        self._sandbox.close()

    def encode_batch(self, texts: Sequence[str]) -> list[list[int]]:
        """Ids of each text, as the file declares them; control tokens in a text are text.

        Raises:
            SandboxError: the library raises an error on one of the texts, panics, or dies.
        """
        return self._call("encode", texts=list(texts))

    def encode_each(self, texts: Sequence[str]) -> list[list[int] | None]:
        """As `encode_batch`; None of a text on which the library raises an error.

        Raises:
            SandboxError: the library panics or dies.
        """
        return self._call("encode_each", texts=list(texts))

    def encode_by_default(self, texts: Sequence[str]) -> list[list[int] | None]:
        """Ids of each text as the library's plain `encode` gives them, None where it refuses.

        No option is set but that no control tokens are put around the text. This is what most
        programs call, and where text can become a control token.

        Raises:
            SandboxError: the library panics or dies.
        """
        return self._call("encode_by_default", texts=list(texts))

    def decode_batch(self, ids: Sequence[Sequence[int]]) -> list[str]:
        """The text of each sequence of ids, control tokens written out where the library does so.

        Raises:
            SandboxError: the library raises an error on one of them, panics, or dies.
        """
        return self._call("decode", ids=[list(map(int, sequence)) for sequence in ids])

    def seconds_to_encode(self, text: str, *, repeats: int = 3, limit: float = 10.0) -> float:
        """CPU seconds that encoding a text takes, the least of at most `repeats` runs.

        Args:
            text: what to encode.
            repeats: fewer are made where they take long.
            limit: CPU seconds, after which the library is stopped; wall seconds where the system
                has no such limit. On a busy machine the call may last several times as long.

        Raises:
            SandboxError: the library is stopped (`reason` is `"timed out"`), fails or dies.
        """
        wall = limit * _PATIENCE if HAS_CPU_LIMIT else limit
        measured = self._call(
            "seconds_to_encode", seconds=wall, cpu_seconds=limit, text=text, repeats=repeats
        )
        return float(measured)

    def _call(self, name: str, **arguments: Any) -> Any:
        if not self._sandbox.running or self._sandbox.generation != self._generation:
            self._load()
        return self._sandbox.call(name, **arguments)

    def _load(self) -> None:
        found = self._sandbox.call("load", **self._arguments)
        self._generation = self._sandbox.generation
        if "missing" in found:
            raise LookupError(f"the package {found['missing']} is not installed")
        if "none" in found:
            raise LookupError(found["none"])
        self.name, self.version = found["name"], found["version"]
        self.unmarked_controls = tuple(found["unmarked"])


def try_reference(
    subject: Subject, *, seconds: float = 60.0, memory_bytes: int = 4 << 30
) -> Reference | NoReference:
    """The reference of a subject, or why there is none.

    Args:
        subject: what is audited.
        seconds: wall time of each call.
        memory_bytes: address space of the library's process.
    """
    tokenizer = subject.text
    if tokenizer is None:
        return NoReference("it is no text tokenizer")
    if subject.path is None:
        return NoReference("the tokenizer did not come from a file")
    spec = tokenizer.spec
    controls = np.flatnonzero(np.isin(spec.kinds, (TokenKind.SPECIAL, TokenKind.UNUSED)))
    normalizer = "" if spec.normalizer is None else spec.normalizer.name
    arguments: dict[str, Any] = {
        "path": str(subject.path.resolve()),
        "controls": controls.tolist(),
        "declared": [(runtime, declared) for declared, runtime in spec.runtime_ids.items()],
        "pattern": spec.splits[0].pattern if spec.splits else "",
        "specials": dict(spec.special_tokens),
        "form": normalizer if normalizer in NORMAL_FORMS else "",
    }
    sandbox = Sandbox(_WORKER, seconds=seconds, memory_bytes=memory_bytes)
    try:
        return Reference(sandbox, arguments)
    except LookupError as error:
        sandbox.close()
        return NoReference(str(error))
    except SandboxError as error:
        sandbox.close()
        return NoReference(str(error), failure=error.reason)
