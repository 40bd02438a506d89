"""A text that is called normal at a glance is one that the library leaves as it is."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from tokkit.text.normal_forms import NORMAL_FORMS, NormalForm, is_plainly_normal

LIBRARY: dict[str, Any] = {form: getattr(normalizers, form)() for form in NORMAL_FORMS}
HARD = "eé\u0301\u0323\u1100\u1161\u11a8가각\u09c7\u09be\u212b\ufb01中\u0f73\U0001f600\u0958Ω\u2126"


@settings(deadline=None)
@given(st.text(st.one_of(st.sampled_from(HARD), st.characters(codec="utf-8"))))
def test_the_library_leaves_what_is_plainly_normal(text: str) -> None:
    for form, step in LIBRARY.items():
        if is_plainly_normal(text.encode(), form):
            assert step.normalize_str(text) == text


@pytest.mark.slow
@pytest.mark.parametrize("form", NORMAL_FORMS)
def test_characters_that_pass_stay_beside_any_that_pass(form: str) -> None:
    step = LIBRARY[form]
    chars = [chr(point) for point in range(0x80, 0x110000) if not 0xD800 <= point < 0xE000]
    passing = [char for char in chars if is_plainly_normal(char.encode(), form)]
    assert len(passing) > 30_000
    for before in ("e", "\u1100", "가", "\u09c7", "\u0308", "\u0f71"):
        for piece in (before + char for char in passing):
            stays = (
                not is_plainly_normal(piece.encode(), form) or step.normalize_str(piece) == piece
            )
            assert stays, f"{form}: {piece!a}"


@pytest.mark.parametrize("form", NORMAL_FORMS)
def test_usual_texts_are_plainly_normal(form: NormalForm) -> None:
    for text in (
        "plain",
        "“it’s” – Привет, 世界 🤖",
        "नमस्ते",
        "বাংলা",
        "ไทย",
        "हिन्दी",
        "Việt",
        "한국어",
    ):
        assert is_plainly_normal(unicodedata.normalize(form, text).encode(), form)


def test_bytes_that_are_no_text_are_not_called_normal() -> None:
    assert not is_plainly_normal(b"\xff", "NFC")
