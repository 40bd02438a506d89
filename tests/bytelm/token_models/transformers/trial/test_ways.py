"""Each kind of architecture is evaluated as fresh plain passes do, or refused as what it is."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from benchmarks.backends.architectures import (
    LONGROPE,
    VARIANTS,
    build,
    contexts,
    found_rows,
    is_causal,
    types,
)
from benchmarks.backends.small_models import small_config, small_model
from tests.bytelm.lm_helpers import FakeTokenizer, full_context_logprobs
from tokkit.bytelm.token_models.transformers.layers.packed_linear import PackedLinear, can_pack
from tokkit.bytelm.token_models.transformers.loading import load_token_lm
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
from tokkit.bytelm.token_models.transformers.trial.length_limits import find_limits, narrowed
from tokkit.bytelm.token_models.transformers.trial.trial_texts import total_variation
from tokkit.errors import ArgumentError, UnsupportedError

TOKENIZER: Any = FakeTokenizer(vocab_size=280)
QUICK = {
    "mistral, LongRoPE": "tree",
    "falcon": "tree",
    "gptj": "tree",
    "gpt_neo": "states",
    "falcon, ALiBi": "states",
    "mamba": "steps",
}
SLOW = {
    "llama": "tree",
    "gemma3_text": "tree",
    "bloom": "states",
    "phi3, LongRoPE": "tree",
    "gpt_oss": "tree",
    "mixtral": "tree",
    "mpt": "states",
    "jamba": "steps",
    "rwkv": "states",
    "llama4_text": "states",
    "qwen3_next": "states",
    "lfm2": "states",
    "deepseek_v32": "passes",
    "bert, decoder": "states",
    "moshi": "passes",
}
WAYS = [
    *QUICK.items(),
    *(pytest.param(kind, way, marks=pytest.mark.slow) for kind, way in SLOW.items()),
]


@cache
def _model(kind: str) -> Any:
    with quiet_transformers():
        return build(kind)


def _assert_law(lm: TransformersLM, texts: list[list[int]], rows: np.ndarray) -> None:
    for ids, row in zip(texts, rows, strict=True):
        expected = full_context_logprobs(lm._model, [*lm.bos_ids, *ids])[: lm.vocab_size]
        gap = total_variation(row, expected)
        assert gap <= 2e-5, (len(ids), gap)


@pytest.mark.parametrize(("kind", "way"), WAYS)
def test_trees_and_batches_equal_fresh_passes_beyond_every_window_and_switch(
    kind: str, way: str
) -> None:
    lm = TransformersLM(_model(kind), TOKENIZER)
    assert lm.way == way, lm.rejected_ways
    texts = contexts()[1:]
    _assert_law(lm, texts, found_rows(lm, texts, forest=False))
    _assert_law(lm, texts[::3], found_rows(lm, texts[::3], forest=True))


@pytest.mark.parametrize(
    ("kind", "wide", "way"),
    [
        ("gpt_neo", {"window_size": 64}, "states"),
        ("mistral", {"sliding_window": 64}, "tree"),
        ("llama", {"rope_parameters": LONGROPE | {"original_max_position_embeddings": 64}}, "tree"),
        ("llama", {"sliding_window": 64}, "passes"),  # only transformers' cache heeds it
        pytest.param(
            "llama4_text",
            {"attention_chunk_size": 64, "floor_scale": 64},
            "states",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_window_too_wide_to_be_reached_at_loading_is_heeded(
    kind: str, wide: dict[str, Any], way: str
) -> None:
    """The trial sees some 13 tokens; what begins at 65 is found all the same."""
    lm = TransformersLM(small_model(small_config(kind, **wide)), TOKENIZER)
    assert lm.way == way, lm.rejected_ways
    ids = np.random.default_rng(0).integers(3, 280, 90).tolist()
    texts = [ids[:63], ids[:64], ids, [*ids[:80], 5, 7, 9]]
    _assert_law(lm, texts, found_rows(lm, texts, forest=False))


@pytest.mark.parametrize(
    ("window", "n_positions", "way"),
    [(100, 128, "states"), (600, 1024, "passes"), (600, 512, "states")],
)
def test_a_limit_that_no_trial_reaches_is_not_trusted(
    window: int, n_positions: int, way: str
) -> None:
    """GPT-Neo copies its window into a buffer, where narrowing does not find it."""
    config = small_config("gpt_neo", window_size=window, max_position_embeddings=n_positions)
    lm = TransformersLM(small_model(config), TOKENIZER)
    assert lm.way == way, lm.rejected_ways


def test_what_begins_in_the_middle_of_a_text_changes_no_sum() -> None:
    """A text of 24 tokens under LongRoPE that switches at 16, read in steps and scored at once."""
    lm = TransformersLM(_model("mistral, LongRoPE"), TOKENIZER)
    ids = np.random.default_rng(1).integers(3, 280, 24).tolist()
    session, steps, known = lm.session(), [], lm.session()
    node, nodes = session.root, [known.root]
    for token in ids:
        steps.append(session.logprobs([node])[0, token])
        node = session.extend(node, token)
        nodes.append(known.extend(nodes[-1], token))
    at_once = known.logprobs(nodes[:-1])[np.arange(24), ids]
    plain = [full_context_logprobs(lm._model, [1, *ids[:n]])[ids[n]] for n in range(24)]
    np.testing.assert_allclose(steps, plain, atol=5e-5, rtol=0)
    np.testing.assert_allclose(at_once, plain, atol=5e-5, rtol=0)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("drawn", [True, False])
@pytest.mark.parametrize("kind", ["bert", "roberta"])
def test_bidirectional_models_are_refused_in_any_precision(
    kind: str, drawn: bool, dtype: str
) -> None:
    """With weights that matter, and as transformers initialises them: nearly flat."""
    import transformers

    torch.manual_seed(0)
    auto_model: Any = transformers.AutoModelForCausalLM
    with quiet_transformers():
        config = small_config(kind)
        model = small_model(config) if drawn else auto_model.from_config(config)
    with pytest.raises(UnsupportedError, match="no causal language model.*is_decoder"):
        TransformersLM(model.to(getattr(torch, dtype)), TOKENIZER)


def test_a_way_can_be_chosen_where_it_is_right() -> None:
    assert TransformersLM(_model("gpt_neo"), TOKENIZER, way="passes").way == "passes"
    with pytest.raises(UnsupportedError, match="way='tree' is not right for it.*leave the option"):
        TransformersLM(_model("gpt_neo"), TOKENIZER, way="tree")
    for checked in (True, False):
        with pytest.raises(UnsupportedError, match="way='tree'.*linear_attention"):
            TransformersLM(_model("mamba"), TOKENIZER, way="tree", self_check=checked)
    with pytest.raises(ArgumentError, match="way must be one of 'tree', 'states'"):
        TransformersLM(_model("gpt_neo"), TOKENIZER, way="fast")  # type: ignore[arg-type]


def test_a_long_text_is_not_read_token_by_token() -> None:
    lm = TransformersLM(_model("mamba"), TOKENIZER, max_batch_tokens=16)
    session = lm.session()
    session.logprobs([session.root])
    node = session.root
    for token in range(3, 63):
        node = session.extend(node, token)
    rows = session.logprobs([node, session.extend(node, 7)])
    assert session.n_forward_passes == 3
    _assert_law(lm, [[*range(3, 63)], [*range(3, 63), 7]], rows)


def test_narrowing_leaves_no_trace() -> None:
    model = _model("mistral, LongRoPE")
    before = model.config.to_dict()
    limits = find_limits(model.config)
    assert [limit.value for limit in limits] == [8, 16]
    for limit in limits:
        with narrowed(model, limit):
            assert model.config.to_dict() != before
        assert model.config.to_dict() == before


def test_positions_that_are_not_limited_are_not_refused() -> None:
    """Some configurations say so by a negative number."""
    model = build("llama")
    model.config.max_position_embeddings = -1
    assert TransformersLM(model, TOKENIZER).max_context is None


# Loading ----------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Saves a small model of a kind, once."""
    root = tmp_path_factory.mktemp("models")

    def folder(kind: str) -> Path:
        path = root / kind
        if not path.exists():
            with quiet_transformers():
                _model(kind).save_pretrained(path)
        return path

    return folder


