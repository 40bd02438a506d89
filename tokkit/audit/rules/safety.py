"""Rules about what may go wrong."""

from __future__ import annotations

from tokkit.audit.rules.rule import read_rules

_RULES = read_rules("safety.toml")

ROUND_TRIP_FAILURE = _RULES["round-trip-failure"]
TEXT_NOT_ENCODABLE = _RULES["text-not-encodable"]
BYTES_NOT_ENCODABLE = _RULES["bytes-not-encodable"]
LOSSY_NORMALIZATION = _RULES["lossy-normalization"]
SPECIAL_TOKEN_INJECTION = _RULES["special-token-injection"]
SPECIAL_TOKEN_UNMARKED = _RULES["special-token-unmarked"]
SPECIAL_TOKEN_ORDINARY = _RULES["special-token-ordinary"]
REFERENCE_FAILS = _RULES["reference-fails"]
REFERENCE_DISAGREES = _RULES["reference-disagrees"]
SUPERLINEAR_TIME = _RULES["superlinear-time"]
TEMPLATE_UNREADABLE = _RULES["template-unreadable"]
TEMPLATE_UNSAFE = _RULES["template-unsafe"]
TEMPLATE_UNKNOWN_NAME = _RULES["template-unknown-name"]
TEMPLATE_UNBOUNDED = _RULES["template-unbounded"]
TEMPLATE_UNKNOWN_TOKEN = _RULES["template-unknown-token"]
TEMPLATE_NO_GENERATION_PROMPT = _RULES["template-no-generation-prompt"]
TEMPLATE_DOUBLE_BOS = _RULES["template-double-bos"]
TEMPLATE_RAW_TEXT = _RULES["template-raw-text"]

SAFETY_RULES = tuple(_RULES.values())
