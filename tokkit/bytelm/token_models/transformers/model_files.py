"""The weights and the configuration of a folder or a GGUF file, as a model of transformers.

Nothing is downloaded, no code of the model's author is run, and weights must be safetensors or
GGUF. GGUF weights are dequantised; what is left of their quantisation is cleared, so that the model
can be saved like any other.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from tokkit.bytelm.token_models.transformers.left_out import (
    refuse_left_out,
    refuse_left_out_of_folder,
)
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import (
    ArgumentError,
    FormatError,
    ModelError,
    TokkitError,
    UnsupportedError,
    is_out_of_memory,
)
from tokkit.files.gguf_layout import GGUFLayout, read_layout, require_gguf
from tokkit.files.reading import read_head, refuse_lfs_pointers_in

if TYPE_CHECKING:
    import torch

CAUSAL = "AutoModelForCausalLM"
_HEADROOM = 1.1
"""What loading needs at its peak, over the weights alone."""
_MAX_LAYERS = 4096
"""More are a damaged configuration, and would take hours to lay out."""


@dataclass(frozen=True)
class Placing:
    """Where the weights go, and how they attend.

    Attributes:
        device: where they are put.
        attention: transformers' name of an attention, or None for the best exact one.
        device_map: of a folder: how its layers are spread, in place of `device`; or None.
    """

    device: torch.device
    attention: str | None = None
    device_map: str | Mapping[str, Any] | None = None


def load_model(
    path: Path, dtype: torch.dtype, placing: Placing, *, auto_class: str = CAUSAL
) -> Any:
    """Weights and configuration, whatever they lie in.

    Args:
        path: a folder with `config.json` and safetensors, or a GGUF file.
        dtype: what weights are converted to.
        placing: where they are put.
        auto_class: the class of transformers that chooses the model's, as `"AutoModelForMaskedLM"`.

    Raises:
        FormatError: a missing, damaged or truncated file.
        ModelError: the weights do not fit their configuration or the memory.
        UnsupportedError: a model that transformers cannot run, or not as this class.
        ArgumentError: an attention that the model does not have.
    """
    with quiet_transformers():
        try:
            load = _load_gguf if path.is_file() else _load_folder
            model, info = load(path, dtype, placing, auto_class)
        except TokkitError:
            raise
        except NotImplementedError as error:
            raise UnsupportedError(f"{path}: transformers cannot run it: {error}") from error
        except Exception as error:  # transformers has no error type of its own
            if is_out_of_memory(error):
                raise ModelError(f"{path}: memory ran out; try dtype='bfloat16'") from error
            attention = placing.attention
            if attention is not None and "attn_implementation" in str(error):
                raise ArgumentError(
                    f"attn_implementation is {attention!r}: {_first_lines(error)}; leave it out, "
                    "or pass 'eager'"
                ) from error
            if path.is_dir():
                refuse_lfs_pointers_in(path)
            raise ModelError(
                f"{path}: the weights cannot be loaded ({type(error).__name__}: "
                f"{_first_lines(error)}); check that configuration and weights belong together"
            ) from error
    for kind, cause in (("missing_keys", "lacks"), ("mismatched_keys", "has the wrong shape for")):
        keys = sorted(str(key) for key in info.get(kind) or ())
        if keys:
            raise ModelError(
                f"{path}: the file {cause} {len(keys)} of the model's weights, such as {keys[0]}; "
                "check that configuration and weights belong together"
            )
    if path.is_dir():
        refuse_left_out_of_folder(path, info.get("unexpected_keys") or (), model)
    return model if placing.device_map is not None else model.to(placing.device)


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _load_folder(
    path: Path, dtype: torch.dtype, placing: Placing, auto_class: str
) -> tuple[Any, dict[str, Any]]:
    import transformers

    # The auto classes' return types depend on their options in ways that their hints do not say.
    auto_config: Any = transformers.AutoConfig
    auto_model: Any = getattr(transformers, auto_class)
    if not (path / "config.json").is_file():
        raise FormatError(f"{path}: no config.json, expected a folder with config.json and weights")
    if not any(path.glob("*.safetensors")):
        refuse_lfs_pointers_in(path)
        raise FormatError(f"{path}: no *.safetensors; other weights are not loaded, convert them")
    try:
        config = auto_config.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        read_head(path / "config.json")
        raise FormatError(f"{path}/config.json: {_first_lines(error)}") from error
    skeleton = _skeleton(path, config, auto_class)
    if placing.device_map is None:
        _check_memory(path, skeleton, dtype)
    options: dict[str, Any] = {
        "local_files_only": True,
        "use_safetensors": True,
        "trust_remote_code": False,
    }
    options |= _options(skeleton, dtype, placing.attention)
    if placing.device_map is not None:
        options["device_map"] = placing.device_map
    return auto_model.from_pretrained(path, config=config, **options)


def _load_gguf(
    path: Path, dtype: torch.dtype, placing: Placing, auto_class: str
) -> tuple[Any, dict[str, Any]]:
    import transformers

    require_gguf(extra="hf")
    from tokkit.bytelm.token_models.transformers.gguf_weights import (
        iter_weights,
        parameter_names,
        read_tensor,
    )

    layout = read_layout(path)
    config = _gguf_config(layout)
    skeleton = _skeleton(path, config, auto_class)
    _check_memory(path, skeleton, dtype)
    options = _options(skeleton, dtype, placing.attention)
    names = parameter_names(layout, skeleton)
    n_layers = config.get_text_config(decoder=True).num_hidden_layers
    unused = {tensor.name: tensor for tensor in layout.tensors if tensor.name not in names}
    refuse_left_out(
        path,
        unused,
        names,
        {"blk": n_layers},
        lambda name: not read_tensor(path, unused[name]).any(),
    )
    weights = iter_weights(layout, skeleton, names, dtype=dtype)
    if weights is None:
        auto_model: Any = getattr(transformers, auto_class)
        options |= {"gguf_file": path.name, "local_files_only": True}
        model, info = auto_model.from_pretrained(path.parent, **options)
        clear_quantization(model)
        return model, info
    model_class: Any = cast(Any, type(skeleton))
    return model_class.from_pretrained(None, config=config, state_dict=dict(weights), **options)


def clear_quantization(model: Any) -> None:
    """Forget that a model's weights were quantised, once they are not any more.

    transformers marks what it read from a GGUF file as quantised, and then refuses to save it,
    though it dequantises every weight.
    """
    for name in ("hf_quantizer", "quantization_method"):
        if getattr(model, name, None) is not None:
            setattr(model, name, None)
    model.is_quantized = False
    for config in {
        id(each): each for each in (model.config, model.config.get_text_config())
    }.values():
        if hasattr(config, "quantization_config"):
            del config.quantization_config


def _gguf_config(layout: GGUFLayout) -> Any:
    """The configuration, from a file of a few kilobytes with the same metadata."""
    import transformers

    auto_config: Any = transformers.AutoConfig
    with tempfile.TemporaryDirectory(prefix="tokkit-") as folder:
        (Path(folder) / "slim.gguf").write_bytes(layout.slim)
        try:
            config = auto_config.from_pretrained(
                folder, gguf_file="slim.gguf", local_files_only=True
            )
        except Exception as error:
            raise UnsupportedError(
                f"{layout.path}: architecture {layout.architecture!r}: {_first_lines(error)}; "
                "load the model's safetensors instead"
            ) from error
    if hasattr(config, "quantization_config"):
        del config.quantization_config  # the weights are dequantised here
    for tensor in layout.tensors:
        if tensor.name == "token_embd.weight":
            config.vocab_size = tensor.shape[0]
    return config


def _skeleton(path: Path, config: Any, auto_class: str) -> Any:
    """The model without storage: its names, shapes and class."""
    import torch
    import transformers

    n_layers = getattr(config.get_text_config(decoder=True), "num_hidden_layers", 0)
    if not isinstance(n_layers, int) or not 0 <= n_layers <= _MAX_LAYERS:
        raise FormatError(
            f"{path}: the configuration claims {n_layers!r} layers, expected 0 to {_MAX_LAYERS}; "
            "fetch the files again"
        )
    auto_model: Any = getattr(transformers, auto_class)
    try:
        with torch.device("meta"):
            skeleton = auto_model.from_config(config, trust_remote_code=False)
    except ValueError as error:
        kind = "causal" if auto_class == CAUSAL else auto_class.removeprefix("AutoModelFor")
        raise UnsupportedError(
            f"{path}: no {kind} language model ({_first_lines(error)})"
        ) from error
    return skeleton


def _options(skeleton: Any, dtype: torch.dtype, attention: str | None) -> dict[str, Any]:
    """How to load a model, in every format.

    Some models have no other attention than eager, and soft-capped scores (Gemma 2) exist in it
    only.
    """
    if attention is None:
        config = skeleton.config.get_text_config(decoder=True)
        capped = getattr(config, "attn_logit_softcapping", None)
        has_sdpa = getattr(skeleton, "_supports_sdpa", False)
        attention = "sdpa" if has_sdpa and not capped else "eager"
    return {"dtype": dtype, "attn_implementation": attention, "output_loading_info": True}


def _check_memory(path: Path, skeleton: Any, dtype: torch.dtype) -> None:
    n_parameters = sum(parameter.numel() for parameter in skeleton.parameters())
    needed = int(n_parameters * dtype.itemsize * _HEADROOM)
    available = available_memory()
    if available is not None and needed > available:
        halves = "" if dtype.itemsize == 2 else ", or dtype='bfloat16' for half of it"
        raise ModelError(
            f"{path}: {n_parameters:,} parameters need {needed / 1e9:.1f} GB as "
            f"{str(dtype).removeprefix('torch.')}, and {available / 1e9:.1f} GB are available; "
            f"use a smaller model{halves}"
        )


def available_memory() -> int | None:
    """Bytes that can be allocated without swapping, as Linux estimates them; None elsewhere."""
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    for line in lines:
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return None
