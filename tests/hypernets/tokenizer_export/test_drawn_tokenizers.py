"""What the fuzzers draw is made a fast tokenizer with the same ids, or refused by name.

A difference must be found by the trial at export, never by the user. `TOKKIT_FUZZ_EXPORT` sets how
many the slow part draws.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

pytest.importorskip("transformers")
pytest.importorskip("sentencepiece")
from tests.fuzz import draw_sentencepiece, draw_tokenizer_json
from tests.fuzz.hf_reference import ReferenceFailureError
from tests.fuzz.tokenizer_json import quiet_panics
from tests.text.tokenizer_json import ours
from tokkit.errors import TokkitError, UnsupportedError
from tokkit.hypernets.tokenizer_export.exporting import written
from tokkit.hypernets.tokenizer_export.roles import roles_of
from tokkit.hypernets.tokenizer_export.trial import check_same_ids, difference
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.tokenizer import TextTokenizer

SLOW = int(os.environ.get("TOKKIT_FUZZ_EXPORT", "300"))
Drawn = tuple[TextTokenizer, tuple[str, ...]]


def drawn_json(seed: int, count: int) -> Iterator[Drawn]:
    with quiet_panics():
        for index in range(count):
            try:
                case = draw_tokenizer_json.draw_case(seed, index)
                yield ours(case.document), tuple(case.texts)
            except (ReferenceFailureError, TokkitError):
                continue


def drawn_sentencepiece(seed: int, count: int) -> Iterator[Drawn]:
    for index in range(count):
        try:
            case = draw_sentencepiece.draw_case(seed, index)
            yield TextTokenizer(read_sentencepiece(case.model, "drawn")), case.texts
        except (draw_sentencepiece.UnloadableError, TokkitError):
            continue


def examine(cases: Iterable[Drawn]) -> Counter[str]:
    """How many were made, refused, and caught by the trial; fails on any other difference."""
    counts: Counter[str] = Counter()
    for tokenizer, texts in cases:
        try:
            fast = written(tokenizer, roles_of(tokenizer.spec))
        except UnsupportedError:
            counts["refused"] += 1
            continue
        found = difference(fast, tokenizer, texts, specials=True)
        if found is None:
            counts["same"] += 1
            continue
        with pytest.raises(UnsupportedError, match="other ids than tokkit"):
            check_same_ids(fast, tokenizer)
        counts["caught"] += 1
    return counts


def test_drawn_tokenizers_are_exact_or_refused() -> None:
    counts = examine(drawn_json(1, 6))
    assert counts["same"] >= 2


@pytest.mark.slow
def test_many_drawn_tokenizers_are_exact_or_refused() -> None:
    counts = examine(drawn_json(2, SLOW))
    assert counts["same"] >= 0.5 * counts.total(), counts


@pytest.mark.slow
def test_drawn_sentencepiece_models_are_exact_or_refused() -> None:
    counts = examine(drawn_sentencepiece(2, SLOW // 2))
    assert counts["same"] >= 0.15 * counts.total(), counts
