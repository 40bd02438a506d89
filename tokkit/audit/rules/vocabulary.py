"""Rules about the tokens of a vocabulary."""

from __future__ import annotations

from tokkit.audit.rules.rule import read_rules

_RULES = read_rules("vocabulary.toml")

UNREACHABLE_PRETOKENIZER = _RULES["unreachable-pretokenizer"]
UNREACHABLE_NORMALIZER = _RULES["unreachable-normalizer"]
UNREACHABLE_MERGES = _RULES["unreachable-merges"]
UNREACHABLE_ALPHABET = _RULES["unreachable-alphabet"]
UNREACHABLE_BYTES = _RULES["unreachable-bytes"]
UNREACHABLE_SHADOWED = _RULES["unreachable-shadowed"]
UNDETERMINED_TOKEN = _RULES["undetermined-token"]
WITNESS_REFUTED = _RULES["witness-refuted"]
PARTIAL_CHARACTER = _RULES["partial-character"]
DUPLICATE_TOKEN = _RULES["duplicate-token"]
RENUMBERED_TOKEN = _RULES["renumbered-token"]
UNUSED_ID = _RULES["unused-id"]
ADDED_WORD = _RULES["added-word"]
INTERMEDIATE_MERGE = _RULES["intermediate-merge"]
REDUNDANT_MERGE = _RULES["redundant-merge"]
SUSPICIOUS_TOKEN = _RULES["suspicious-token"]
UNDER_TRAINED_TOKEN = _RULES["under-trained-token"]

VOCABULARY_RULES = tuple(_RULES.values())
