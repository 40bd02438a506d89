"""Differences from the published splitter are explained by the rules."""

from __future__ import annotations

import sys
from itertools import pairwise

import pytest

from benchmarks.splitting.agreement import Tally
from benchmarks.splitting.peer import published_split
from tokkit.text.words import split_words


def ours(text: str) -> list[str]:
    data = text.encode()
    return [data[a:b].decode() for a, b in pairwise([0, *split_words(data).tolist()])]


def test_equal_words_are_no_difference() -> None:
    tally = Tally()
    tally.add("Hello, world!", ours)
    assert tally.row("same") == "| same | 2 | 100.00 | 0 | 0 | 0 | 0 |"


@pytest.mark.parametrize(
    ("theirs", "why"),
    [
        (["can'", "t"], "inside a word or number"),
        (["1", "⁄2"], "inside a word or number"),
        (["*", "\ufe0f\u20e3"], "marks and joiners"),
        (["食", "べ", "る"], "in doubt, goes on"),
        (["」。"], "in doubt, begins"),
    ],
)
def test_each_difference_has_its_reason(theirs: list[str], why: str) -> None:
    tally = Tally()
    tally.add("".join(theirs), lambda _: theirs)
    assert set(tally.reasons) == {why}


def test_a_difference_without_a_reason_is_refused() -> None:
    tally = Tally()
    tally.add("ab", lambda _: ["a", "b"])
    with pytest.raises(SystemExit, match=r"no reason: .*a\|b"):
        tally.row("wrong")


def test_a_peer_that_is_not_installed_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "hat_splitter", None)
    assert published_split(None) is None
    assert "pip install --target FOLDER hat-splitter==0.1.10" in capsys.readouterr().out
