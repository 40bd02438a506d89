"""A byteified model is a byte model, and says what its token model says wherever it can."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch: Any = pytest.importorskip("torch")
import tokkit
from tests.bytelm.completion.fim_toys import WORDS
from tests.bytelm.lm_helpers import tiny_model
from tests.models import laws
from tests.models.toy_models import LOCAL, NGRAMS, tokenizer
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.models.byteified.byteify import TEACHER, _parted, byteify
from tokkit.models.byteified.config import ByteifiedConfig, DecoderConfig
from tokkit.models.byteified.lessons import _written, made_lessons, read_lessons
from tokkit.models.byteified.model import Byteified, described
from tokkit.models.byteified.token_view import TokenReader
from tokkit.models.text_models.corpus import Texts
from tokkit.models.text_models.windows import Windows
from tokkit.models.training import TrainingOptions
from tokkit.text.tokenizer import TextTokenizer

TEXTS = st.text("ab Hithere,.3\n", max_size=24).map(str.encode) | st.binary(max_size=12)
SHAPE = DecoderConfig(LOCAL, NGRAMS)


@cache
def token_model() -> ByteLM:
    """A tiny one of transformers, in float64."""
    model = tiny_model("llama", vocab_size=300)
    return tokkit.load_lm((model.double(), tokenizer()))


@cache
def byteified() -> Byteified:
    """A model whose parameters all matter."""
    lm = token_model()
    model = Byteified(ByteifiedConfig(described(lm, TokenReader(lm)), SHAPE), lm)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for each in model.parameters():
            each.add_(torch.randn(each.shape, generator=generator) * 0.2)
    return model.double().eval()


LAWS = [
    laws.check_later_bytes_change_nothing,
    laws.check_cuts_change_nothing,
    laws.check_mates_and_padding_change_nothing,
    laws.check_ragged_batches_change_nothing,
    laws.check_continuations_sum_to_one,
    laws.check_forks_are_independent,
    laws.check_nats_are_those_of_the_rows,
    laws.check_every_parameter_learns,
]


@pytest.mark.parametrize("law", LAWS, ids=[law.__name__.removeprefix("check_") for law in LAWS])
def test_law(law: Any) -> None:
    law(byteified())


@settings(max_examples=40, deadline=None)
@given(text=TEXTS, later=TEXTS)
def test_settled_tokens_begin_every_encoding_that_goes_on(text: bytes, later: bytes) -> None:
    reader = TokenReader(token_model())
    (reading,), _ = reader.read([reader.start()], [text])
    assert reading.settled is not None or not text
    ids = [] if reading.settled is None else reading.settled.stem.node.ids()
    assert tokenizer().encode(text + later)[: len(ids)] == ids


@settings(max_examples=20, deadline=None)
@given(text=TEXTS)
def test_shares_are_sums_over_the_tokens_that_go_on(text: bytes) -> None:
    lm = token_model()
    reader, spelled = TokenReader(lm), tokenizer().spec.token_bytes
    vocabulary = ByteVocabulary(lm.token_lm)
    (reading,), (view,) = reader.read([reader.start()], [text], first=True)
    settled = reading.settled
    assert settled is not None
    (logs,) = lm.token_lm.next_token_logprobs([settled.stem.node.ids()])
    behind = text[settled.stem.start :]
    assert view.depths[-1] == len(behind)
    allowed = np.unpackbits(vocabulary.permitted(settled.stem.state))[: len(vocabulary.trie)]
    going, ended = np.zeros(257), 0.0
    for token, may in zip(vocabulary.trie.order.tolist(), allowed.tolist(), strict=True):
        if may and spelled[token].startswith(behind) and len(spelled[token]) > len(behind):
            going[spelled[token][len(behind)]] += np.exp(logs[token])
        elif may and spelled[token] == behind:
            ended += np.exp(logs[token])
    if not behind:
        assert view.ended[-1] == 0
        exact = lm.next_byte_logprobs(text)
        np.testing.assert_allclose(view.shares[-1], np.exp(exact), atol=1e-12)
        found = byteified().next_byte_logprobs(text)
        np.testing.assert_allclose(np.exp(found), np.exp(exact), atol=1e-12)
    elif going.sum() > 0:
        np.testing.assert_allclose(view.shares[-1], going / going.sum(), atol=1e-12)
        assert view.ended[-1] >= ended / (ended + going.sum()) - 1e-9


@settings(max_examples=20, deadline=None)
@given(text=TEXTS)
def test_the_suffix_is_the_longest_token_that_a_text_ends_with(text: bytes) -> None:
    reader, spelled = TokenReader(token_model()), tokenizer().spec.token_bytes
    _, (view,) = reader.read([reader.start()], [text], first=True)
    ending = [token for token in spelled if token and text.endswith(token)]
    found = int(view.suffixes[-1])
    assert (found == reader.n_ids) == (not ending)
    if ending:
        assert spelled[found] == max(ending, key=len)


def test_it_learns_what_the_exact_sum_says(tmp_path: Path) -> None:
    text = b"Hi there, can't you see there are 3.14 others? " * 20
    lm = token_model()
    options = TrainingOptions(steps=40, learning_rate=5e-3, evaluations=1)

    def made() -> tuple[Byteified, Any]:
        texts = Texts(text, window_bytes=32, batch_bytes=64)
        return byteify(lm, texts, tmp_path, options, lesson_bytes=600, decoder=SHAPE)

    model, result = made()
    begun, *_, ended = (each.evaluation for each in result.records if each.evaluation is not None)
    assert begun[TEACHER] == ended[TEACHER] <= ended["bits_per_byte"] + 1e-3
    assert ended["bits_per_byte"] < begun["bits_per_byte"]
    again, repeated = made()  # nothing is left to do
    assert repeated.resumed_at == 40
    np.testing.assert_array_equal(again.byte_logprobs(b"Hi th"), model.byte_logprobs(b"Hi th"))
    loaded = Byteified.load(tmp_path, token_model=lm)
    np.testing.assert_array_equal(loaded.byte_logprobs(b"Hi th"), model.byte_logprobs(b"Hi th"))
    with pytest.raises(ArgumentError, match="names no token model"):
        tokkit.load_lm(tmp_path)


@pytest.mark.parametrize("n_bytes", [300, 700, 1100])
def test_what_is_held_out_is_not_learned(
    n_bytes: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parted: list[Any] = []

    def noted(*args: Any) -> Any:
        found = _parted(*args)
        parted[:] = [{lesson.data for lesson in each} for each in found]
        return found

    monkeypatch.setattr("tokkit.models.byteified.byteify._parted", noted)
    text = " ".join(f"Hi there {number}" for number in range(200)).encode()[:n_bytes]
    texts, options = Texts(text, window_bytes=32, batch_bytes=64), TrainingOptions(steps=1)
    byteify(token_model(), texts, tmp_path, options, decoder=SHAPE)
    learned, held_out = parted
    assert learned and held_out and not learned & held_out


def test_too_little_text_to_hold_some_out_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match="two windows"):
        byteify(token_model(), b"Hi there", tmp_path, TrainingOptions(steps=1), decoder=SHAPE)


def test_a_folder_of_another_model_or_other_batches_is_refused(tmp_path: Path) -> None:
    texts = Texts(b"Hi there are others " * 30, window_bytes=64, batch_bytes=64)
    options = TrainingOptions(steps=1)
    byteify(token_model(), texts, tmp_path, options, decoder=SHAPE)
    with pytest.raises(ModelError, match="windows_at_once is 8, here it is 2"):
        byteify(token_model(), texts, tmp_path, options, decoder=SHAPE, windows_at_once=2)
    model = tiny_model("llama", vocab_size=300).double()
    with torch.no_grad():
        model.model.norm.weight.mul_(2)
    with pytest.raises(ModelError, match="lessons of another weights of the token model"):
        byteify(tokkit.load_lm((model, tokenizer())), texts, tmp_path, options, decoder=SHAPE)


def test_lessons_are_not_made_where_they_could_not_be_read_again(tmp_path: Path) -> None:
    texts = Texts(b"Hi there are others " * 30, window_bytes=64, batch_bytes=64)
    folder = tmp_path / "a\udcff"
    with pytest.raises(ArgumentError, match="no UTF-8"):
        byteify(token_model(), texts, folder, TrainingOptions(steps=1), decoder=SHAPE)
    assert not folder.exists()


def test_a_token_model_of_another_vocabulary_or_without_states_is_refused() -> None:
    config = ByteifiedConfig(described(token_model(), TokenReader(token_model())), SHAPE)
    other = tiny_model("llama", vocab_size=300, hidden_size=16, head_dim=4)
    with pytest.raises(ModelError, match="columns"):
        Byteified(config, tokkit.load_lm((other, tokenizer())))
    with pytest.raises(UnsupportedError, match="hidden states"):
        TokenReader(ByteLM(NgramLM.train([b"Hi there"], tokenizer(), order=2, eos_id=0)))
    with pytest.raises(ModelError, match="attach"):
        Byteified(config).byte_logprobs(b"a")


def test_end_of_text_is_that_of_the_token_model_where_nothing_is_pending() -> None:
    exact, found = (lm.next_byte_logprobs(b"")[END] for lm in (token_model(), byteified()))
    assert abs(exact - found) < 1e-9


def test_bytes_that_no_token_holds_have_no_mass() -> None:
    few = TextTokenizer(WORDS)
    lm = tokkit.load_lm((tiny_model("llama", vocab_size=few.vocab_size).double(), few))
    model = Byteified(ByteifiedConfig(described(lm, TokenReader(lm)), SHAPE), lm).double().eval()
    for text in ("x", "abx", "a\xe8 b", "ab a"):
        assert np.isfinite(model.logprob(text)) == np.isfinite(lm.logprob(text))
    assert np.all(model.next_byte_logprobs("ab xa") == -np.inf)
    with pytest.raises(ModelError, match="no mass"):
        model.generate("ab x", max_bytes=3)


def test_a_model_that_reads_bytes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnsupportedError, match="reads bytes already"):
        byteify(byteified(), b"text" * 1000, tmp_path, TrainingOptions(steps=1))  # type: ignore[arg-type]


def test_states_that_half_precision_does_not_hold_are_no_lessons(tmp_path: Path) -> None:
    lm = token_model()
    (lesson,) = made_lessons(lm, TokenReader(lm), Windows.of([b"Hi there"], ends=True))
    (tmp_path / "right").write_bytes(_written([lesson]))
    (again,) = read_lessons(tmp_path / "right")
    np.testing.assert_allclose(again.view.states, lesson.view.states, rtol=1e-3, atol=1e-6)
    large = replace(lesson.view, states=lesson.view.states * 1e9)
    with pytest.raises(ModelError, match=r"beyond 65,504"):
        _written([replace(lesson, view=large)])
