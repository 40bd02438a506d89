"""`TextView`: a byte-level model for those who want `str`, with characters whole.

`lm.text` of any byte-level model. What is drawn is valid UTF-8, by the option `valid_utf8`, which
is on here unless it is turned off; then bytes that are no character become U+FFFD. A character that
is cut off at the end is left out.
"""

from __future__ import annotations

import asyncio
import codecs
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from importlib import import_module
from typing import Any, Protocol

from tokkit.arguments import check_kind, refuse_single_text

_END: Any = object()


class Drawing(Protocol):
    """What is asked of a byte-level model."""

    def stream(self, prompt: str | bytes, *, max_bytes: int, **options: Any) -> Iterator[bytes]:
        """A continuation, byte by byte."""
        ...

    def generate_batch(
        self, prompts: Sequence[str | bytes], *, max_bytes: int, **options: Any
    ) -> list[bytes]:
        """A continuation of each prompt."""
        ...


class TextView:
    """A byte-level model over `str`; made by `ByteModel.text`."""

    def __init__(self, lm: Drawing) -> None:
        """Look at `lm`."""
        self._lm = lm

    def __repr__(self) -> str:
        return f"TextView({self._lm!r})"

    def stream(self, prompt: str, *, max_bytes: int, **options: Any) -> Iterator[str]:
        """Sample a continuation and yield it character by character.

        Args:
            prompt: may be empty, and may end inside a word.
            max_bytes: at most so many bytes of UTF-8; a character that does not fit is left out.
            **options: of `ByteModel.stream`; `valid_utf8` is True by default.

        Raises:
            ArgumentError, MissingExtraError, ModelError: see `ByteModel.stream`.
        """
        _check_text(prompt)
        options.setdefault("valid_utf8", True)
        return characters(self._lm.stream(prompt, max_bytes=max_bytes, **options))

    def astream(self, prompt: str, *, max_bytes: int, **options: Any) -> AsyncIterator[str]:
        """`stream` for `async for`: the model computes in a thread, and the loop goes on meanwhile.

        An iteration that is given up ends after the byte that is being drawn.

        Args:
            prompt: see `stream`.
            max_bytes: see `stream`.
            **options: see `stream`.

        Raises:
            ArgumentError, MissingExtraError, ModelError: see `stream`.
        """
        return in_thread(self.stream(prompt, max_bytes=max_bytes, **options))

    def generate(self, prompt: str, *, max_bytes: int, **options: Any) -> str:
        """Sample a continuation of `prompt`, without the prompt; see `stream`."""
        return "".join(self.stream(prompt, max_bytes=max_bytes, **options))

    def generate_batch(
        self, prompts: Sequence[str], *, max_bytes: int, **options: Any
    ) -> list[str]:
        """Sample a continuation of each prompt; see `ByteModel.generate_batch`."""
        refuse_single_text(prompts, "prompts")
        for prompt in prompts:
            _check_text(prompt)
        options.setdefault("valid_utf8", True)
        found = self._lm.generate_batch(prompts, max_bytes=max_bytes, **options)
        return ["".join(characters([data])) for data in found]

    def complete(self, prompt: str, *, max_bytes: int, unit: str = "byte", **options: Any) -> str:
        """Sample a continuation by bytes or by tokens; see `tokkit.complete`.

        Tokens know no `valid_utf8`, so that with `unit="token"` it is off.
        """
        _check_text(prompt)
        options.setdefault("valid_utf8", unit == "byte")
        # By its path, because what completes stands on the models, and imports them.
        complete: Any = import_module("tokkit.bytelm.completion.completion").complete
        data: bytes = complete(self._lm, prompt, max_bytes=max_bytes, unit=unit, **options)
        return "".join(characters([data]))

    def infill(self, prefix: str, suffix: str, *, max_bytes: int, **options: Any) -> str:
        """Sample what stands between two texts; see `tokkit.infill`.

        A middle that is searched for is taken as it is found, so that `valid_utf8` is off then.
        """
        _check_text(prefix)
        _check_text(suffix)
        infilling: Any = import_module("tokkit.bytelm.completion.infilling")
        of_way = ("method", "budget", "fim", "heal", "context")
        way = infilling.FillingOptions(**{k: options[k] for k in of_way if k in options})
        if way.take_format(self._lm) and options.get("unit", "byte") == "byte":
            options.setdefault("valid_utf8", True)
        data: bytes = infilling.infill(self._lm, prefix, suffix, max_bytes=max_bytes, **options)
        return "".join(characters([data]))


def characters(pieces: Iterable[bytes]) -> Iterator[str]:
    """Bytes as they come, as whole characters; a part of one at the end is left out."""
    decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
    for piece in pieces:
        if text := decoder.decode(piece):
            yield text


async def in_thread(pieces: Iterator[str]) -> AsyncIterator[str]:
    """What an iterator gives, each step of it in a thread."""
    while (piece := await asyncio.to_thread(next, pieces, _END)) is not _END:
        yield piece


def _check_text(text: object) -> None:
    check_kind(text, str, "the text", "bytes are for the model itself, without .text")
