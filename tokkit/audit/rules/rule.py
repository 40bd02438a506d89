"""One thing that an audit looks for, and how serious it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How serious a finding is, worst first; the names are those of SARIF's levels."""

    ERROR = "error"
    """Text is lost or altered, control can be taken over, or the process is at risk."""
    WARNING = "warning"
    """Something costs tokens, time or quality, and its maker probably did not mean it."""
    NOTE = "note"
    """Worth knowing."""

    @property
    def rank(self) -> int:
        """0 for the worst."""
        return list(Severity).index(self)


@dataclass(frozen=True)
class Rule:
    """One thing that an audit looks for.

    Attributes:
        id: stable, lower case with hyphens, the same in every output.
        title: a noun phrase, as the heading of a finding.
        severity: unless the finding says otherwise.
        why: a sentence or two for a reader who has never heard of it: what it means, what to do.
    """

    id: str
    title: str
    severity: Severity
    why: str


def rules_among(names: Mapping[str, object]) -> tuple[Rule, ...]:
    """The rules that a module defines, in the order in which they stand there."""
    return tuple(value for value in names.values() if isinstance(value, Rule))
