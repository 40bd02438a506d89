"""`load_token_lm`: a `TransformersLM` from a folder, a GGUF file, a packaged model or a hub id.

Only weights and configuration are loaded through transformers; the tokenizer is tokkit's own, so
the slow conversion of a GGUF vocabulary never happens. Nothing is downloaded unless asked for, no
code of the model's author is run, and weights must be safetensors or GGUF.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from tokkit.arguments import check_flags, check_kind, check_whole, refuse_unknown
from tokkit.bytelm.token_models.tokenizer_option import given_tokenizer
from tokkit.bytelm.token_models.transformers.left_out import (
    refuse_left_out,
    refuse_left_out_of_folder,
)
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import (
    ArgumentError,
    FormatError,
    MissingExtraError,
    ModelError,
    TokkitError,
    UnsupportedError,
)
from tokkit.files.gguf_layout import GGUFLayout, read_layout, require_gguf
from tokkit.files.reading import read_head, refuse_lfs_pointers_in
from tokkit.files.sources import locate, meaning_of
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

if TYPE_CHECKING:
    import torch

    from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
    from tokkit.bytelm.token_models.transformers.trial.ways import Way

DTYPES = ("float64", "float32", "bfloat16", "float16", "int8")
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.tiktoken")
_HEADROOM = 1.1
"""What loading needs at its peak, over the weights alone."""
_MAX_THREADS = 4096
_MAX_LAYERS = 4096
"""More are a damaged configuration, and would take hours to lay out."""


class LMOptions(TypedDict, total=False):
    """Options of `TransformersLM`, passed through."""

    bos_ids: Sequence[int] | int | None
    eos_ids: Sequence[int] | int | None
    max_batch_tokens: int
    name: str | None
    self_check: bool
    way: Way | None


def load_token_lm(
    source: str | os.PathLike[str] | tuple[Any, TextTokenizer],
    *,
    tokenizer: TextTokenizer | str | os.PathLike[str] | None = None,
    dtype: str | None = None,
    device: str | None = None,
    threads: int | None = None,
    packed: bool | None = None,
    attn_implementation: str | None = None,
    allow_download: bool = False,
    **options: Any,
) -> TransformersLM:
    """Load a causal language model.

    Args:
        source: a folder with `config.json` and safetensors; a GGUF file; the name of a packaged
            model; a hub id, from the local cache unless `allow_download`; or a loaded
            `(model, tokenizer)`.
        tokenizer: in place of the one beside (or in) the weights; or what `load_tokenizer` takes.
        dtype: `float32` (default), `float64`, `bfloat16`, `float16`, or `int8`: bfloat16 with the
            weights of linear layers in int8 (see
            `tokkit.bytelm.token_models.transformers.layers.int8_weights`). The last three save
            memory and are inexact.
        device: where torch puts the weights, as `cpu` (default) or `cuda:0`.
        threads: torch's threads; a setting of the whole process.
        packed: in float32 on the CPU, whether to lay out the linear layers for inference (see
            `tokkit.bytelm.token_models.transformers.layers.packed_linear`; default): faster, and a
            step then agrees with a whole pass. The model can no longer be trained, moved or saved,
            and tied embeddings are held twice.
        attn_implementation: transformers' name of an attention, such as `sdpa` or `eager`. Default:
            `sdpa` where the model has it and it is exact there, else `eager`.
        allow_download: whether a hub id may be fetched.
        **options: see `TransformersLM` (`LMOptions`).

    A loaded model stays as it is: `dtype`, `device`, `packed` and
    `attn_implementation` may then only say what it is.

    Raises:
        MissingExtraError: torch, transformers or gguf is not installed.
        ArgumentError: an unknown dtype, device, option or source.
        FormatError: a missing, damaged or truncated file.
        ModelError: the weights do not fit their configuration, the tokenizer or the memory.
        UnsupportedError: a model that transformers or tokkit cannot run.
    """
    refuse_unknown(options, OPTIONS)
    if dtype is not None and dtype not in DTYPES:
        raise ArgumentError(f"dtype is {dtype!r}, expected one of {', '.join(DTYPES)}")
    check_kind(attn_implementation, (str, type(None)), "attn_implementation")
    check_flags(packed=False if packed is None else packed, allow_download=allow_download)
    if threads is not None:
        check_whole("threads", threads, 1, _MAX_THREADS)
    if not isinstance(source, tuple | str | os.PathLike):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise ArgumentError(
            f"expected a path, a name or (model, tokenizer), got {type(source).__name__}"
        )
    given = given_tokenizer(tokenizer)
    # Before torch: where it is missing, too, a path that is wrong is what the caller must hear of.
    path = None if isinstance(source, tuple) else _resolve(source, allow_download=allow_download)
    torch = _import_torch()
    from tokkit.bytelm.token_models.transformers.loaded import take_loaded
    from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM

    model: Any = None
    target: Any = None
    if isinstance(source, tuple):
        model, own_tokenizer = take_loaded(
            source, dtype=dtype, device=device, packed=packed, attention=attn_implementation
        )
        given = given_tokenizer(own_tokenizer) if given is None else given
    else:
        target = _checked_device(torch, device or "cpu")
        given = load_tokenizer(path) if given is None else given
    if threads is not None:
        torch.set_num_threads(threads)
    if path is not None:
        model = _load_laid_out(path, dtype or "float32", target, packed, attn_implementation)
        options.setdefault("name", path.name)
    return TransformersLM(model, given, **cast(LMOptions, options))


OPTIONS = (
    *(name for name in signature(load_token_lm).parameters if name not in ("source", "options")),
    *LMOptions.__annotations__,
)
"""Names of all options of `load_token_lm`."""


def _import_torch() -> Any:
    try:
        import torch
        import transformers  # noqa: F401  # pyright: ignore[reportUnusedImport]
    except ImportError as error:
        raise MissingExtraError(
            f"language models need torch and transformers ({error})", extra="hf"
        ) from error
    return torch


def _checked_device(torch: Any, device: str) -> Any:
    try:
        target = torch.device(device)
        torch.empty(1, device=target)
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ArgumentError(
            f"device {device!r} cannot be used ({error}); use device='cpu'"
        ) from error
    return target


def _resolve(source: str | os.PathLike[str], *, allow_download: bool) -> Path:
    """The folder or GGUF file that a source names."""
    if meaning_of(source) == "hub":
        _import_torch()
        with quiet_transformers():
            path = locate(source, _HUB_FILES, allow_download=allow_download)
    else:
        path = locate(source, ())
    if path.is_file():
        magic = read_head(path)[:4]
        if magic != b"GGUF":
            raise FormatError(
                f"{path}: not a GGUF file (it starts with {magic!r}); expected a GGUF file, or a "
                "folder with config.json and safetensors"
            )
    return path


def _load_laid_out(
    path: Path, dtype: str, device: torch.device, packed: bool | None, attention: str | None
) -> Any:
    """The model, its linear layers quantised or packed as is asked for."""
    import torch

    storage = torch.bfloat16 if dtype == "int8" else getattr(torch, dtype)
    model = _load_model(path, storage, device, attention)
    if dtype == "int8":
        from tokkit.bytelm.token_models.transformers.layers.int8_weights import quantize_linears

        quantize_linears(model)
    elif packed is not False:
        from tokkit.bytelm.token_models.transformers.layers.packing import pack

        if not pack(model):
            model = _load_model(path, storage, device, attention)
    return model


def _load_model(path: Path, dtype: torch.dtype, device: torch.device, attention: str | None) -> Any:
    """Weights and configuration, whatever they lie in."""
    with quiet_transformers():
        try:
            load = _load_gguf if path.is_file() else _load_folder
            model, info = load(path, dtype, attention)
        except TokkitError:
            raise
        except MemoryError as error:
            raise ModelError(f"{path}: memory ran out; try dtype='bfloat16'") from error
        except NotImplementedError as error:
            raise UnsupportedError(f"{path}: transformers cannot run it: {error}") from error
        except Exception as error:  # transformers has no error type of its own
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
    return model.to(device)


def _first_lines(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


def _load_folder(
    path: Path, dtype: torch.dtype, attention: str | None
) -> tuple[Any, dict[str, Any]]:
    import transformers

    # The auto classes' return types depend on their options in ways that their hints do not say.
    auto_config: Any = transformers.AutoConfig
    auto_model: Any = transformers.AutoModelForCausalLM
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
    skeleton = _skeleton(path, config, dtype)
    options = {"local_files_only": True, "use_safetensors": True, "trust_remote_code": False}
    options |= _options(skeleton, dtype, attention)
    return auto_model.from_pretrained(path, config=config, **options)


def _load_gguf(path: Path, dtype: torch.dtype, attention: str | None) -> tuple[Any, dict[str, Any]]:
    import transformers

    require_gguf(extra="hf")
    from tokkit.bytelm.token_models.transformers.gguf_weights import (
        iter_weights,
        parameter_names,
        read_tensor,
    )

    layout = read_layout(path)
    config = _gguf_config(layout)
    skeleton = _skeleton(path, config, dtype)
    options = _options(skeleton, dtype, attention)
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
        auto_model: Any = transformers.AutoModelForCausalLM
        options |= {"gguf_file": path.name, "local_files_only": True}
        return auto_model.from_pretrained(path.parent, **options)
    model_class: Any = cast(Any, type(skeleton))
    return model_class.from_pretrained(None, config=config, state_dict=dict(weights), **options)


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


def _skeleton(path: Path, config: Any, dtype: torch.dtype) -> Any:
    """The model without storage: its names, shapes and class; refused if memory is too small."""
    import torch
    import transformers

    n_layers = getattr(config.get_text_config(decoder=True), "num_hidden_layers", 0)
    if not isinstance(n_layers, int) or not 0 <= n_layers <= _MAX_LAYERS:
        raise FormatError(
            f"{path}: the configuration claims {n_layers!r} layers, expected 0 to {_MAX_LAYERS}; "
            "fetch the files again"
        )
    auto_model: Any = transformers.AutoModelForCausalLM
    try:
        with torch.device("meta"):
            skeleton = auto_model.from_config(config, trust_remote_code=False)
    except ValueError as error:
        raise UnsupportedError(
            f"{path}: no causal language model ({_first_lines(error)})"
        ) from error
    _check_memory(path, skeleton, dtype)
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
