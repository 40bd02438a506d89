"""What teacher and student are compared at is the same place of the same text."""

from __future__ import annotations

from collections import Counter

import pytest

from tests.hypernets.plain_models.toy_models import toy_tokenizer
from tests.text.format_samples import CORPUS
from tokkit.errors import UnsupportedError
from tokkit.hypernets.distillation.lessons import Schedule, lessons_of
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer


def tokenizers() -> tuple[TextTokenizer, TextTokenizer]:
    return tuple(load_tokenizer(toy_tokenizer(size)) for size in (280, 340))  # pyright: ignore[reportReturnType]


def test_shared_borders_have_the_same_bytes_before_them() -> None:
    source, target = tokenizers()
    lessons = lessons_of([text.encode() for text in CORPUS], source, target, n_bytes=60)
    assert b"".join(lesson.text for lesson in lessons) == "".join(CORPUS).encode()
    for lesson in lessons:
        assert lesson.new.tolist() == target.encode(lesson.text)
        for old, new in zip(lesson.old_places, lesson.new_places, strict=True):
            before = source.decode(lesson.old[: old + 1].tolist())
            assert before == target.decode(lesson.new[: new + 1].tolist())
        assert len(lesson.new_places) > len(lesson.new) / 4


def test_every_snippet_comes_once_an_epoch() -> None:
    source, target = tokenizers()
    lessons = lessons_of([text.encode() for text in CORPUS], source, target, n_bytes=60)
    schedule = Schedule(lessons, batch_tokens=100, seed=1)
    size = len(schedule.batch(0))
    seen = Counter(key for k in range(3 * len(lessons)) for key, _ in schedule.batch(k))
    assert size > 1
    assert set(seen.values()) == {3 * size}
    assert schedule.batch(7) == Schedule(lessons, batch_tokens=100, seed=1).batch(7)


def test_tokenizers_without_a_border_in_common_are_refused() -> None:
    source, target = tokenizers()
    with pytest.raises(UnsupportedError, match="no border"):
        lessons_of([b""], source, target, n_bytes=60)
