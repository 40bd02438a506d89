"""The repeat that is followed is the longest one."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from tokkit.bytelm.drawing.speculation.repeats import RepeatedText


def longest(text: bytes) -> int:
    """Length of the longest end of a text that occurs earlier in it, at most 64; 0 below 5."""
    sizes = [n for n in range(5, min(64, len(text) - 1) + 1) if text.find(text[-n:], 0, -1) >= 0]
    return max(sizes, default=0)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(prompt=st.text("ab", max_size=30), rest=st.text("ab", max_size=60))
def test_what_followed_the_longest_earlier_occurrence_is_expected(prompt: str, rest: str) -> None:
    repeats = RepeatedText(prompt.encode())
    text = prompt.encode()
    for byte in rest.encode():
        repeats.push(byte)
        text += bytes([byte])
        found, size = repeats.expected(b""), longest(text)
        assert (found is None) == (size == 0)
        if found is not None:
            byte, trust = found
            assert text.find(text[-size:] + bytes([byte])) >= 0
            assert 0 < trust < 1


def test_a_path_that_leaves_the_repeat_expects_nothing() -> None:
    repeats = RepeatedText(b"abcdefgh-abcdef")
    for path, byte in ((b"", b"g"), (b"gh", b"-")):
        found = repeats.expected(path)
        assert found is not None
        assert found[0] == ord(byte)
    assert repeats.expected(b"x") is None
    assert repeats.expected(b"gh-abcdef?") is None
