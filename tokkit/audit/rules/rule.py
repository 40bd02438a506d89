"""One thing that an audit looks for, and how serious it is."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from tokkit.files.shipped import shipped_table


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


class Impact(StrEnum):
    """What a finding means for who uses the tokenizer, gravest first."""

    CONTROL = "control"
    """Somebody else can take control: end a turn, speak as the system, reach the interpreter."""
    LOSS = "loss"
    """What a user writes is lost, changed, or read as something else."""
    FAILURE = "failure"
    """Encoding or rendering fails, or occupies the process."""
    COST = "cost"
    """Users pay more, wait longer, and fit less into the context."""
    QUALITY = "quality"
    """A model has a harder task, or was hardly trained for what it sees."""
    RESIDUE = "residue"
    """It takes up rows, memory or time to load, and nothing else."""

    @property
    def rank(self) -> int:
        """0 for the gravest."""
        return list(Impact).index(self)


@dataclass(frozen=True)
class Rule:
    """One thing that an audit looks for.

    Attributes:
        id: stable, lower case with hyphens, the same in every output.
        title: a noun phrase, as the heading of a finding.
        severity: unless the finding says otherwise.
        impact: what it means for who uses the tokenizer; of one severity, the graver come first.
        why: a sentence or two for a reader who has never heard of it: what it means, what to do.
    """

    id: str
    title: str
    severity: Severity
    impact: Impact
    why: str


def read_rules(name: str) -> dict[str, Rule]:
    """The rules of a table beside this module, by id, in the order in which they stand there."""
    table = shipped_table(name, "tokkit.audit.rules")
    return {
        rule: Rule(
            rule, said["title"], Severity(said["severity"]), Impact(said["impact"]), said["why"]
        )
        for rule, said in table.items()
    }
