"""Objects that other libraries have loaded are taken where a source is, and stay what they are."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

import tokkit
from tests.bytelm.lm_helpers import full_context_logprobs
from tests.bytelm.toy_models import ab_lm
from tests.interop.loaded import TEXT, toy_hf_model, toy_hf_tokenizer, toy_tokenizers_object
from tokkit.bytelm.token_models.transformers.layers.int8_weights import quantize_linears
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import ArgumentError, ModelError, UnsupportedError


@pytest.fixture(scope="module")
def tokenizer() -> Any:
    return toy_hf_tokenizer()


@pytest.fixture(scope="module")
def model(tokenizer: Any) -> Any:
    return toy_hf_model(tokenizer)


@pytest.fixture(scope="module")
def lm(model: Any, tokenizer: Any) -> tokkit.ByteLM:
    return tokkit.load_lm(model, tokenizer)


@pytest.fixture(scope="module")
def folder(model: Any, tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model")
    with quiet_transformers():
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
    return path


def test_a_loaded_model_and_tokenizer_give_what_the_model_gives(lm: Any, model: Any) -> None:
    ids = lm.tokenizer.encode("a cab")
    expected = full_context_logprobs(model, [0, *ids])
    found = lm.token_lm.next_token_logprobs([ids])[0]
    np.testing.assert_allclose(found, expected, atol=5e-5, rtol=0)


def test_every_way_to_give_them_is_one_model(
    lm: Any, model: Any, tokenizer: Any, folder: Path
) -> None:
    loaded = transformers.AutoModelForCausalLM.from_pretrained(folder)
    pipe = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer)
    ways = {
        "pair": tokkit.load_lm((model, tokenizer)),
        "tokkit's tokenizer": tokkit.load_lm(model, tokkit.load_tokenizer(tokenizer)),
        "tokenizers' object": tokkit.load_lm(model, toy_tokenizers_object(), bos_ids=0, eos_ids=0),
        "the tokenizer's folder": tokkit.load_lm(model, folder),
        "a model that knows its folder": tokkit.load_lm(loaded),
        "pipeline": tokkit.load_lm(pipe),
        "folder": tokkit.load_lm(folder),
        "a token model": tokkit.load_lm(lm.token_lm),
        "itself": tokkit.load_lm(lm),
    }
    expected = lm.logprob(TEXT)
    found = {way: each.logprob(TEXT) for way, each in ways.items()}
    assert found == pytest.approx(dict.fromkeys(ways, expected), abs=1e-3)


def test_a_model_from_nowhere_needs_its_tokenizer(model: Any) -> None:
    with pytest.raises(ArgumentError, match=r"without its tokenizer .*load_lm\(model, tokenizer\)"):
        tokkit.load_lm(model)


def test_options_of_loading_are_refused_for_what_is_loaded(lm: Any, model: Any) -> None:
    with pytest.raises(ArgumentError, match="dtype: the ByteLM is loaded already"):
        tokkit.load_lm(lm, dtype="float32")
    with pytest.raises(ArgumentError, match="device_map spreads a model as it is loaded"):
        tokkit.load_lm(model, toy_hf_tokenizer(), device_map="auto")


def test_torch_names_its_dtypes_and_devices_itself(folder: Path) -> None:
    lm = tokkit.load_lm(folder, dtype=torch.float64, device=torch.device("cpu"))
    assert "float64 on cpu" in repr(lm.token_lm)
    with pytest.raises(ArgumentError, match="expected one of float64"):
        tokkit.load_lm(folder, dtype=torch.int8)


def test_a_model_is_moved_in_place_and_its_old_states_are_refused(folder: Path) -> None:
    lm = tokkit.load_lm(folder, packed=False)
    before, state = lm.logprob(TEXT), lm.open("a ca")
    state.logprobs()
    assert lm.to(torch.float64) is lm
    assert lm.logprob(TEXT) == pytest.approx(before, abs=1e-3)
    state.push("b")
    with pytest.raises(ModelError, match="moved or converted after this state was opened"):
        state.logprobs()


def test_what_cannot_be_moved_says_so(folder: Path) -> None:
    with pytest.raises(UnsupportedError, match="packed=False"):
        tokkit.load_lm(folder).to("cpu")
    with pytest.raises(UnsupportedError, match="NgramLM stays where it is"):
        ab_lm("a", "ab").to("cpu")


@pytest.mark.filterwarnings("ignore")  # of accelerate, about weights on disk
def test_layers_that_wait_on_disk_give_the_same_numbers(
    lm: Any, folder: Path, tmp_path: Path
) -> None:
    parts = ("model.embed_tokens", "model.norm", "model.rotary_emb", "lm_head", "model.layers.0")
    places = dict.fromkeys(parts, "cpu") | {"model.layers.1": "disk", "model.layers.2": "disk"}
    with quiet_transformers():
        model = transformers.AutoModelForCausalLM.from_pretrained(
            folder, device_map=places, offload_folder=tmp_path
        )
    spread: Any = tokkit.load_lm(model)
    assert spread.logprob(TEXT) == pytest.approx(lm.logprob(TEXT), abs=1e-3)
    assert "several devices" in str(spread.token_lm.rejected_ways)
    with pytest.raises(UnsupportedError, match="spread by device_map"):
        spread.to("cpu")


def test_a_device_map_is_passed_on(lm: Any, folder: Path) -> None:
    found = tokkit.load_lm(folder, device_map={"": "cpu"})
    assert found.logprob(TEXT) == pytest.approx(lm.logprob(TEXT), abs=1e-3)


class PackedHead(torch.nn.Module):
    """A head as quantisers leave it: integers, in a shape that says nothing."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.out_features, self.in_features = head.weight.shape
        self.scale = float(head.weight.detach().abs().max()) / 127
        whole = torch.round(head.weight.detach() / self.scale).to(torch.int8)
        self.weight = torch.nn.Parameter(whole.reshape(-1, 1), requires_grad=False)

    def forward(self, rows: Any) -> Any:
        weight = self.weight.reshape(self.out_features, self.in_features).to(rows.dtype)
        return torch.nn.functional.linear(rows, weight * self.scale)


