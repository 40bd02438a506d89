"""A text that is called normal at a glance is one that the library leaves as it is."""

from __future__ import annotations

import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import normalizers

from tokkit.text import normal_forms
from tokkit.text.normal_forms import (
    NORMAL_FORMS,
    NormalForm,
    is_plainly_normal,
    normalized_in_parts,
)

LIBRARY: dict[NormalForm, Any] = {form: getattr(normalizers, form)() for form in NORMAL_FORMS}
HARD = "eé\u0301\u0323\u1100\u1161\u11a8가각\u09c7\u09be\u212b\ufb01中\u0f73\U0001f600\u0958Ω\u2126"


@settings(deadline=None)
@given(st.text(st.one_of(st.sampled_from(HARD), st.characters(codec="utf-8"))))
def test_the_library_leaves_what_is_plainly_normal(text: str) -> None:
    for form, step in LIBRARY.items():
        if is_plainly_normal(text.encode(), form):
            assert step.normalize_str(text) == text


TEXTS = st.lists(
    st.one_of(
        st.text(st.sampled_from(HARD), max_size=6),
        st.text(st.characters(codec="utf-8"), max_size=3),
        st.sampled_from(
            ["plain " * 9, "\1\2", "\3\4\5\6\7\b", "বাংলা", "각각", "e\u0323\u0301x\u0301"]
        ),
        st.text(
            st.sampled_from("\u09c7\u09be\u0301\u0300\u0f71\u0f72\u3099かハ=\u0338\u1112\u1175"),
            max_size=6,
        ),
    ),
    max_size=20,
).map("".join)


@settings(deadline=None)
@given(TEXTS)
def test_a_text_normalised_in_parts_is_what_the_library_makes_of_it(text: str) -> None:
    for form in NORMAL_FORMS:
        step = LIBRARY[form]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(normal_forms, "_SHARE", 0)
            found = normalized_in_parts(text.encode(), form, step.normalize_str)
        assert found == step.normalize_str(text).encode()


def test_only_the_parts_in_doubt_are_normalised() -> None:
    asked: list[str] = []

    def normalize(part: str) -> str:
        asked.append(part)
        return unicodedata.normalize("NFC", part)

    text = "plain words " * 50 + "cafe\u0301 가\u11a8 " + "বাংলা लड\u093cका " * 50
    made = unicodedata.normalize("NFC", text).encode()
    assert normalized_in_parts(text.encode(), "NFC", normalize) == made
    assert asked == ["e\u0301\1가\u11a8"]


def test_a_text_that_passes_is_given_back_and_bytes_that_are_no_text_are_not() -> None:
    data = "plain, “it’s” বাংলা लड\u093cका".encode()
    assert normalized_in_parts(data, "NFC", lambda _: "?") is data
    assert normalized_in_parts(b"plain\xff", "NFC", lambda _: "?") is None


@pytest.mark.slow
@pytest.mark.parametrize("form", NORMAL_FORMS)
def test_characters_that_pass_stay_beside_any_that_pass(form: NormalForm) -> None:
    step = LIBRARY[form]
    chars = [chr(point) for point in range(0x80, 0x110000) if not 0xD800 <= point < 0xE000]
    passing = [char for char in chars if is_plainly_normal(char.encode(), form)]
    assert len(passing) > 30_000
    for before in ("e", "é", "ế", "\u1100", "가", "\u09c7", "\u0308", "\u0f71"):
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


def test_a_mark_that_goes_under_an_accent_is_not_plainly_normal() -> None:
    for text in ("é\u0323", "é\u0321\u0323", "ế\u0323"):
        assert unicodedata.normalize("NFC", text) != text
        assert not is_plainly_normal(text.encode(), "NFC")
    assert is_plainly_normal("é\u0308\u0315".encode(), "NFC")


def test_bytes_that_are_no_text_are_not_called_normal() -> None:
    assert not is_plainly_normal(b"\xff", "NFC")