@pytest.mark.parametrize(
    ("kind", "attention"), [("gptj", "eager"), ("falcon", "sdpa"), ("jamba", "sdpa")]
)
def test_every_kind_loads_by_default(folders: Any, kind: str, attention: str) -> None:
    """GPT-J has eager attention only; Falcon looks at the name of its own; Jamba's code reaches
    into layers that are packed elsewhere."""
    lm = load_token_lm(folders(kind), tokenizer=TOKENIZER)
    assert lm._model.config._attn_implementation == attention
    expected = full_context_logprobs(_model(kind), [1, 4, 5])[:280]
    np.testing.assert_allclose(lm.next_token_logprobs([[4, 5]])[0], expected, atol=5e-5, rtol=0)
    if can_pack(_model(kind)):
        packed = any(isinstance(module, PackedLinear) for module in lm._model.modules())
        assert packed == (kind != "jamba")


def test_attention_can_be_chosen(folders: Any) -> None:
    lm = load_token_lm(folders("falcon"), tokenizer=TOKENIZER, attn_implementation="eager")
    assert lm._model.config._attn_implementation == "eager"
    with pytest.raises(ArgumentError, match="attn_implementation is 'nonsense'.*'eager'"):
        load_token_lm(folders("falcon"), tokenizer=TOKENIZER, attn_implementation="nonsense")
    with pytest.raises(ArgumentError, match=r"set_attn_implementation"):
        load_token_lm((_model("gptj"), TOKENIZER), attn_implementation="sdpa")


# The whole sweep --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_sweep_knows_every_type_and_variant() -> None:
    assert len(types()) == len(set(types())) > 150
    assert all(base in types() for base, _ in VARIANTS.values())
    assert is_causal(_model("llama"))
    assert not is_causal(_model("bert"))
