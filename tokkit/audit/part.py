"""What a part of an audit returns: a section, and what it found."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.audit.finding import Finding
from tokkit.report.section import Section


@dataclass(frozen=True)
class TokenStatus:
    """What the vocabulary part says of each token, for the explorer. All are indexed by id.

    Attributes:
        status: a word for each id, of a small set ("reachable", "unreachable", "special", …).
        reason: why, for those that are unreachable; else empty.
        witness: bytes of a text whose encoding holds the token; else None.
    """

    status: tuple[str, ...]
    reason: tuple[str, ...]
    witness: tuple[bytes | None, ...]


@dataclass(frozen=True)
class Part:
    """A section of the report, and its findings; `tokens` by the vocabulary part only."""

    section: Section
    findings: tuple[Finding, ...] = ()
    tokens: TokenStatus | None = None
