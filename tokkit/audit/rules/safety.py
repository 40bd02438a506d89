"""Rules about what may go wrong."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule

SAFETY_RULES: tuple[Rule, ...] = ()
