"""What an audit looks for. A rule's id is stable: baselines, gates and links use it."""

from __future__ import annotations

from tokkit.audit.rules.codebook import CODEBOOK_RULES
from tokkit.audit.rules.rule import Impact, Rule, Severity
from tokkit.audit.rules.safety import SAFETY_RULES
from tokkit.audit.rules.text import TEXT_RULES
from tokkit.audit.rules.vocabulary import VOCABULARY_RULES

__all__ = ["RULES", "Impact", "Rule", "Severity", "place_of"]

RULES: dict[str, Rule] = {
    rule.id: rule for rule in (*VOCABULARY_RULES, *TEXT_RULES, *SAFETY_RULES, *CODEBOOK_RULES)
}
_PLACES = {rule: place for place, rule in enumerate(RULES)}


def place_of(rule: Rule) -> tuple[int, int]:
    """Where a rule stands among those of one severity: the gravest for a user first."""
    return rule.impact.rank, _PLACES.get(rule.id, len(_PLACES))
