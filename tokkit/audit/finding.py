"""A finding: something that a rule found in a tokenizer, with witnesses that anyone can replay."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from tokkit.audit.rules import Rule, Severity

Action = Literal["encode", "encode_specials", "decode", "normalize", "round_trip", "load"]
"""What to do with a witness's data: a method of `TextTokenizer` (`encode_specials` is `encode` with
`specials=True`, `round_trip` is `decode` of `encode`), or to load the file itself."""


@dataclass(frozen=True)
class Witness:
    """Something to run, and what comes out.

    Attributes:
        action: what to run.
        data: the bytes to run it on; of `decode`, empty.
        ids: of `decode`, the ids to run it on; otherwise the ids that come out, if ids do.
        result: the bytes that come out, if bytes do.
        note: what to look at, in a few words.
    """

    action: Action
    data: bytes = b""
    ids: tuple[int, ...] = ()
    result: bytes | None = None
    note: str = ""


@dataclass(frozen=True)
class Finding:
    """What one rule found.

    Attributes:
        kind: the rule.
        message: one sentence with the figures.
        count: how many there are; what a gate compares with its threshold.
        tokens: the ids concerned, ascending; all of them, however many.
        witnesses: a few, the most telling first.
        graded: how serious it is, where that differs from the rule's severity.
    """

    kind: Rule
    message: str
    count: int = 1
    tokens: tuple[int, ...] = ()
    witnesses: tuple[Witness, ...] = ()
    graded: Severity | None = None

    @classmethod
    def of(
        cls,
        kind: Rule,
        message: str,
        tokens: Iterable[int],
        witnesses: Iterable[Witness] = (),
        graded: Severity | None = None,
    ) -> Finding:
        """A finding about tokens, each of which counts."""
        ids = tuple(sorted(tokens))
        return cls(kind, message, len(ids), ids, tuple(witnesses), graded)

    @property
    def rule(self) -> str:
        """The rule's id, by which outputs, gates and baselines name it."""
        return self.kind.id

    @property
    def severity(self) -> Severity:
        """How serious it is."""
        return self.kind.severity if self.graded is None else self.graded

    @property
    def title(self) -> str:
        """The rule's title."""
        return self.kind.title
