"""Rules about the codes of a learned tokenizer."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule, Severity, rules_among

UNUSED_CODES = Rule(
    "unused-codes",
    "Codes that no signal uses",
    Severity.WARNING,
    "Part of the codebook has collapsed: these codes never occur, so they carry nothing and "
    "cost memory. Train with a codebook that is reset, projected or finite-scalar.",
)

CODEBOOK_RULES = rules_among(globals())
