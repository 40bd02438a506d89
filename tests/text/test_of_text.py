"""Where text is meant, tokenizers of anything else are refused."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from tokkit.errors import ArgumentError
from tokkit.text.of_text import refuse_other_signals


@pytest.mark.parametrize(("modality", "told"), [("image", "pictures"), ("smell", "smell")])
def test_a_tokenizer_of_other_signals_is_refused_by_what_it_is_of(modality: str, told: str) -> None:
    with pytest.raises(ArgumentError, match=f"nose is a tokenizer of {told}; expected one of text"):
        refuse_other_signals(SimpleNamespace(name="nose", modality=modality))


def test_what_says_nothing_of_signals_is_taken_for_text() -> None:
    refuse_other_signals(SimpleNamespace())
