"""Rules about what text costs."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule

TEXT_RULES: tuple[Rule, ...] = ()
