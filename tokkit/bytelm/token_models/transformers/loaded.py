"""A model that the caller has loaded already: what is asked of it must be what it is."""

from __future__ import annotations

from typing import Any

from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer


def take_loaded(
    source: tuple[Any, ...],
    *,
    dtype: str | None,
    device: str | None,
    packed: bool | None,
    attention: str | None = None,
) -> tuple[Any, TextTokenizer]:
    """The two parts of a loaded `(model, tokenizer)`.

    Args:
        source: what the caller gave.
        dtype: that the model must have; None: any.
        device: that the model must be on; None: any.
        packed: whether its linear layers must be laid out, which is done at loading only.
        attention: transformers' name of the attention that the model must have; None: any.

    Raises:
        ArgumentError: not two parts, or an option that the model does not already satisfy.
    """
    if len(source) != 2:
        raise ArgumentError(f"expected (model, tokenizer), got a tuple of {len(source)}")
    model, tokenizer = source
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


def _same_device(asked: object, its: str) -> bool:
    """Whether a name such as `cuda` means the device that a model is on, such as `cuda:0`."""
    return its in (str(asked), f"{asked}:0")


def _refuse(option: str, value: object, what_it_is: str, cure: str) -> None:
    raise ArgumentError(
        f"{option}={value!r} applies to what is loaded here, and the model that was given is "
        f"loaded already and {what_it_is}; {cure}, or give a path"
    )
