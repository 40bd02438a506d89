"""Models that the caller has loaded already: what is asked of one must be what it is."""

from __future__ import annotations

from typing import Any, cast

from tokkit.errors import ArgumentError, FormatError
from tokkit.text.loaded_objects import classes_of
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

_PIPELINE = ("transformers", "Pipeline")


def is_loaded_model(source: object) -> bool:
    """Whether an object is a model, or a pipeline of transformers that has one."""
    return callable(getattr(source, "forward", None)) or _PIPELINE in classes_of(source)


def take_loaded(
    source: Any,
    *,
    dtype: str | None,
    device: object,
    packed: bool | None,
    attention: str | None = None,
) -> tuple[Any, Any]:
    """A loaded model, and the tokenizer that came with it or None.

    Args:
        source: what the caller gave: a model, `(model, tokenizer)` or a pipeline of transformers.
        dtype: that the model must have; None: any.
        device: that the model must be on; None: any.
        packed: whether its linear layers must be laid out, which is done at loading only.
        attention: transformers' name of the attention that the model must have; None: any.

    Raises:
        ArgumentError: not two parts, or an option that the model does not already satisfy.
    """
    model, tokenizer = _parts(source)
    its_dtype = str(getattr(model, "dtype", "unknown")).removeprefix("torch.")
    its_device = str(getattr(model, "device", "unknown"))
    if dtype not in (None, its_dtype):
        _refuse("dtype", dtype, f"of {its_dtype}", "convert it with model.to(...)")
    if device is not None and not _same_device(device, its_device):
        _refuse("device", device, f"on {its_device}", "move it with model.to(...)")
    its_attention = getattr(getattr(model, "config", None), "_attn_implementation", None)
    if attention not in (None, its_attention):
        cure = "call model.set_attn_implementation(...)"
        _refuse("attn_implementation", attention, f"with {its_attention!r}", cure)
    if packed:
        _refuse("packed", packed, "not laid out for that", "leave the option out")
    return model, tokenizer


def tokenizer_beside(model: Any, *, allow_download: bool = False) -> TextTokenizer:
    """The tokenizer at the path or hub id that a loaded model says it came from.

    Raises:
        ArgumentError: there is none.
    """
    name = str(getattr(model, "name_or_path", "") or "")
    try:
        if not name:
            raise FormatError("the model does not say where it came from")
        return load_tokenizer(name, allow_download=allow_download)
    except (FormatError, ArgumentError) as error:
        raise ArgumentError(
            f"a loaded {type(model).__name__} without its tokenizer ({error}); pass it as well, "
            "as load_lm(model, tokenizer), or give the model's path"
        ) from error


def _parts(source: Any) -> tuple[Any, Any]:
    if isinstance(source, tuple):
        parts = cast("tuple[Any, ...]", source)
        if len(parts) != 2:
            raise ArgumentError(f"expected (model, tokenizer), got a tuple of {len(parts)}")
        return parts[0], parts[1]
    if _PIPELINE in classes_of(source):
        return source.model, source.tokenizer
    return source, None


def _same_device(asked: object, its: str) -> bool:
    """Whether a name such as `cuda` means the device that a model is on, such as `cuda:0`."""
    return its in (str(asked), f"{asked}:0")


def _refuse(option: str, value: object, what_it_is: str, cure: str) -> None:
    raise ArgumentError(
        f"{option}={value!r} applies to what is loaded here, and the model that was given is "
        f"loaded already and {what_it_is}; {cure}, or give a path"
    )
