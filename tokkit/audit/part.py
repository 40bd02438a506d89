"""What a part of an audit returns: a section, and what it found."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.audit.finding import Finding
from tokkit.audit.section import Section, TokenStatus


@dataclass(frozen=True)
class Part:
    """A section of the report, and its findings; `tokens` by the vocabulary part only."""

    section: Section
    findings: tuple[Finding, ...] = ()
    tokens: TokenStatus | None = None
