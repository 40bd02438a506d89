"""A transferred model is a plain model that keeps what it can keep.

The laws: the same tokenizer changes nothing, a permuted one permutes, and a reloaded model is the
same.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
import tokkit
from tests.hypernets.plain_models.toy_models import (
    ARCHITECTURES,
    BOTH_SIDES,
    MASKED,
    logits,
    toy_model,
    toy_tokenizer,
)
from tests.test_wrong_types import complaints, parameters
from tests.text.format_samples import CORPUS
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.hypernets.methods import METHODS
from tokkit.hypernets.transfer import transfer

SCALED = ("cohere", "granite", "gemma2")
QUICK = ("llama", "gpt2", "phi", "bert")
KINDS = [k if k in QUICK else pytest.param(k, marks=pytest.mark.slow) for k in ARCHITECTURES]
TEXT = "\n".join(CORPUS) * 12


def permuted(fast: Any, order: Any) -> Any:
    """The tokenizer whose token `order[i]` is what token i was."""
    document = json.loads(fast.backend_tokenizer.to_str())
    document["model"]["vocab"] = {
        text: int(order[token]) for text, token in document["model"]["vocab"].items()
    }
    for added in document["added_tokens"]:
        added["id"] = int(order[added["id"]])
    import tokenizers

    inner = tokenizers.Tokenizer.from_str(json.dumps(document))
    names = {role: getattr(fast, role) for role in ("bos_token", "eos_token", "pad_token")}
    return transformers.PreTrainedTokenizerFast(tokenizer_object=inner, **names)


@pytest.fixture(scope="module")
def small() -> Any:
    return toy_tokenizer(280)


@pytest.fixture(scope="module")
def large() -> Any:
    return toy_tokenizer(340)


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_tokenizer_leaves_the_logits_unchanged(kind: str, small: Any) -> None:
    model = toy_model(kind, 280)
    result = transfer((model, small), small)
    ids = small(TEXT[:80])["input_ids"][:30]
    assert torch.equal(logits(result.model, ids), logits(model, ids))
    assert result.report.n_copied == 280


@pytest.mark.parametrize("kind", KINDS)
def test_a_permuted_vocabulary_permutes_the_logits(kind: str, small: Any) -> None:
    model = toy_model(kind, 280)
    order = np.random.default_rng(0).permutation(280)
    result = transfer((model, small), permuted(small, order))
    ids = small(TEXT[:80])["input_ids"][:30]
    found = logits(result.model, order[ids].tolist())[:, torch.from_numpy(order)]
    torch.testing.assert_close(found, logits(model, ids), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
def test_a_reloaded_model_and_tokenizer_are_the_same(
    kind: str, small: Any, large: Any, tmp_path: Path
) -> None:
    model = toy_model(kind, 280)
    result = transfer((model, small), large)
    result.save(tmp_path / "made")
    again = type(result.model).from_pretrained(tmp_path / "made")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tmp_path / "made")
    ids = tokenizer(TEXT[:200], add_special_tokens=False)["input_ids"][:40]
    assert ids == tokkit.load_tokenizer(large).encode(TEXT[:200])[:40]
    assert torch.equal(logits(again, ids), logits(result.model, ids))
    assert torch.isfinite(logits(again, ids)).all()
    plain = kind not in (*MASKED, *BOTH_SIDES, *SCALED)
    assert result.report.method == ("shared-first" if plain else "mean")


@pytest.mark.parametrize(
    "method",
    [name for name, each in METHODS.items() if not each.distillation and not each.wants_hypernet],
)
def test_every_method_reports_the_cost_on_text_it_did_not_see(
    method: str, small: Any, large: Any
) -> None:
    if method == "focus":
        pytest.importorskip("gensim")
    model = toy_model("llama", 280)
    donor = (toy_model("gpt2", 340), large) if METHODS[method].wants_donor else None
    result = transfer((model, small), large, method=method, donor=donor, text=TEXT)
    bits = result.report.bits_per_byte
    assert bits is not None
    assert bits.bytes_per_token_after > bits.bytes_per_token_before
    assert 0 < bits.n_bytes < len(TEXT.encode()) / 3
    assert np.isfinite([bits.before, bits.control, bits.after]).all()
    assert result.report.n_tokens == 340
    json.dumps(result.report.to_dict())


def test_the_control_of_the_same_tokenizer_is_the_model_itself(small: Any) -> None:
    result = transfer((toy_model("llama", 280), small), small, text=TEXT)
    bits = result.report.bits_per_byte
    assert bits is not None
    assert bits.before == bits.control == bits.after


def test_a_text_brings_the_shared_model_nearer_to_it(small: Any, large: Any) -> None:
    model = toy_model("llama", 280)
    without, with_text = (
        transfer((model, small), large, method="shared-first", text=text) for text in (None, TEXT)
    )
    ids = tokkit.load_tokenizer(large).encode(TEXT[:600])
    losses = [
        -torch.log_softmax(logits(each.model, ids[:60])[:-1], -1)[range(59), ids[1:60]].sum()
        for each in (without, with_text)
    ]
    assert losses[1] < losses[0]


@pytest.mark.parametrize(("kind", "method"), [("gpt2", "shared-first"), ("bert", "mean")])
def test_a_model_that_is_being_trained_is_read_without_dropout(
    kind: str, method: str, small: Any, large: Any
) -> None:
    dropout = {"attn_pdrop": 0.5, "resid_pdrop": 0.5, "embd_pdrop": 0.5}
    found = []
    for training in (False, True):
        model = toy_model(kind, 280, **(dropout if kind == "gpt2" else {})).train(training)
        part = next(each for each in model.modules() if isinstance(each, torch.nn.Dropout)).eval()
        found.append(transfer((model, small), large, method=method, text=TEXT))
        assert model.training == found[-1].model.training == training
        assert not part.training
    assert found[0].report.bits_per_byte == found[1].report.bits_per_byte
    for name, each in found[0].model.state_dict().items():
        assert torch.equal(each, found[1].model.state_dict()[name])


def test_the_source_stays_as_it_is(small: Any, large: Any) -> None:
    model = toy_model("llama", 280)
    before = {name: value.clone() for name, value in model.state_dict().items()}
    transfer((model, small), large, text=TEXT)
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not model.get_output_embeddings()._forward_pre_hooks


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "meen"}, "unknown method 'meen'"),
        ({"donor": "smollm2"}, "wants no donor; leave it out, or use method='omp'"),
        ({"method": "omp"}, "wants a donor"),
        ({"k": 4}, "has no k; leave it out, or use method='omp'"),
        ({"method": "omp", "donor": "smollm2", "k": 0}, "k must be"),
        ({"text": " \n"}, "text is empty"),
        ({"text": 5}, "expected"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_bad_options_are_told_before_anything_is_loaded(
    options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        transfer("no/such/model", "no/such/tokenizer", **options)


@pytest.mark.parametrize("kind", ["bert", "gemma2"])
def test_a_method_for_linear_heads_is_refused_by_name_elsewhere(
    kind: str, small: Any, large: Any
) -> None:
    model = toy_model(kind, 280, final_logit_softcapping=0.5)
    with pytest.raises(UnsupportedError, match="use method='mean'"):
        transfer((model, small), large, method="shared-first")


@pytest.mark.parametrize("key", parameters(transfer))
def test_a_wrong_type_is_refused_by_name(key: str, small: Any) -> None:
    right = {"model": (toy_model("llama", 280), small), "tokenizer": small}
    assert not complaints(transfer, right, key, parameters(transfer)[key], dear=True)
