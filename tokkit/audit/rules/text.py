"""Rules about what text costs."""

from __future__ import annotations

from tokkit.audit.rules.rule import read_rules

_RULES = read_rules("text.toml")

UNEVEN_LANGUAGE_COST = _RULES["uneven-language-cost"]
MORE_TOKENS_THAN_CHARACTERS = _RULES["more-tokens-than-characters"]
LANGUAGE_WITHOUT_ENCODING = _RULES["language-without-encoding"]
NUMBER_SPLITTING = _RULES["number-splitting"]
DIGITS_GROUPED_FROM_LEFT = _RULES["digits-grouped-from-left"]
COSTLY_CAPITALS = _RULES["costly-capitals"]
COSTLY_INDENTATION = _RULES["costly-indentation"]
NFC_NFD_DIFFER = _RULES["nfc-nfd-differ"]

TEXT_RULES = tuple(_RULES.values())
