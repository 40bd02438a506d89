"""A masked model is scored with every piece told once from the others, and is transferred."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
import tokenizers

from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tests.text.format_samples import CORPUS
from tokkit.errors import UnsupportedError
from tokkit.hypernets.head import captured_states
from tokkit.hypernets.masked.frame import MaskedFrame, frame_of
from tokkit.hypernets.masked.reading import STRIDE, masked_bits, masked_states
from tokkit.hypernets.transfer import transfer
from tokkit.text.tokenizer import load_tokenizer

SPECIAL = ["[PAD]", "[CLS]", "[SEP]", "[MASK]"]
FRAME = MaskedFrame(3, (1,), (2,))
TEXT = "\n".join(CORPUS) * 8


def tokenizer(size: int) -> Any:
    made = tokenizers.Tokenizer(tokenizers.models.BPE())
    made.pre_tokenizer = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=SPECIAL,
        initial_alphabet=tokenizers.pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    made.train_from_iterator(CORPUS, trainer)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=made, pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]",
        mask_token="[MASK]",
    )  # fmt: skip


@pytest.fixture(scope="module")
def bert() -> Any:
    return toy_model("bert", 280, pad_token_id=0, bos_token_id=None, eos_token_id=None)


@pytest.fixture(scope="module")
def small() -> Any:
    return tokenizer(280)


@pytest.fixture(scope="module")
def large() -> Any:
    return tokenizer(340)


def logprob(model: Any, ids: list[int], place: int, wanted: int) -> float:
    with torch.inference_mode():
        logits = model(torch.tensor([ids])).logits[0, place].double()
    return float(logits.log_softmax(-1)[wanted])


def test_each_token_is_told_from_the_others_with_every_eighth_masked(bert: Any) -> None:
    window = np.random.default_rng(0).integers(4, 280, 19).tolist()
    total = 0.0
    for place, token in enumerate(window):
        hidden = [3 if k % STRIDE == place % STRIDE else t for k, t in enumerate(window)]
        total -= logprob(bert, [1, *hidden, 2], place + 1, token)
    assert masked_bits(bert, [window], FRAME) == pytest.approx(total / math.log(2), rel=1e-5)


def test_a_piece_of_several_tokens_is_told_token_by_token(bert: Any) -> None:
    spellings = [(10,), (20, 21, 22), (30,)]
    found = masked_bits(bert, [[0, 1, 2]], FRAME, spelled=spellings.__getitem__)
    total = logprob(bert, [1, 3, 20, 21, 22, 30, 2], 1, 10)
    total += logprob(bert, [1, 10, 20, 21, 22, 3, 2], 5, 30)
    for k, token in enumerate(spellings[1]):
        ids = [1, 10, *spellings[1][:k], *[3] * (3 - k), 30, 2]
        total += logprob(bert, ids, 2 + k, token)
    assert found == pytest.approx(-total / math.log(2), rel=1e-5)


def test_states_are_those_at_one_mask_in_the_place_of_a_piece(bert: Any) -> None:
    spellings = [(10,), (20, 21, 22), (30,)]
    reading = masked_states(bert, [[2, 1, 0]], FRAME, spelled=spellings.__getitem__)
    assert reading.pieces.tolist() == [2, 1, 0]
    with torch.inference_mode(), captured_states(bert) as found:
        bert(torch.tensor([[1, 30, 3, 10, 2]]))
    assert reading.states is not None
    np.testing.assert_allclose(reading.states[1], found[0][0, 2].numpy(), rtol=1e-4, atol=1e-5)


def test_a_window_longer_than_the_positions_is_read_in_parts(bert: Any) -> None:
    window = np.random.default_rng(0).integers(4, 280, 150).tolist()
    parts = [window[first : first + 62] for first in range(0, 150, 62)]
    whole = masked_bits(bert, [window], FRAME)
    assert whole == pytest.approx(masked_bits(bert, parts, FRAME), rel=1e-6)
    with pytest.raises(UnsupportedError, match="63 old ones"):
        masked_bits(bert, [[0]], FRAME, spelled=lambda _: [9] * 63)


def test_the_frame_is_known_by_the_names_of_bert_and_roberta(small: Any) -> None:
    assert frame_of(load_tokenizer(small)) == FRAME
    assert frame_of(load_tokenizer(toy_tokenizer(280))) is None


@pytest.mark.parametrize("method", ["auto", "mean"])
def test_a_masked_model_is_measured_before_and_after(
    method: str, bert: Any, small: Any, large: Any, tmp_path: Path
) -> None:
    result = transfer((bert, small), large, method=method, text=TEXT)
    assert result.report.method == {"auto": "shared-first", "mean": "mean"}[method]
    bits = result.report.bits_per_byte
    assert bits is not None
    assert bits.masked
    assert np.isfinite([bits.before, bits.control, bits.after]).all()
    result.save(tmp_path)
    again = transformers.AutoModelForMaskedLM.from_pretrained(tmp_path)
    ids = torch.tensor([[1, 300, 3, 20, 2]])
    with torch.inference_mode():
        assert torch.equal(again(ids).logits, result.model(ids).logits)


def test_the_control_of_the_same_tokenizer_is_the_model_itself(bert: Any, small: Any) -> None:
    bits = transfer((bert, small), small, text=TEXT).report.bits_per_byte
    assert bits is not None
    assert bits.before == bits.control == bits.after


@pytest.mark.slow
def test_a_text_brings_a_masked_model_nearer_to_it(bert: Any, small: Any, large: Any) -> None:
    fitted, plain = (
        transfer((bert, small), large, method=method, text=TEXT).report.bits_per_byte
        for method in ("auto", "mean")
    )
    assert fitted is not None
    assert plain is not None
    assert fitted.after < plain.after
