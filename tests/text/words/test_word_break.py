"""The property of characters against the `regex` package, and the definition against its own."""

from __future__ import annotations

import numpy as np
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.reference import words_reference
from tests.text.words.hard_strings import texts
from tokkit.text.words.word_break import characters

OWN = {"Symbol", "Zero_Width_Space", "Invalid", "Other"}
"""Other in the annex."""
MIDDLE = r"[\p{WB=MidLetter}\p{WB=MidNum}\p{WB=MidNumLet}]"
IGNORED = r"[\p{WB=Extend}\p{WB=Format}]"


def test_word_break_is_that_of_unicode_16_tailored() -> None:
    known = characters()
    names = [char.word_break for char in known.classes]
    index = [-1 if name in OWN else words_reference.VALUES.index(name) for name in names]
    differing = np.array(index)[known.members] != words_reference.tailored()
    assert np.flatnonzero(differing & known.assigned).tolist() == []


def test_every_class_but_the_last_has_characters() -> None:
    known = characters()
    assert np.unique(known.members).tolist() == list(range(len(known.classes) - 1))


@settings(deadline=None, max_examples=300)
@given(
    st.text("ab1 ._\n\r,;-カあ食éÉЖאב«»。\u200b\u202f\xa0\u3000👍❤️🏽|°٫\u2028\u0301", max_size=9),
    texts,
)
def test_the_definition_before_it_is_tailored_is_that_of_the_annex(text: str, more: str) -> None:
    """Beside `regex`, which cuts after apostrophes, and has its own mind of joiners and flags.

    Nor does it see past what WB4 ignores when it looks beyond a sign in the middle of a word.
    """
    text = "x" + regex.sub(r"['’׳״‘\"\u200d\U0001F1E6-\U0001F1FF]", "", text + more)
    text = regex.sub(rf"(?<={MIDDLE}){IGNORED}+|{IGNORED}+(?={MIDDLE})", "", text)
    found = [at for at in range(1, len(text)) if _is_boundary(text, at)]
    expected = [match.start() for match in regex.finditer(r"(?V1w)\b", text)]
    assert found == [at for at in expected if 0 < at < len(text)]


def _is_boundary(text: str, at: int) -> bool:
    return words_reference.is_boundary(text, at, words_reference.plain)
