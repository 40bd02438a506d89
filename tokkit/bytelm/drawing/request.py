"""What is asked of one completion: from where, how long, until when, and by which law.

The entries that draw or search (`generate`, `complete`, `infill`, `beam_search` and the like) take
its fields as keywords, and hand them on as one `Request`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tokkit.arguments import MAX_BYTES, as_bytes, check_kind, check_whole
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.drawing.constraint import Constraint
from tokkit.bytelm.drawing.constraint_set import Constraints
from tokkit.bytelm.drawing.patterns import Grammar, Matches
from tokkit.bytelm.drawing.repetition import Repetition
from tokkit.bytelm.drawing.sampling import Sampling
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions, as_options
from tokkit.bytelm.drawing.stopping import as_stops, check_stops
from tokkit.bytelm.drawing.valid_utf8 import ValidUtf8
from tokkit.errors import ArgumentError


class Draft(Protocol):
    """What proposes: a `ByteModel`."""

    def open(self, prefix: str | bytes = b"") -> ByteState:
        """A state after `prefix`."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Request(Sampling):
    """One completion that is asked for; `Sampling` has the other fields.

    Attributes:
        prompt: may be empty, and may end inside a word or a character.
        max_bytes: at most so many bytes, from 0 to 2**30.
        seed: at least 0, makes the sample reproducible; None draws from the operating system.
        stop: strings that end the text; they are not part of it. With `valid_utf8` none may begin
            inside a character.
        pattern: what the whole completion must match, a regular expression or a `Grammar`. It is
            compiled by `constraints`, which says what is wrong with it.
        speculate: whether, and how far, likely bytes are evaluated before they are drawn; changes
            no text. See `tokkit.bytelm.drawing.speculation`.
        draft: a byte-level model that proposes, too; one that is much faster.
        suffix: what stands after the gap, where a middle is asked for: of `tokkit.Batch` alone; see
            `infill`.
    """

    prompt: str | bytes = field(kw_only=False)
    max_bytes: int
    seed: int | None = None
    stop: str | bytes | Sequence[str | bytes] = ()
    pattern: str | Grammar | None = None
    speculate: bool | SpeculationOptions = True
    draft: Draft | None = None
    suffix: str | bytes | None = None

    def __post_init__(self) -> None:
        """Check every field, and of the pattern that it is one.

        Raises:
            ArgumentError: one is of the wrong kind, or out of range.
        """
        Sampling.__post_init__(self)
        if self.seed is not None:
            object.__setattr__(self, "seed", check_whole("seed", self.seed, 0))
        object.__setattr__(
            self, "max_bytes", check_whole("max_bytes", self.max_bytes, 0, MAX_BYTES)
        )
        # Frozen, so that `stop` may be an iterator, and `replace` reads it a second time.
        object.__setattr__(self, "prompt", as_bytes(self.prompt))
        if self.suffix is not None:
            object.__setattr__(self, "suffix", as_bytes(self.suffix))
        object.__setattr__(self, "stop", tuple(as_stops(self.stop)))
        check_kind(self.pattern, (str, Grammar, type(None)), "pattern")
        as_options(self.speculate)
        if self.draft is not None and not callable(getattr(self.draft, "open", None)):
            raise ArgumentError(
                f"draft must be a byte-level model, got {self.draft!r:.60}; wrap a token model in "
                "ByteLM"
            )
        check_stops(self.stops, whole_characters=self.valid_utf8)

    @property
    def text(self) -> bytes:
        """The prompt as bytes."""
        return as_bytes(self.prompt)

    @property
    def stops(self) -> list[bytes]:
        """The stop strings as bytes."""
        return as_stops(self.stop)

    def constraints(self) -> Constraints:
        """What is asked of the bytes, after the prompt.

        Raises:
            ArgumentError: an unusable pattern.
            MissingExtraError: a pattern, and llguidance is not installed.
        """
        parts: list[Constraint] = []
        if self.repetition_penalty > 0 or self.no_repeat_ngram is not None:
            parts.append(Repetition(self.text, self))
        if self.valid_utf8:
            parts.append(ValidUtf8(self.text))
        if self.pattern is not None:
            parts.append(Matches(self.pattern))
        return Constraints(parts)
