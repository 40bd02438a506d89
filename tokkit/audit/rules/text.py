"""Rules about what text costs."""

from __future__ import annotations

from tokkit.audit.rules.rule import Rule, Severity

TEXT_RULES: tuple[Rule, ...] = (
    Rule(
        "uneven-language-cost",
        "Languages that cost several times as many tokens",
        Severity.WARNING,
        "The same content takes several times as many tokens as in English. Users of these "
        "languages pay more, wait longer and fit less into the context. A vocabulary trained on "
        "more of their text would mend it.",
    ),
    Rule(
        "more-tokens-than-characters",
        "Languages written in bytes, not in characters",
        Severity.WARNING,
        "A text takes more tokens than it has characters, so a model has to spell each character "
        "byte by byte. Models are known to be weak at that; the vocabulary lacks the script.",
    ),
    Rule(
        "language-without-encoding",
        "Languages that cannot be written",
        Severity.ERROR,
        "Some words have no tokens at all and become the unknown token, so the text is lost. "
        "Byte tokens, as a fallback, would mend it.",
    ),
)
