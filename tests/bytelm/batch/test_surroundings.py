"""What stands around a text of a batch is checked where it enters, and none of it is ignored."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bytelm.toy_models import ab_lm
from tokkit.bytelm.batch.batch import Batch
from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.bytelm.drawing.request import Request
from tokkit.errors import ArgumentError


def test_text_is_bytes() -> None:
    text: Any = "é"
    assert Surroundings(begins=text) == Surroundings(begins="é".encode())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("begins", 1),
        ("files", "b.py"),
        ("context", 1),
        ("ends", [1]),
        ("heal", "both"),
    ],
)
def test_other_types_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=name):
        Surroundings(**{name: value})


@pytest.mark.parametrize(
    "given",
    [Surroundings(begins=b"a"), Surroundings(files=RepositoryFiles("a.py", {"b.py": "b"}))],
    ids=["begins", "files"],
)
def test_what_stands_around_a_gap_goes_with_no_plain_text(given: Surroundings) -> None:
    with pytest.raises(ArgumentError, match="pass a suffix"):
        Batch(ab_lm("x", "ab")).add(Request("a", max_bytes=1), surroundings=given)
