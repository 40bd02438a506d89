"""Laws of the fuzzer hold for real files: ids, control tokens or not, offsets, round trips."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.fuzz.draw_texts import draw_bytes, draw_texts
from tests.fuzz.laws import Subject
from tests.real.references import as_parameters, fetched_files

pytestmark = [pytest.mark.real, pytest.mark.slow]

N_TEXTS = 120
FILES = [path for path in fetched_files() if path.name == "tokenizer.json"]


@pytest.mark.parametrize("path", as_parameters(FILES))
def test_laws_hold_for_a_real_file(path: Path) -> None:
    document = json.loads(path.read_text(encoding="utf-8"))
    subject = Subject(document)
    rng = random.Random(20_261_130)
    contents = [token["content"] for token in document["added_tokens"]]
    texts = draw_texts(rng, N_TEXTS, rng.sample(contents, min(8, len(contents))))
    for i, text in enumerate(texts):
        canonical = i % 10 == 0 and len(text) < 40
        assert not list(subject.differences(text, canonical=canonical))
    for raw in draw_bytes(rng, texts):
        assert not list(subject.own_differences(raw))
    assert subject.prefix_difference(texts[1]) is None
