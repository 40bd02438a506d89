"""Completions at a cursor in a text that is being edited: `EditorSession`.

An edit changes a little of a long text, and most of what a model has computed stays valid: all up
to the first byte that changed. A session keeps it, and each completion is what `complete` (without
a suffix) or `infill` gives for the text as it is now.

Before a suffix, a model that has no format is asked by the posterior (`infill`), which gives the
whole middle at once, at the end of its search.

What is reused: of a canonical `ByteLM` the keys of all contexts up to the first token that changed,
and without a suffix their distributions, too (`tokkit.bytelm.encodings.edited_text`). Of any other
model the state after the longest of the last texts that the new one begins with; with a tolerance,
by which a text read in pieces may be another than the whole, its keys alone. A search goes on from
the keys of the prefix.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Unpack

from tokkit.arguments import as_bytes, check_whole
from tokkit.bytelm.batch.sharing import is_independent_of_pieces, with_shared_sessions
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.completion.completion import Unit, draw_completion
from tokkit.bytelm.completion.filling_options import (
    FillingOptions,
    Method,
    check_searched,
    search_middle,
)
from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.bytelm.completion.fim_formats import FimFormat
from tokkit.bytelm.completion.fim_frame import Heal
from tokkit.bytelm.completion.infilling import Infilling
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import SamplingOptions, known
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.edited_text import EditedText
from tokkit.errors import ArgumentError

_MAX_STATES = 8


class _CancelledError(Exception):
    """Nobody waits for a search any more."""


class EditorSession:
    """A text with a cursor, and a model that completes it there.

    Not thread-safe, but for `cancel`.
    """

    def __init__(
        self,
        lm: ByteModel,
        *,
        method: Method = "auto",
        budget: int | None = None,
        fim: str | FimFormat | None = None,
        heal: Heal = "prefix",
        context: RepositoryFiles | None = None,
    ) -> None:
        """Start with the empty text; runs no model.

        Args:
            lm: any byte-level model.
            method: see `infill`, as are the others; they are about completions before a suffix.
            budget: see there.
            fim: see there.
            heal: see there.
            context: see there.

        Raises:
            ArgumentError: no byte-level model, an option that is none, or that the method does not
                take.
        """
        check_model(lm)
        self._filling = FillingOptions(method, budget, fim, heal, context)
        self._takes_format = self._filling.take_format(lm)
        self._lm = with_shared_sessions(lm, {})
        self._edited: EditedText | None = None
        self._states: list[tuple[bytes, ByteState]] = []  # of other models, the last used last
        self._in_pieces = is_independent_of_pieces(self._lm)
        self._gap: tuple[tuple[bytes, bytes], Infilling] | None = None
        self._prefix = b""
        self._suffix: bytes | None = None
        self._n_begun = self._n_cancelled = 0  # completions, in their order

    @property
    def prefix(self) -> bytes:
        """The text before the cursor."""
        return self._prefix

    @property
    def suffix(self) -> bytes | None:
        """The text after the cursor; None says nothing about what follows."""
        return self._suffix

    # -- edits -----------------------------------------------------------------------------------

    def set_text(self, prefix: str | bytes, suffix: str | bytes | None = None) -> None:
        """Replace the text.

        Args:
            prefix: before the cursor.
            suffix: after it; None says nothing about what follows, `b""` that nothing does.
        """
        after = None if suffix is None else as_bytes(suffix)
        self._prefix, self._suffix = as_bytes(prefix), after

    def insert(self, text: str | bytes) -> None:
        """Add text before the cursor."""
        self._prefix += as_bytes(text)

    def delete(self, before: int = 0, after: int = 0) -> None:
        """Remove bytes on either side of the cursor.

        Raises:
            ArgumentError: there are not so many.
        """
        check_whole("before", before, 0)
        check_whole("after", after, 0)
        self._check_room(before, after)
        self._prefix = self._prefix[: len(self._prefix) - before]
        if self._suffix is not None:
            self._suffix = self._suffix[after:]

    def move(self, by: int) -> None:
        """Move the cursor by so many bytes, to the left if negative.

        What it leaves on its right is suffix from then on, also where there was none.

        Raises:
            ArgumentError: there are not so many.
        """
        check_whole("by", by, -len(self._prefix))
        self._check_room(0, max(by, 0))
        if by:
            text, cursor = self._prefix + (self._suffix or b""), len(self._prefix) + by
            self._prefix, self._suffix = text[:cursor], text[cursor:]

    def _check_room(self, before: int, after: int) -> None:
        n_after = len(self._suffix or b"")
        if before > len(self._prefix) or after > n_after:
            raise ArgumentError(
                f"the cursor has {len(self._prefix)} bytes before it and {n_after} after it, asked "
                f"for {before} and {after}"
            )

    # -- completions -----------------------------------------------------------------------------

    def complete(
        self,
        *,
        max_bytes: int,
        unit: Unit = "byte",
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        speculate: bool | SpeculationOptions = True,
        draft: ByteModel | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> bytes:
        """Sample what stands at the cursor; the text itself stays as it is.

        Args:
            max_bytes: see `infill`, as are the others.
            unit: see there.
            seed: see there.
            stop: see there.
            speculate: see there.
            draft: see there.
            **sampling: see there.

        Returns:
            What `infill` gives for prefix and suffix, or as much of it as was drawn before
            `cancel` was called; of a middle that is searched for, nothing then.

        Raises:
            ArgumentError, EncodingError, ModelError: see `infill`.
        """
        pieces = self.stream(
            max_bytes=max_bytes,
            unit=unit,
            seed=seed,
            stop=stop,
            speculate=speculate,
            draft=draft,
            **sampling,
        )
        return b"".join(pieces)

    def stream(
        self,
        *,
        max_bytes: int,
        unit: Unit = "byte",
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        speculate: bool | SpeculationOptions = True,
        draft: ByteModel | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Iterator[bytes]:
        """As `complete`, byte by byte; edits do not reach a stream that has begun."""
        request = Request(
            self._prefix,
            max_bytes=max_bytes,
            seed=seed,
            stop=stop,
            speculate=speculate,
            draft=draft,
            **known(sampling),
        )
        self._n_begun += 1
        number = self._n_begun
        if self._suffix is None:
            drawn = draw_completion(self._lm, request, unit, self._state())
        elif self._takes_format:
            drawn = self._infilling(self._suffix).draw(request, unit)
        else:
            check_searched(request, unit)
            drawn = self._searched(request, self._suffix, self._state(), number)
        return self._until_cancelled(drawn, number)

    def cancel(self) -> None:
        """End the completions under way before their next byte, or a search before its next pass.

        May be called from another thread.
        """
        self._n_cancelled = self._n_begun

    def _is_cancelled(self, number: int) -> bool:
        return number <= self._n_cancelled

    def _until_cancelled(self, drawn: Iterator[bytes], number: int) -> Iterator[bytes]:
        while not self._is_cancelled(number):
            data = next(drawn, None)
            if data is None:
                return
            yield data

    def _searched(
        self, request: Request, suffix: bytes, start: ByteState, number: int
    ) -> Iterator[bytes]:
        """The middle that a search finds, byte by byte; nothing if it was cancelled."""

        def check(passes: int) -> None:
            if passes and self._is_cancelled(number):
                raise _CancelledError

        try:
            middle = search_middle(self._lm, request, suffix, self._filling.budget, check)
        except _CancelledError:
            return
        del start  # whose keys the search has gone on from
        if self._is_cancelled(number):  # in the last pass
            return
        for byte in middle:
            yield bytes([byte])

    def _state(self) -> ByteState:
        """The state after the prefix."""
        if isinstance(self._lm, ByteLM) and self._lm.encodings == "canonical":
            if self._edited is None:
                empty = self._lm.open()
                assert isinstance(empty, CoverState)
                self._edited = EditedText(empty)
            return self._edited.state_after(self._prefix)
        known = self._states if self._in_pieces else ()
        found = max(
            (pair for pair in known if self._prefix.startswith(pair[0])),
            key=lambda pair: len(pair[0]),
            default=None,
        )
        if found is None:
            state = self._lm.open(self._prefix)
        else:
            state = found[1].fork()
            state.push(self._prefix[len(found[0]) :])
        self._states = [*self._states[1 - _MAX_STATES :], (self._prefix, state)]
        return state

    def _infilling(self, suffix: bytes) -> Infilling:
        """The gap between prefix and suffix; the last one is held until this one is open."""
        place = self._prefix, suffix
        if self._gap is None or self._gap[0] != place:
            options = self._filling
            gap = Infilling(
                self._lm, *place, fim=options.fim, heal=options.heal, context=options.context
            )
            self._gap = place, gap
        return self._gap[1]
