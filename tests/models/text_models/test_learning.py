"""Text models learn from texts, and an interrupted training goes on to the same curve."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
import tokkit
from tests.models.toy_models import NGRAMS, STACK, tokenizer
from tokkit.errors import ArgumentError, ModelError
from tokkit.models.byte.config import ByteConfig
from tokkit.models.byte.model import ByteTransformer
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.subword.model import SubwordTransformer
from tokkit.models.subword.vocabulary import train_tokenizer
from tokkit.models.text_models.building import new_model, read_settings
from tokkit.models.text_models.corpus import Texts
from tokkit.models.training import TrainingOptions, train

TEXT = b"It was a dark and stormy night; the rain fell in torrents. " * 40
TEXTS = Texts(TEXT, batch_bytes=512, window_bytes=64)
OPTIONS = TrainingOptions(steps=8, learning_rate=1e-2, evaluations=2)


def new(kind: str) -> Any:
    if kind == "subword":
        return SubwordTransformer(SubwordConfig(STACK), tokenizer())
    return ByteTransformer(ByteConfig(STACK, ngrams=NGRAMS, gate=True))


def bits(result: Any) -> list[float]:
    return [each.evaluation["bits_per_byte"] for each in result.records if each.evaluation]


@pytest.mark.parametrize("kind", ["byte", "subword"])
def test_bits_per_byte_of_held_out_text_fall(kind: str, tmp_path: Path) -> None:
    model = new(kind)
    result = train(model, TEXTS, OPTIONS, folder=tmp_path)
    first, *_, last = bits(result)
    assert last < first - 1
    assert result.step_bytes == 512
    loaded = tokkit.load_lm(tmp_path)
    np.testing.assert_array_equal(loaded.next_byte_logprobs(b"It"), model.next_byte_logprobs(b"It"))


def test_plain_texts_are_data(tmp_path: Path) -> None:
    path = tmp_path / "text.txt"
    path.write_bytes(TEXT)
    for data in (TEXT, [TEXT, "text"], path):
        assert train(new("byte"), data, TrainingOptions(steps=1)).step == 1
    with pytest.raises(ArgumentError, match="the text is empty"):
        train(new("byte"), b"", TrainingOptions(steps=1))
    with pytest.raises(ArgumentError, match="does not say how it learns"):
        train(torch.nn.Linear(2, 2), TEXT, TrainingOptions(steps=1))


@pytest.mark.parametrize("data", [b"x", b" \n \t ", b"\x00", b"x" * 3000])
def test_odd_texts_are_learned_from(data: bytes) -> None:
    for kind in ("byte", "subword"):
        result = train(new(kind), Texts(data, window_bytes=50), TrainingOptions(steps=2))
        assert all(np.isfinite(each.loss) for each in result.records if each.loss is not None)


@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_of_texts_goes_on_to_the_same_curve(tmp_path: Path) -> None:
    whole = train(new("byte"), TEXTS, OPTIONS)

    def interrupt(_: str, done: int, __: int) -> None:
        if done == 3:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        train(new("byte"), TEXTS, OPTIONS, folder=tmp_path, progress=interrupt)
    kept = tokkit.load_lm(tmp_path)  # what was learned so far
    assert np.isfinite(kept.next_byte_logprobs(b"a")).all()
    resumed = train(new("byte"), TEXTS, OPTIONS, folder=tmp_path)
    assert resumed.resumed_at == 3
    assert bits(resumed) == bits(whole)
    assert [each.loss for each in resumed.records] == [each.loss for each in whole.records]


@pytest.mark.parametrize(
    ("texts", "config", "what"),
    [
        (Texts(TEXT[1:], batch_bytes=512, window_bytes=64), {}, "other texts"),
        (Texts(TEXT, batch_bytes=256, window_bytes=64), {}, "its batch_bytes"),
        (TEXTS, {"gate": False}, "its config"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    texts: Texts, config: dict[str, Any], what: str, tmp_path: Path
) -> None:
    train(new("byte"), TEXTS, TrainingOptions(steps=1), folder=tmp_path)
    settings: dict[str, Any] = {"ngrams": NGRAMS, "gate": True, **config}
    with pytest.raises(ModelError, match=what):
        train(
            ByteTransformer(ByteConfig(STACK, **settings)),
            texts,
            TrainingOptions(steps=1),
            folder=tmp_path,
        )


def test_half_precision_of_products_changes_little() -> None:
    plain, half = (
        train(new("byte"), TEXTS, TrainingOptions(steps=3, autocast=autocast))
        for autocast in (None, "bfloat16")
    )
    assert bits(half)[-1] == pytest.approx(bits(plain)[-1], rel=0.02)


def test_settings_change_the_default_configuration_alone_where_they_say() -> None:
    settings = read_settings(
        ["backbone.width=32", "backbone.n_heads=2", "ngrams.sizes=[2,5]", "gate=true"]
    )
    model = new_model("byte", settings, texts=[])
    default = ByteConfig()
    assert model.config.backbone.width == 32
    assert model.config.backbone.n_layers == default.backbone.n_layers
    assert model.config.ngrams.sizes == (2, 5)
    assert model.config.gate
    with pytest.raises(ArgumentError, match="kind of model"):
        new_model("bite", {}, texts=[])
    with pytest.raises(ArgumentError, match="has a value already"):
        read_settings(["backbone=3", "backbone.width=3"])
    assert read_settings(["gate=true", "gate=false"]) == {"gate": False}


def test_a_training_of_another_tokenizer_is_another(tmp_path: Path) -> None:
    options = TrainingOptions(steps=1)
    train(new("subword"), TEXTS, options, folder=tmp_path)
    size = tokenizer().vocab_size
    other = train_tokenizer([TEXT], vocab_size=size)
    assert other.vocab_size == size
    model = SubwordTransformer(SubwordConfig(STACK), other)
    with pytest.raises(ModelError, match="another training: it learned from other tokenizer"):
        train(model, TEXTS, options, folder=tmp_path)
