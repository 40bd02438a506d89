"""Whether a word goes on with the next character: UAX #29, camel case, and what merges.

Source: the rules WB3 to WB999 of Unicode Standard Annex #29, on the tailored property of
`word_break`; then, as "Hierarchical Autoregressive Transformers" (Neitemeier et al., ICLR 2025) and
its release (`hat-splitter`) have it, a cut between a small and a capital letter, a single space
merged into the word after it, and punctuation merged into what stands before it.

The rules of the annex look ahead: in `can't` they keep the apostrophe because of the t. As
punctuation goes with the word before it anyway, it is enough to remember what may go on after it:
a boundary is decided by the character that follows it, and is never revoked. One character is no
punctuation and would have to be waited for, the fraction slash of `1⁄2`: after a digit it goes with
the word.
"""

from __future__ import annotations

from typing import NamedTuple

from tokkit.text.words.word_break import IGNORED, CharacterClass

_LETTERS = ("ALetter", "Hebrew_Letter")
_NUMBER = ("Numeric",)
_JOINED = (*_LETTERS, *_NUMBER, "Katakana")
_BETWEEN_LETTERS = ("MidLetter", "MidNumLet", "Single_Quote")
_BETWEEN_NUMBERS = ("MidNum", "MidNumLet", "Single_Quote")
_BREAKS = ("CR", "LF", "Newline")


class State(NamedTuple):
    """What is remembered of the word so far.

    Attributes:
        kind: what its last part is: "" (nothing yet), "space" (a single one), "white", "word" or
            "punctuation".
        last: `Word_Break` of its last character, but for ignored ones.
        then: values that go on where punctuation stands inside a word or number.
        lower: whether its very last character is a small letter.
        joiner: whether its very last character is a zero-width joiner.
        odd: whether the regional indicators at its end are odd in number.
    """

    kind: str = ""
    last: str = ""
    then: tuple[str, ...] = ()
    lower: bool = False
    joiner: bool = False
    odd: bool = False


START = State()


def goes_on(state: State, char: CharacterClass) -> bool:
    """Whether `char` belongs to the word that `state` remembers."""
    if not state.kind:
        return True
    if state.last in _BREAKS or char.word_break in _BREAKS:  # WB3, WB3a, WB3b
        return state.last == "CR" and char.word_break == "LF"
    if char.word_break in IGNORED or (state.joiner and char.pictographic):  # WB4, WB3c
        return True
    if char.punctuation:
        return state.kind != "white"
    if not char.white and state.kind == "space":
        return True
    return _annex_joins(state, char)


def _annex_joins(state: State, char: CharacterClass) -> bool:
    """WB3d and WB5 to WB16, for what is neither ignored nor punctuation."""
    last, now = state.last, char.word_break
    if now in state.then:  # WB7, WB7c, WB11
        return True
    if last in _LETTERS and now in _LETTERS:  # WB5, but for camel case
        return not (state.lower and char.case == "Lu")
    if now == "ExtendNumLet" or last == "ExtendNumLet":  # WB13a, WB13b
        return {last, now} <= {*_JOINED, "ExtendNumLet"}
    if last in (*_LETTERS, *_NUMBER) and now in (*_LETTERS, *_NUMBER):  # WB8, WB9, WB10
        return True
    if now == "MidNum":  # the fraction slash, WB12 without looking ahead
        return last in _NUMBER
    if last == now == "Regional_Indicator":  # WB15, WB16
        return state.odd
    return last == now and now in ("WSegSpace", "Katakana", "Invalid")  # WB3d, WB13


def begin(char: CharacterClass) -> State:
    """The state after a character that begins a word."""
    return advance(START, char)


def advance(state: State, char: CharacterClass) -> State:
    """The state after a character that goes on with the word."""
    now = char.word_break
    if now in IGNORED and state.kind:
        return _ignore(state, char)
    return State(
        kind=_kind(state, char),
        last="Other" if char.punctuation or now in IGNORED else now,
        then=_what_goes_on(state, char),
        lower=char.case == "Ll",
        joiner=now == "ZWJ",
        odd=now == "Regional_Indicator" and not state.odd,
    )


def _ignore(state: State, char: CharacterClass) -> State:
    """White space with a mark is a word; all else stays what it was (WB4)."""
    state = state._replace(lower=False, joiner=char.word_break == "ZWJ")
    if state.kind not in ("space", "white"):
        return state
    last = state.last if state.last == "ExtendNumLet" else "Other"
    return state._replace(kind="word", last=last)


def _kind(state: State, char: CharacterClass) -> str:
    if char.punctuation:
        return "punctuation"
    if not char.white:
        return "word"
    if char.space and state.last != "WSegSpace":
        return "space"
    return "word" if char.word_break == "ExtendNumLet" and state.kind == "word" else "white"


def _what_goes_on(state: State, char: CharacterClass) -> tuple[str, ...]:
    """The values that may follow what stands between letters (WB6, WB7b) or numbers (WB12)."""
    now = char.word_break
    if state.last in _LETTERS and now in _BETWEEN_LETTERS:
        return _LETTERS
    if state.last == "Hebrew_Letter" and now == "Double_Quote":
        return ("Hebrew_Letter",)
    if state.last in _NUMBER and now in _BETWEEN_NUMBERS:
        return _NUMBER
    return ()
