"""Rules about what text costs."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule, Severity, rules_among

UNEVEN_LANGUAGE_COST = Rule(
    "uneven-language-cost",
    "Languages that cost several times as many tokens",
    Severity.WARNING,
    "The same content takes several times as many tokens as in English. Users of these "
    "languages pay more, wait longer and fit less into the context. A vocabulary trained on "
    "more of their text would mend it.",
)
MORE_TOKENS_THAN_CHARACTERS = Rule(
    "more-tokens-than-characters",
    "Languages written in bytes, not in characters",
    Severity.WARNING,
    "A text takes more tokens than it has characters, so a model has to spell each character "
    "byte by byte. Models are known to be weak at that; the vocabulary lacks the script.",
)
LANGUAGE_WITHOUT_ENCODING = Rule(
    "language-without-encoding",
    "Languages that cannot be written",
    Severity.ERROR,
    "Some words have no tokens at all and become the unknown token, so the text is lost. "
    "Byte tokens, as a fallback, would mend it.",
)
NUMBER_SPLITTING = Rule(
    "number-splitting",
    "Numbers of one length that are cut in different ways",
    Severity.WARNING,
    "Which digits share a token depends on the number, so a model has to learn the same sum "
    "in many spellings. Cut digits one by one, or in groups of three.",
)
DIGITS_GROUPED_FROM_LEFT = Rule(
    "digits-grouped-from-left",
    "Digits grouped from the left",
    Severity.NOTE,
    "Groups of three that are counted from the left do not line up with thousands: 1234 is "
    "123|4. Models calculate better with groups from the right (Singh and Strouse, 2024); "
    "thousands separators in prompts have the same effect.",
)
COSTLY_CAPITALS = Rule(
    "costly-capitals",
    "Capitals that cost much more",
    Severity.NOTE,
    "Text in capitals falls into many short tokens. Headlines, acronyms and shouting cost "
    "more, and look little like the same words in small letters.",
)
COSTLY_INDENTATION = Rule(
    "costly-indentation",
    "Indentation that costs many tokens",
    Severity.NOTE,
    "Runs of spaces have few tokens of their own, so indented code costs much more than it "
    "needs to.",
)
NFC_NFD_DIFFER = Rule(
    "nfc-nfd-differ",
    "Composed and decomposed letters with different ids",
    Severity.NOTE,
    "The same visible text comes in two spellings, and a model sees two. Filters, caches and "
    "searches over ids miss one of them. Normalise text to NFC before it is encoded.",
)

TEXT_RULES = rules_among(globals())
