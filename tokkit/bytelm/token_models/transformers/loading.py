"""`load_token_lm`: a `TransformersLM` from a folder, a GGUF file, a packaged model or a hub id.

Only weights and configuration are loaded through transformers; the tokenizer is tokkit's own, so
the slow conversion of a GGUF vocabulary never happens. Nothing is downloaded unless asked for, no
code of the model's author is run, and weights must be safetensors or GGUF.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from functools import partial
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict, cast

from tokkit.arguments import MAX_THREADS, check_flags, check_kind, check_whole, refuse_unknown
from tokkit.bytelm.token_models.tokenizer_option import given_tokenizer
from tokkit.bytelm.token_models.transformers.loaded import (
    is_loaded_model,
    take_loaded,
    tokenizer_beside,
)
from tokkit.bytelm.token_models.transformers.model_files import Placing, load_model
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import ArgumentError, FormatError, needs_extra
from tokkit.files.reading import read_head
from tokkit.files.registry import MANIFEST
from tokkit.files.sources import locate, meaning_of
from tokkit.text.tokenizer import load_tokenizer

if TYPE_CHECKING:
    import torch

    from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
    from tokkit.bytelm.token_models.transformers.trial.ways import Way

DTYPES = ("float64", "float32", "bfloat16", "float16", "int8")
_HUB_FILES = ("*.json", "*.safetensors", "*.model", "*.txt", "*.tiktoken")


class LMOptions(TypedDict, total=False):
    """Options of `TransformersLM`, passed through."""

    bos_ids: Sequence[int] | int | None
    eos_ids: Sequence[int] | int | None
    max_batch_tokens: int
    name: str | None
    self_check: bool
    way: Way | None


def load_token_lm(
    source: Any,
    *,
    tokenizer: Any = None,
    dtype: str | torch.dtype | None = None,
    device: str | int | torch.device | None = None,
    device_map: str | Mapping[str, Any] | None = None,
    threads: int | None = None,
    packed: bool | None = None,
    attn_implementation: str | None = None,
    allow_download: bool = False,
    **options: Any,
) -> TransformersLM:
    """Load a causal language model.

    Args:
        source: a folder with `config.json` and safetensors; a GGUF file; the name of a packaged
            model; a hub id, from the local cache unless `allow_download`; or a loaded model, alone,
            as `(model, tokenizer)` or in a pipeline of transformers.
        tokenizer: in place of the one beside (or in) the weights: what `load_tokenizer` takes.
            Of a loaded model alone it is by default the one at its `name_or_path`.
        dtype: `float32` (default), `float64`, `bfloat16`, `float16`, a dtype of torch, or `int8`:
            bfloat16 with the weights of linear layers in int8 (see
            `tokkit.bytelm.token_models.transformers.layers.int8_weights`). The last three save
            memory and are inexact.
        device: where torch puts the weights, as `cpu` (default) or `cuda:0`.
        device_map: how transformers spreads the layers of a folder over devices, as `"auto"`;
            instead of `device`. Such a model has no tree of contexts, and is slower by that.
        threads: torch's threads; a setting of the whole process.
        packed: in float32 on the CPU, whether to lay out the linear layers for inference (see
            `tokkit.bytelm.token_models.transformers.layers.packed_linear`; default): faster, and a
            step then agrees with a whole pass. The model can no longer be trained, moved or saved,
            and tied embeddings are held twice.
        attn_implementation: transformers' name of an attention, such as `sdpa` or `eager`. Default:
            `sdpa` where the model has it and it is exact there, else `eager`.
        allow_download: whether a hub id may be fetched.
        **options: see `TransformersLM` (`LMOptions`).

    A loaded model stays as it is, quantised or not: `dtype`, `device`, `packed` and
    `attn_implementation` may then only say what it is.

    Raises:
        MissingExtraError: torch, transformers or gguf is not installed.
        ArgumentError: an unknown dtype, device, option or source.
        FormatError: a missing, damaged or truncated file.
        ModelError: the weights do not fit their configuration, the tokenizer or the memory.
        UnsupportedError: a model that transformers or tokkit cannot run.
    """
    refuse_unknown(options, OPTIONS)
    dtype = dtype_name(dtype)
    check_kind(attn_implementation, (str, type(None)), "attn_implementation")
    check_flags(packed=False if packed is None else packed, allow_download=allow_download)
    if threads is not None:
        check_whole("threads", threads, 1, MAX_THREADS)
    named: Any = source
    is_loaded = isinstance(source, tuple) or is_loaded_model(named)
    if not is_loaded:
        hint = "pass a path, a name, a loaded model or (model, tokenizer)"
        check_kind(named, (str, os.PathLike), "source", hint)
    given = given_tokenizer(tokenizer)
    # Before torch: where it is missing, too, a path that is wrong is what the caller must hear of.
    path = None if is_loaded else resolve_model(named, allow_download=allow_download)
    _check_placing(path, device, device_map, dtype, packed)
    torch = import_torch()
    from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM

    model: Any = None
    target: Any = None
    if path is None:
        model, own_tokenizer = take_loaded(
            source, dtype=dtype, device=device, packed=packed, attention=attn_implementation
        )
        given = given_tokenizer(own_tokenizer) if given is None else given
        given = tokenizer_beside(model, allow_download=allow_download) if given is None else given
    else:
        target = checked_device(torch, "cpu" if device is None else device)
        given = load_tokenizer(path) if given is None else given
    if threads is not None:
        torch.set_num_threads(threads)
    if path is not None:
        placing = Placing(target, attn_implementation, device_map)
        model = _load_laid_out(path, dtype or "float32", placing, packed)
        options.setdefault("name", path.name)
    lm = TransformersLM(model, given, **cast(LMOptions, options))
    if path is not None:
        lm.reload = partial(
            load_token_lm,
            path.resolve(),
            dtype=dtype,
            device=None if device is None else str(target),
            device_map=device_map,
            packed=packed,
            attn_implementation=attn_implementation,
        )
    return lm


OPTIONS = (
    *(name for name in signature(load_token_lm).parameters if name not in ("source", "options")),
    *LMOptions.__annotations__,
)
"""Names of all options of `load_token_lm`."""


def import_torch() -> Any:
    """The module torch, where it and transformers are installed.

    Raises:
        MissingExtraError: they are not.
    """
    with needs_extra("language models need torch and transformers", extra="hf", quote=True):
        import torch
        import transformers  # noqa: F401  # pyright: ignore[reportUnusedImport]
    return torch


def dtype_name(dtype: object, known: Sequence[str] = DTYPES) -> str | None:
    """The name of a dtype, which may be one of torch's; None stays None.

    Args:
        dtype: what the caller gave.
        known: names that there are.

    Raises:
        ArgumentError: none that weights can have.
    """
    name = None if dtype is None else str(dtype).removeprefix("torch.")
    if name is not None and (name not in known or str(dtype) == "torch.int8"):
        raise ArgumentError(f"dtype is {dtype!r}, expected one of {', '.join(known)}")
    return name


def _check_placing(
    path: Path | None, device: object, device_map: object, dtype: str | None, packed: bool | None
) -> None:
    """Refuse a `device_map` beside what it excludes."""
    if device_map is None:
        return
    check_kind(device_map, (str, Mapping), "device_map", "pass 'auto', or devices by layer")
    reasons = {
        "the model that was given is loaded already; give a path": path is None,
        "a GGUF file is put on one device; pass device": path is not None and path.is_file(),
        "device says one for all; leave one of the two out": device is not None,
        "packed is for one CPU; leave it out": bool(packed),
        "dtype 'int8' is for one device; pass another dtype": dtype == "int8",
    }
    for reason, holds in reasons.items():
        if holds:
            raise ArgumentError(f"device_map spreads a model as it is loaded: {reason}")


def checked_device(torch: Any, device: object) -> Any:
    """The torch device of a name.

    Raises:
        ArgumentError: no name, or it cannot be used.
    """
    check_kind(device, (str, torch.device), "device")
    try:
        target = torch.device(device)
        torch.empty(1, device=target)
        if target.type == "meta":
            raise RuntimeError("it holds no numbers")
    except (RuntimeError, AssertionError, TypeError) as error:
        raise ArgumentError(
            f"device {device!r} cannot be used ({error}); use device='cpu'"
        ) from error
    return target


def resolve_model(source: str | os.PathLike[str], *, allow_download: bool) -> Path:
    """The folder or GGUF file that a source names.

    Raises:
        FormatError: nothing of that name, or a file that is no GGUF file.
        MissingExtraError: the packages of a packaged model, or of the hub, are not installed.
    """
    if meaning_of(source) == "hub":
        import_torch()
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
    elif not (path / "config.json").exists():
        raise FormatError(
            f"{path}: no language model in this folder; expected config.json and safetensors, the "
            f"path of a GGUF file, or {MANIFEST} of a model that tokkit has saved"
        )
    return path


def _load_laid_out(path: Path, dtype: str, placing: Placing, packed: bool | None) -> Any:
    """The model, its linear layers quantised or packed as is asked for."""
    import torch

    storage = torch.bfloat16 if dtype == "int8" else getattr(torch, dtype)
    model = load_model(path, storage, placing)
    if dtype == "int8":
        from tokkit.bytelm.token_models.transformers.layers.int8_weights import quantize_linears

        quantize_linears(model)
    elif packed is not False and placing.device_map is None:
        from tokkit.bytelm.token_models.transformers.layers.packing import pack

        if not pack(model):
            model = load_model(path, storage, placing)
    return model
