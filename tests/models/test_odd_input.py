"""Every kind of text model, on texts and limits at the edge of what there is."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from tests.models.toy_models import TOYS, Toy
from tokkit.errors import ArgumentError, ModelError
from tokkit.models.text_models.corpus import Texts
from tokkit.models.text_models.windows import Windows
from tokkit.models.training import TrainingOptions, train

ODD = [b"", b"a", b"\xff", b" ", b" \n\t " * 9, b"a" * 300, b"\x00" * 5]
TEXT = b"It rained all night; 3.14 cats can't sleep. " * 30


@pytest.fixture(params=[pytest.param(toy, id=toy.name) for toy in TOYS])
def toy(request: pytest.FixtureRequest) -> Toy:
    return request.param


def test_odd_texts_are_scored_learned_from_and_gone_on_with(toy: Toy) -> None:
    model = toy.made()
    nats = model.training_nats(Windows.of(ODD, ends=True))
    nats.sum().backward()
    assert bool(nats.isfinite().all())
    for text in ODD:
        assert np.isfinite(model.logprob(text, end=True))
        assert model.generate(text, max_bytes=0, seed=1) == b""
        assert len(model.generate(text, max_bytes=1, seed=1)) <= 1
    with pytest.raises(ArgumentError, match="bits per byte of an empty text"):
        model.bits_per_byte(b"")
    for wrong in ({"max_bytes": -1}, {"max_bytes": 1, "seed": -1}, {"max_bytes": 1, "top_k": 0}):
        with pytest.raises(ArgumentError):
            model.generate(b"a", **wrong)


@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_goes_on_to_the_same_curve(toy: Toy, tmp_path: Path) -> None:
    texts = Texts(TEXT, batch_bytes=256, window_bytes=64)
    options = TrainingOptions(steps=3, evaluations=1)
    whole = train(toy.build(), texts, options)

    def interrupt(_: str, done: int, __: int) -> None:
        if done == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(toy.build(), texts, options, folder=tmp_path, progress=interrupt)
    resumed = train(toy.build(), texts, options, folder=tmp_path)
    assert resumed.resumed_at == 2
    assert [each.loss for each in resumed.records] == [each.loss for each in whole.records]
    other = Texts(TEXT[1:], batch_bytes=256, window_bytes=64)
    with pytest.raises(ModelError, match="other texts"):
        train(toy.build(), other, options, folder=tmp_path)


@pytest.mark.slow
def test_a_word_of_a_megabyte_is_learned_from_and_cut(toy: Toy) -> None:
    word = b"a" * (1 << 20)
    texts = Texts(word, batch_bytes=512, window_bytes=128)
    result = train(toy.build(), texts, TrainingOptions(steps=2, evaluations=0))
    assert result.step == 2
    assert np.isfinite(toy.made().logprob(word[: 1 << 12], window=256))