def test_a_quantised_model_is_taken_as_it_is(tokenizer: Any) -> None:
    model = toy_hf_model(tokenizer).bfloat16()
    quantize_linears(model)
    model.set_output_embeddings(PackedHead(model.get_output_embeddings()))
    model.is_quantized = True
    lm = tokkit.load_lm(model, tokenizer)
    ids = lm.tokenizer.encode("a cab")
    found = lm.token_lm.next_token_logprobs([ids])[0]
    expected = full_context_logprobs(model, [0, *ids])
    assert np.abs(np.exp(found) - np.exp(expected)).max() < 1e-2


def test_tokenizers_are_taken_as_their_library_has_them(tokenizer: Any) -> None:
    merged = tokkit.merge_batch([tokenizer.encode(TEXT)], tokenizer=tokenizer)
    assert merged.tokenizer.vocab_size == len(tokenizer)


# -- pickles, copies, and what an object says of itself ---------------------------------------


def _models(lm: tokkit.ByteLM) -> Iterator[tokkit.ByteLM | tokkit.ByteEnsemble]:
    yield lm
    yield ab_lm("a", "abab", "aab").with_end_ids([3])
    yield tokkit.ByteEnsemble([ab_lm("a", "abab"), ab_lm("b", "bba")], combine="product")


def test_models_are_pickled_and_copied_with_their_laws(lm: Any) -> None:
    for model in _models(lm):
        for twin in (pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):  # noqa: S301
            np.testing.assert_array_equal(
                twin.next_byte_logprobs("a"), model.next_byte_logprobs("a")
            )
            assert twin.name == model.name


def test_a_packed_model_is_pickled(folder: Path) -> None:
    lm: Any = tokkit.load_lm(folder)
    twin = pickle.loads(pickle.dumps(lm))  # noqa: S301
    assert twin.logprob(TEXT) == pytest.approx(lm.logprob(TEXT), abs=1e-6)
    assert twin.token_lm.rejected_ways == lm.token_lm.rejected_ways


def test_states_are_copied_as_forks_and_never_pickled() -> None:
    lm = ab_lm("a", "abab", "aab")
    for state in (lm.open("a"), tokkit.ByteEnsemble([lm]).open("a")):
        twin = copy.deepcopy(state)
        twin.push("b")
        np.testing.assert_array_equal(state.logprobs(), lm.next_byte_logprobs("a"))
        with pytest.raises(UnsupportedError, match="holds caches of this process"):
            pickle.dumps(state)


def test_objects_say_in_one_line_what_they_are(lm: Any) -> None:
    toy = ab_lm("toy", "abab")
    together = tokkit.ByteEnsemble([toy, ab_lm("other", "b")], weights=[3, 1])
    said = {
        "ByteLM('toy', canonical encodings, 4 ids)": toy,
        "ByteEnsemble(mixture of {'toy': 0.75, 'other': 0.25})": together,
        "CoverState(after b'ab')": toy.open("ab"),
    }
    assert {expected: repr(each) for expected, each in said.items()} == {
        each: each for each in said
    }
    report = tokkit.score({"toy": toy}, "ab")
    for each in (lm.token_lm, together.open("a"), report, toy.token_lm, lm.open("a")):
        assert "\n" not in repr(each)
        assert type(each).__name__ in repr(each)
