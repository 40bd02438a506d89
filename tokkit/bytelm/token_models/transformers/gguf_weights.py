"""The weights of a GGUF file as tensors of a transformers model, without the vocabulary's detour.

transformers reads a GGUF file by itself, but it walks the vocabulary and the merges in the
metadata string by string, twice, which takes most of the time (Gemma 3: 262,144 tokens). Here the
header is walked once, skipping those lists (`tokkit.files.gguf_layout`); transformers is shown a
header of a few kilobytes, from which it makes the configuration; and the tensors are dequantised
straight from the mapped file. The tensors' names and the conversions that an
architecture needs are transformers' and gguf's own, so the result is the same, bit for bit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokkit.files.gguf_layout import GGUFLayout, StoredTensor

if TYPE_CHECKING:
    import torch


def iter_weights(
    layout: GGUFLayout, model: Any, names: Mapping[str, str], *, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]] | None:
    """The weights for `model`, dequantised one at a time.

    Args:
        layout: the file.
        model: a transformers model of the file's configuration, which may lie on the meta device.
        names: what `parameter_names` gave.
        dtype: what to convert each tensor to.

    Returns:
        Pairs of a name in `model.state_dict()` and its tensor, or None for an architecture whose
        conversion is not known here; transformers' own reader must do it then.
    """
    processor = _processor(layout.architecture, model.config)
    if not names or processor is None:
        return None
    return _converted(layout, names, processor, dtype)


def _converted(
    layout: GGUFLayout, names: Mapping[str, str], processor: Any, dtype: torch.dtype
) -> Iterator[tuple[str, torch.Tensor]]:
    import torch

    for tensor in layout.tensors:
        if tensor.name not in names:
            continue
        values = read_tensor(layout.path, tensor)
        values = processor.process(weights=values, name=tensor.name).weights
        copy = np.array(values, dtype=np.float32)  # never a view of the file
        yield names[tensor.name], torch.from_numpy(copy).to(dtype)


def read_tensor(path: Path, tensor: StoredTensor) -> NDArray[np.floating[Any]]:
    """The dequantised values of a tensor of a file."""
    from gguf.constants import GGMLQuantizationType
    from gguf.quants import dequantize

    data: NDArray[np.uint8] = np.memmap(path, dtype=np.uint8, mode="r")
    raw = data[tensor.offset : tensor.offset + tensor.n_bytes].reshape(*tensor.shape[:-1], -1)
    return dequantize(np.asarray(raw), GGMLQuantizationType(tensor.ggml_type))


def parameter_names(layout: GGUFLayout, model: Any) -> dict[str, str]:
    """GGUF name -> transformers name; empty if not every weight of the model has a counterpart."""
    import gguf

    arch = next((a for a, n in gguf.MODEL_ARCH_NAMES.items() if n == layout.architecture), None)
    if arch is None:
        return {}
    table = gguf.get_tensor_name_map(arch, model.config.num_hidden_layers)
    present = {tensor.name for tensor in layout.tensors}
    tied = set(getattr(model, "all_tied_weights_keys", None) or ())
    names: dict[str, str] = {}
    for key in model.state_dict():
        stem, dot, suffix = key.rpartition(".")
        name = table.get_name(stem)
        if name is not None and name + dot + suffix in present:
            names[name + dot + suffix] = key
        elif key not in tied:
            return {}
    return names


def _processor(architecture: str, config: Any) -> Any:
    """The converter of transformers for an architecture, if it takes tensors one by one."""
    try:
        from transformers.modeling_gguf_pytorch_utils import (
            TENSOR_PROCESSORS,
            Gemma2TensorProcessor,
            LlamaTensorProcessor,
            TensorProcessor,
        )
    except ImportError:  # these are no public names of transformers
        return None
    kind = TENSOR_PROCESSORS.get(architecture, TensorProcessor)
    if kind not in (TensorProcessor, LlamaTensorProcessor, Gemma2TensorProcessor):
        return None
    return kind(config=config.to_dict())
