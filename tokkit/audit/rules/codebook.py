"""Rules about the codes of a learned tokenizer."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule, Severity

CODEBOOK_RULES: tuple[Rule, ...] = (
    Rule(
        "unused-codes",
        "Codes that no signal uses",
        Severity.WARNING,
        "Part of the codebook has collapsed: these codes never occur, so they carry nothing and "
        "cost memory. Train with a codebook that is reset, projected or finite-scalar.",
    ),
)
