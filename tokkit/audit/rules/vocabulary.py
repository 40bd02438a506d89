"""Rules about the tokens of a vocabulary."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule

VOCABULARY_RULES: tuple[Rule, ...] = ()
