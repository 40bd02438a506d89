"""Published checkpoints: a random one of their layout is read, and computed as the release does."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from safetensors.numpy import save_file

from tokkit.errors import ArgumentError, EncodingError, FormatError, UnsupportedError
from tokkit.models.flextok.release.reading import read_release

WIDTH, DEPTH, HEAD, TOKENS, CHANNELS, PATCH, SIDE = 16, 2, 8, 5, 3, 2, 3
LEVELS = [8, 5, 3]
HIDDEN = 42  # int(2 * 64 / 3)
MODULES = {
    "enc_channels_to_last": {
        "_target_": "flextok.model.utils.dict_ops.PerSampleOp",
        "read_key": "vae_latents", "write_key": "bhwc",
        "per_sample_op": {
            "_target_": "hydra.utils.get_method",
            "path": "flextok.model.utils.dict_ops.channels_first_to_last",
        },
    },
    "enc_patch_emb": {
        "_target_": "flextok.model.preprocessors.patching.PatchEmbedder",
        "input_tensor_list_read_key": "bhwc", "patches_list_write_key": "patched",
        "n_patches_write_key": "n_patches", "channels_in": CHANNELS, "dim": WIDTH,
        "patch_sizes": [PATCH, PATCH], "flatten_patches": False,
    },
    "enc_posemb_module": {
        "_target_": "flextok.model.utils.posembs.PositionalEmbeddingAdder",
        "read_key": "patched", "write_key": "patched", "dim": WIDTH, "max_sizes": [SIDE, SIDE],
        "posemb_type": "sincos", "posemb_scaling": "absolute",
    },
    "enc_register_module": {
        "_target_": "flextok.model.preprocessors.registers.Registers1D",
        "input_tensor_list_read_key": "patched", "register_sizes_read_write_key": "sizes",
        "registers_write_key": "registers", "dim": WIDTH, "n_min": TOKENS, "n_max": TOKENS,
        "size_sampling_mode": "uniform", "ordering_mode": "nested",
    },
    "enc_seq_packer": {
        "_target_": "flextok.model.preprocessors.flex_seq_packing.BlockWiseSequencePacker",
        "input_list_read_keys": ["patched", "registers"], "packed_seq_write_key": "packed",
        "block_mask_write_key": "mask", "inner_packed_shapes_write_key": "inner",
        "outer_packed_shapes_write_key": "outer", "mask_mode": "causal_last",
        "pad_to_multiple": 128,
    },
    "enc_transformer": {
        "_target_": "flextok.model.trunks.transformers.FlexTransformer",
        "input_seq_read_key": "packed", "output_seq_write_key": "packed", "dim": WIDTH,
        "depth": DEPTH, "head_dim": HEAD, "block_mask_read_key": "mask",
        "use_act_checkpoint": True,
    },
    "enc_unpacker": {
        "_target_": "flextok.model.postprocessors.seq_unpacking.SequenceUnpacker",
        "packed_seq_read_key": "packed", "inner_seq_write_keys": ["patched", "registers"],
        "inner_packed_shapes_read_key": "inner", "outer_packed_shapes_read_key": "outer",
    },
    "enc_to_latents": {
        "_target_": "flextok.model.postprocessors.heads.LinearHead",
        "read_key": "registers", "write_key": "registers", "dim": WIDTH, "dim_out": len(LEVELS),
        "use_mup_readout": False, "weight_init_style": "zero", "dtype_override": None,
    },
}  # fmt: skip
CONFIG: Any = {
    "vae": {"_target_": "flextok.vae_wrapper.StableDiffusionVAE"},
    "encoder": {
        "_target_": "flextok.model.utils.wrappers.SequentialModuleDictWrapper",
        "module_dict": MODULES,
    },
    "regularizer": {
        "_target_": "flextok.regularizers.quantize_fsq.FSQ", "latents_read_key": "registers",
        "quants_write_key": "quants", "tokens_write_key": "tokens", "levels": LEVELS,
        "packed_call": True,
    },
}  # fmt: skip


def random_tensors() -> dict[str, Any]:
    """Of the names and shapes that the release gives them."""
    random = np.random.default_rng(0)
    shapes: dict[str, tuple[int, ...]] = {
        "enc_patch_emb.patch_proj.weight": (WIDTH, CHANNELS * PATCH**2),
        "enc_patch_emb.patch_proj.bias": (WIDTH,),
        "enc_posemb_module.posembs": (1, WIDTH, SIDE, SIDE),
        "enc_register_module.registers": (TOKENS, WIDTH),
        "enc_to_latents.proj.weight": (len(LEVELS), WIDTH),
        "enc_to_latents.proj.bias": (len(LEVELS),),
    }
    for k in range(DEPTH):
        block = f"enc_transformer.blocks.{k}"
        shapes |= {f"{block}.attn.{name}.weight": (WIDTH, WIDTH) for name in ("wq", "wk", "wv")}
        shapes[f"{block}.attn.proj.weight"] = (WIDTH, WIDTH)
        shapes |= {f"{block}.mlp.{name}.weight": (HIDDEN, WIDTH) for name in ("fc1", "fc3")}
        shapes[f"{block}.mlp.fc2.weight"] = (WIDTH, HIDDEN)
    found = {
        f"encoder.module_dict.{name}": random.standard_normal(shape).astype(np.float32)
        for name, shape in shapes.items()
    }
    other = np.zeros(3, np.float32)
    return {**found, "decoder.module_dict.dec.weight": other, "vae.vae.encoder.bias": other}


TENSORS = random_tensors()


def write_folder(place: Path, config: Any = CONFIG, tensors: Any = TENSORS) -> Path:
    place.mkdir(exist_ok=True)
    (place / "config.json").write_text(json.dumps(config))
    save_file(tensors, place / "model.safetensors")
    return place


def normed(x: Any) -> Any:
    return (x - x.mean()) / np.sqrt(x.var() + 1e-5)


def of_the_release(latents: Any) -> list[int]:
    """The ids, in loops over places and heads, in float64."""
    named = {name.removeprefix("encoder.module_dict."): each for name, each in TENSORS.items()}
    w = {name: each.astype(np.float64) for name, each in named.items()}
    states: list[Any] = []
    for row in range(latents.shape[1] // PATCH):
        for column in range(latents.shape[2] // PATCH):
            numbers = [
                latents[c, PATCH * row + i, PATCH * column + j]
                for i in range(PATCH) for j in range(PATCH) for c in range(CHANNELS)
            ]  # fmt: skip
            x = w["enc_patch_emb.patch_proj.weight"] @ np.array(numbers)
            x = x + w["enc_patch_emb.patch_proj.bias"]
            states.append(x + w["enc_posemb_module.posembs"][0, :, row, column])
    n = len(states)
    states += list(w["enc_register_module.registers"])
    for k in range(DEPTH):
        at = f"enc_transformer.blocks.{k}"
        q, k_, v = (
            [w[f"{at}.attn.{name}.weight"] @ normed(x) for x in states]
            for name in ("wq", "wk", "wv")
        )
        seen = []
        for place in range(len(states)):
            readable = range(n) if place < n else range(place + 1)
            parts = []
            for head in range(0, WIDTH, HEAD):
                own = slice(head, head + HEAD)
                logits = np.array(
                    [normed(q[place][own]) @ normed(k_[other][own]) for other in readable]
                )
                shares = np.exp(logits * 8 / HEAD - (logits * 8 / HEAD).max())
                shares /= shares.sum()
                parts.append(sum(s * v[o][own] for s, o in zip(shares, readable, strict=True)))
            seen.append(w[f"{at}.attn.proj.weight"] @ np.concatenate(parts))
        states = [x + y for x, y in zip(states, seen, strict=True)]
        after = []
        for x in states:
            one = w[f"{at}.mlp.fc1.weight"] @ normed(x)
            gated = one / (1 + np.exp(-one)) * (w[f"{at}.mlp.fc3.weight"] @ normed(x))
            after.append(x + w[f"{at}.mlp.fc2.weight"] @ gated)
        states = after
    ids = []
    for x in states[n:]:
        z = w["enc_to_latents.proj.weight"] @ normed(x) + w["enc_to_latents.proj.bias"]
        unit, number = 1, 0
        for value, level in zip(z, LEVELS, strict=True):
            reach = (level - 1) * 1.001 / 2
            offset = 0.5 if level % 2 == 0 else 0.0
            place = round(np.tanh(value + np.arctanh(offset / reach)) * reach - offset)
            number += (place + level // 2) * unit
            unit *= level
        ids.append(number)
    return ids


@pytest.mark.parametrize("sides", [(6, 6), (4, 2), (2, 6)])
def test_a_random_checkpoint_gives_the_ids_of_the_release(
    sides: tuple[int, int], tmp_path: Path
) -> None:
    model = read_release(write_folder(tmp_path / "made"))
    latents = np.random.default_rng(1).standard_normal((CHANNELS, *sides)).astype(np.float32)
    ids = model.encode_latents(latents)
    assert ids.tolist() == of_the_release(latents)
    assert len(set(ids.tolist())) > 1
    np.testing.assert_array_equal(model.encode_latents(latents, budget=2), ids[:2])


def test_ids_stand_for_points_of_the_grid(tmp_path: Path) -> None:
    model = read_release(write_folder(tmp_path / "made"))
    assert model.vocab_size == 8 * 5 * 3
    digits = [3, 0, 2]
    number = digits[0] + 8 * digits[1] + 40 * digits[2]
    found = model.codes([number])[0]
    np.testing.assert_allclose(found, [(3 - 4) / 4, (0 - 2) / 2, (2 - 1) / 1])
    with pytest.raises(EncodingError):
        model.codes([120])
    with pytest.raises(ArgumentError, match="has 5"):
        model.codes([0] * 6)


def test_a_file_with_its_configuration_is_the_same(tmp_path: Path) -> None:
    folder = read_release(write_folder(tmp_path / "made"))
    metadata = {key: str(value) for key, value in CONFIG.items()}
    save_file(TENSORS, tmp_path / "one.safetensors", metadata=metadata)
    single = read_release(tmp_path / "one.safetensors")
    latents = np.ones((CHANNELS, 4, 4), np.float32)
    np.testing.assert_array_equal(single.encode_latents(latents), folder.encode_latents(latents))
    nested = read_release(write_folder(tmp_path / "nested", {"config": CONFIG}))
    assert nested.layout == folder.layout


def changed(path: str, value: Any) -> Any:
    """The configuration with another value, or without one."""
    config = deepcopy(CONFIG)
    place = config
    *outer, last = path.split("/")
    for key in outer:
        place = place[key]
    place[last] = value
    return config


AT = "encoder/module_dict"


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("encoder/_target_", "os.system", "'system', expected a SequentialModuleDictWrapper"),
        (
            f"{AT}/enc_transformer/_target_",
            "x.FlexTransformerDecoder",
            "expected a FlexTransformer",
        ),
        (f"{AT}/enc_transformer/rope_forward_read_key", "rope", "rope_forward_read_key"),
        (f"{AT}/enc_transformer/gated_mlp", False, "gated_mlp is False"),
        (f"{AT}/enc_transformer/act_layer", "torch.nn.GELU", "only SiLU"),
        (f"{AT}/enc_transformer/wings", 2, "'wings' is not known"),
        (f"{AT}/enc_to_latents/use_mup_readout", True, "use_mup_readout is True"),
        (f"{AT}/enc_to_latents/read_key", "patched", "the one before it writes 'registers'"),
        (f"{AT}/enc_seq_packer/mask_mode", "full", "only 'causal_last'"),
        (f"{AT}/enc_posemb_module/posemb_type", "learnable_sum", "only 'sincos'"),
        (f"{AT}/enc_register_module/n_eval", 2, "n_eval is 2"),
        (f"{AT}/enc_register_module/ordering_mode", "avg_pool", "only 'nested'"),
        (f"{AT}/enc_patch_emb/patch_sizes", [2, 1], "only squares"),
        (f"{AT}/enc_channels_to_last/per_sample_op", "os.system", "per_sample_op"),
        ("encoder/module_dict", {}, "expected 8 modules"),
    ],
)
def test_an_encoder_of_another_make_is_refused_by_name(
    path: str, value: Any, message: str, tmp_path: Path
) -> None:
    with pytest.raises(UnsupportedError, match=message):
        read_release(write_folder(tmp_path / "made", changed(path, value)))


@pytest.mark.parametrize(
    ("path", "value", "message"),
    [
        ("regularizer/levels", [8, 5], "there are 2 levels"),
        ("regularizer/levels", [8, 5, 1], "2 or more each"),
        ("regularizer/levels", "8", "expected some numbers"),
        (f"{AT}/enc_transformer/dim", 32, "the transformer's 32"),
        (f"{AT}/enc_transformer/head_dim", 5, "do not make up"),
        (f"{AT}/enc_transformer/depth", 3, "not in both"),
        (f"{AT}/enc_transformer/mlp_ratio", 2.0, "expected"),
        (f"{AT}/enc_register_module/n_max", 6, r"expected \(6, 16\)"),
        ("encoder", 3, "names its class"),
    ],
)
def test_what_does_not_fit_is_refused(path: str, value: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(FormatError, match=message):
        read_release(write_folder(tmp_path / "made", changed(path, value)))


def test_other_files_are_refused(tmp_path: Path) -> None:
    name = "encoder.module_dict.enc_to_latents.proj.bias"
    broken = {**TENSORS, name: np.full(len(LEVELS), np.nan, np.float32)}
    with pytest.raises(FormatError, match="not finite"):
        read_release(write_folder(tmp_path / "nan", tensors=broken))
    save_file(TENSORS, tmp_path / "plain.safetensors")
    with pytest.raises(FormatError, match="give the folder"):
        read_release(tmp_path / "plain.safetensors")
    deep = {"encoder": "[" * 5000, "regularizer": "{}"}
    save_file(TENSORS, tmp_path / "deep.safetensors", metadata=deep)
    with pytest.raises(FormatError, match="no literal"):
        read_release(tmp_path / "deep.safetensors")
    (tmp_path / "text.safetensors").write_text("text")
    with pytest.raises(FormatError, match="not a safetensors file"):
        read_release(tmp_path / "text.safetensors")
    with pytest.raises(FormatError, match="cannot read"):
        read_release(tmp_path / "none")


@pytest.mark.parametrize(
    "latents",
    [
        np.zeros((CHANNELS, 5, 4), np.float32),
        np.zeros((CHANNELS, 8, 4), np.float32),
        np.zeros((CHANNELS + 1, 4, 4), np.float32),
        np.zeros((CHANNELS, 4, 4), np.uint8),
        np.full((CHANNELS, 4, 4), np.inf, np.float32),
        np.zeros((CHANNELS, 0, 4), np.float32),
    ],
)
def test_other_latents_are_refused(latents: Any, tmp_path: Path) -> None:
    model = read_release(write_folder(tmp_path / "made"))
    with pytest.raises(ArgumentError, match="latents"):
        model.encode_latents(latents)
