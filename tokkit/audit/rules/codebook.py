"""Rules about the codes of a learned tokenizer."""

from __future__ import annotations

from tokkit.audit.rules.rule import read_rules

_RULES = read_rules("codebook.toml")

UNUSED_CODES = _RULES["unused-codes"]

CODEBOOK_RULES = tuple(_RULES.values())
