"""Every error that tokkit raises on purpose.

Each message says what was got, what was expected, and what to do about it.
Catch `TokkitError` to catch them all.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager


class TokkitError(Exception):
    """Base of every error that tokkit raises on purpose."""


class ArgumentError(TokkitError, ValueError):
    """An argument is out of range, of the wrong type, or does not fit another argument."""


class FormatError(TokkitError, ValueError):
    """A file is missing, truncated, damaged, hostile, or not of the format that was expected."""


class UnsupportedError(TokkitError):
    """A file is sound but asks for something that tokkit does not do; the message names it."""


class EncodingError(TokkitError, ValueError):
    """Bytes that the vocabulary cannot express, or ids that it does not hold."""


class ModelError(TokkitError, RuntimeError):
    """A language model does not load, does not fit its tokenizer, or returns unusable numbers."""


class SandboxError(TokkitError, RuntimeError):
    """What ran in a process of its own failed there, or was stopped.

    Attributes:
        reason: `"refused"` (it raised an error), `"panicked"`, `"timed out"`, `"out of memory"` or
            `"died"` (by a signal, or an exit without an answer).
    """

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason


class MissingExtraError(TokkitError, ImportError):
    """An optional dependency is not installed; the message says how to get it.

    From a clone, because tokkit is on no package index: what bears the name on PyPI is somebody
    else's, and no message may lead there.

    Attributes:
        extra: of this project, which brings the dependency; None: it is in no extra.
    """

    def __init__(self, message: str, *, extra: str | None = None) -> None:
        hint = "" if extra is None else f"; from a clone of tokkit, run pip install '.[{extra}]'"
        super().__init__(message + hint)
        self.extra = extra


class Interrupted(KeyboardInterrupt):
    """SIGINT came; the message says where the work stopped, and how it goes on."""


@contextmanager
def needs_extra(message: str, *, extra: str, quote: bool = False) -> Generator[None]:
    """Say what an import is needed for, where it fails.

    Args:
        message: what needs it.
        extra: of this project, which brings it.
        quote: whether to add what Python says.

    Raises:
        MissingExtraError: it failed.
    """
    try:
        yield
    except ImportError as error:
        reason = f" ({error})" if quote else ""
        raise MissingExtraError(message + reason, extra=extra) from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of Python, NumPy or torch says that there was no memory."""
    of_torch = type(error).__name__ == "OutOfMemoryError"  # of devices; the CPU has words alone
    return isinstance(error, MemoryError) or of_torch or "can't allocate memory" in str(error)


@contextmanager
def refused_by_system(what: str, advice: str = "") -> Generator[None]:
    """Say what the operating system refuses to do, as `cannot read 'a.txt'`, and why.

    Args:
        what: is done.
        advice: what else to do.

    Raises:
        FormatError: it refused.
    """
    try:
        yield
    except OSError as error:
        hint = advice and f"; {advice}"
        raise FormatError(f"cannot {what}: {error.strerror}{hint}") from error
