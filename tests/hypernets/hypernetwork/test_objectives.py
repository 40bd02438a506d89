"""What a network is trained for: nothing is lost where the old tokenizer itself is the new one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.hypernets.hypernetwork.toy_training import TEXT
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.hypernetwork.base_rows import TokenRows
from tokkit.hypernets.hypernetwork.lessons import LessonMaker, LessonPlan
from tokkit.hypernets.hypernetwork.objectives import (
    language_loss,
    overlap_loss,
    prediction_loss,
    reading_loss,
)
from tokkit.hypernets.hypernetwork.spellings import Spellings
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.windows import read
from tokkit.text.tokenizer import load_tokenizer

WINDOWS = [TEXT[:50].encode(), TEXT[200:230].encode()]
KINDS = ("llama", "gemma3_text", pytest.param("gpt2", marks=pytest.mark.slow))


def lesson_of(kind: str, size: int) -> tuple[Any, FrozenBody, LessonMaker, Any]:
    source = load_source((toy_model(kind, 280), toy_tokenizer(280)))
    model = FrozenBody(source.model)
    maker = LessonMaker(source, model, heuristic="shared-first", max_parts=8, layer=1, seed=0)
    tokenizer = load_tokenizer(toy_tokenizer(size))
    return source, model, maker, maker.lesson(tokenizer, WINDOWS, scored=True)


@pytest.mark.parametrize("kind", KINDS)
def test_the_old_tokenizer_reads_without_loss(kind: str) -> None:
    _, model, maker, lesson = lesson_of(kind, 280)
    starts = model.old_inputs(torch.tensor(maker.starts))
    inputs = lesson.base.inputs.clone().requires_grad_()
    loss = reading_loss(
        model, starts, lesson.control, [0, 1], inputs, is_new=lesson.is_new, layer=1
    )
    assert float(loss.detach()) < 1e-8
    wrong = reading_loss(
        model, starts, lesson.control, [0, 1], inputs + 0.1, is_new=lesson.is_new, layer=1
    )
    wrong.backward()
    assert float(wrong.detach()) > 1e-4
    assert inputs.grad.abs().sum() > 0


@pytest.mark.parametrize("kind", KINDS)
def test_all_ways_to_score_agree_on_the_old_tokenizer(kind: str) -> None:
    source, model, maker, lesson = lesson_of(kind, 280)
    windows = [source.tokenizer.encode(window) for window in WINDOWS]
    expected = read(source.model, windows, starts=maker.starts).bits()
    n = sum(map(len, windows))
    assert lesson.control.bits() == pytest.approx(expected, rel=1e-4)
    starts = model.old_inputs(torch.tensor(maker.starts))
    nats = [
        language_loss(model, starts, lesson.control.windows, lesson.base, autocast=False),
        prediction_loss(
            torch.cat(lesson.control.before),
            torch.cat(lesson.control.windows),
            lesson.base,
            autocast=False,
        ),
    ]
    for each in nats:
        assert float(each.detach()) * n / math.log(2) == pytest.approx(expected, rel=1e-4)


def test_the_control_of_new_tokens_is_that_of_their_parts() -> None:
    source, _, maker, lesson = lesson_of("llama", 340)
    tokenizer = load_tokenizer(toy_tokenizer(340))
    windows = [tokenizer.encode(window) for window in WINDOWS]
    spelled = maker.task(tokenizer).alignment.__getitem__
    control = read(source.model, windows, starts=maker.starts, spelled=spelled, keep_states=True)
    np.testing.assert_allclose(
        torch.cat(lesson.control.logprobs).numpy(), control.logprobs, rtol=1e-3, atol=1e-4
    )
    assert control.states is not None
    np.testing.assert_allclose(torch.cat(lesson.control.before).numpy(), control.states, atol=1e-4)
    assert bool(lesson.is_new[torch.cat(lesson.control.windows)].any())
    assert bool(lesson.is_new[lesson.frequent].all())


def test_the_overlap_of_equal_rows_is_nothing() -> None:
    rows = TokenRows(torch.randn(5, 4), torch.randn(5, 4), torch.zeros(5))
    other = TokenRows(rows.inputs, rows.outputs + 1, rows.bias)
    assert float(overlap_loss(rows, rows, separate=True)) == 0
    assert float(overlap_loss(other, rows, separate=False)) == 0
    expected = 4 / rows.outputs.norm(dim=1).mean() / 2
    torch.testing.assert_close(overlap_loss(other, rows, separate=True), expected)


def test_spellings_are_those_of_the_alignment_cut_off() -> None:
    _, _, maker, _ = lesson_of("llama", 340)
    alignment = maker.task(load_tokenizer(toy_tokenizer(340))).alignment
    spellings = Spellings.of(alignment, 2)
    assert int(alignment.lengths.max()) > 2
    for token in range(len(alignment)):
        parts = spellings.parts[token, : int(spellings.lengths[token])].tolist()
        assert tuple(parts) == alignment[token][:2]


def test_each_lesson_serves_for_its_steps_in_turn() -> None:
    made: list[int] = []

    def make(number: int) -> Any:
        made.append(number)
        return number

    plan = LessonPlan(make, at_once=2, repeats=3)
    assert [plan.at(step) for step in range(8)] == [0, 1, 0, 1, 0, 1, 2, 3]
    assert made == [0, 1, 2, 3]
    assert LessonPlan(make, at_once=2, repeats=3).at(7) == 3
