"""`load_source`: the model that is to get another vocabulary, and its tokenizer.

Weights come through the same loaders as those of `load_lm`: safetensors and GGUF only, no code of
the model's author, nothing fetched unless asked. Masked models (BERT) are loaded with their head,
too.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokkit.arguments import check_flags, check_kind
from tokkit.bytelm.token_models.tokenizer_option import check_columns, given_tokenizer
from tokkit.bytelm.token_models.transformers.loaded import take_loaded, tokenizer_beside
from tokkit.bytelm.token_models.transformers.loading import (
    checked_device,
    dtype_name,
    import_torch,
    resolve_model,
)
from tokkit.bytelm.token_models.transformers.model_files import CAUSAL, Placing, load_model
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.hypernets.plain_models.vocabulary_layers import VocabularyLayers, vocabulary_layers
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

DTYPES = ("float32", "bfloat16", "float16", "float64")
_HEADS = {
    "ForMaskedLM": "AutoModelForMaskedLM",
    "ForPreTraining": "AutoModelForMaskedLM",
    "ForConditionalGeneration": "AutoModelForSeq2SeqLM",
}
"""By how the name of an architecture ends, where it is no causal model."""


_PLAIN_MODULES = ("models.", "pytorch_utils", "activations")
"""Parts of transformers whose modules hold weights as they are."""


@dataclass(frozen=True)
class SourceModel:
    """A loaded model and its tokenizer.

    Attributes:
        model: of transformers, dequantised, in evaluation mode if it was loaded here.
        tokenizer: as tokkit reads it.
        name: for messages.
        layers: where the model keeps its vocabulary.
        path: the folder or GGUF file that it was loaded from, or None.
    """

    model: Any
    tokenizer: TextTokenizer
    name: str
    layers: VocabularyLayers
    path: Path | None = None

    @property
    def masked(self) -> bool:
        """Whether it predicts masked tokens from both sides."""
        return type(self.model).__name__.endswith(("ForMaskedLM", "ForPreTraining"))


def load_source(
    model: Any,
    *,
    tokenizer: Any = None,
    dtype: Any = None,
    device: Any = None,
    allow_download: bool = False,
) -> SourceModel:
    """Load a model and its tokenizer.

    Args:
        model: a folder with `config.json` and safetensors; a GGUF file; the name of a packaged
            model (`"smollm2"`, `"gemma3"`); a hub id; a loaded model of transformers; or
            `(model, tokenizer)`. A loaded model stays as it is.
        tokenizer: what `load_tokenizer` takes. Default: the one beside (or in) the weights; of a
            loaded model, the one at its `name_or_path`.
        dtype: `float32` (default), `bfloat16`, `float16` or `float64`; of a loaded model its own.
        device: where torch puts the weights, as `cpu` (default) or `cuda:0`.
        allow_download: whether a hub id may be fetched.

    Raises:
        MissingExtraError: torch, transformers or gguf is not installed.
        ArgumentError: an unknown dtype or device, a source that is none, or a loaded model whose
            tokenizer cannot be found.
        FormatError: a missing, damaged or truncated file.
        ModelError: weights that do not fit their configuration, the tokenizer or the memory; a
            model without an embedding matrix.
        UnsupportedError: quantised weights, or more than one matrix of the vocabulary.
    """
    check_flags(allow_download=allow_download)
    dtype = dtype_name(dtype, DTYPES)
    torch = import_torch()
    if isinstance(model, str | os.PathLike):
        path = resolve_model(model, allow_download=allow_download)
        target = checked_device(torch, "cpu" if device is None else device)
        loaded = load_model(
            path,
            getattr(torch, dtype or "float32"),
            Placing(target),
            auto_class=_auto_class(path),
        )
        given = given_tokenizer(tokenizer)
        text = load_tokenizer(path) if given is None else given
        return _checked(loaded.eval(), text, path.name, path)
    loaded, own = model if isinstance(model, tuple) and len(model) == 2 else (model, None)
    _check_loaded(loaded)
    take_loaded((loaded, own), dtype=dtype, device=device, packed=None)
    text = given_tokenizer(own if tokenizer is None else tokenizer)
    name = str(getattr(loaded, "name_or_path", "") or type(loaded).__name__)
    if text is None:
        text = tokenizer_beside(loaded)
    return _checked(loaded, text, Path(name).name, None)


def _auto_class(path: Path) -> str:
    """Which class of transformers loads a folder, by the class that it was saved as."""
    config = path / "config.json"
    if path.is_file() or not config.is_file():
        return CAUSAL
    document = want_object(parse_json(read_bounded(config), config.name), config.name)
    names = document.get("architectures")
    name = names[0] if isinstance(names, list) and names and isinstance(names[0], str) else ""
    if document.get("is_encoder_decoder") is True:
        return "AutoModelForSeq2SeqLM"
    return next((head for end, head in _HEADS.items() if name.endswith(end)), CAUSAL)


def _check_loaded(model: Any) -> None:
    import transformers

    check_kind(
        model,
        (transformers.PreTrainedModel, str, os.PathLike),
        "model",
        "pass a folder, a GGUF file, a name, or a loaded model of transformers",
    )
    if getattr(model, "is_quantized", False) and not _is_dequantised(model):
        raise UnsupportedError(
            f"{type(model).__name__} is loaded with quantised weights, of which no rows can be "
            "read; load it in float32 or bfloat16, or pass its path"
        )


def _is_dequantised(model: Any) -> bool:
    """Whether a model that is marked as quantised is not any more, as one from a GGUF file."""
    plain = ("torch.", *(f"transformers.{part}" for part in _PLAIN_MODULES))
    return all(p.is_floating_point() and p.dtype.itemsize > 1 for p in model.parameters()) and all(
        type(module).__module__.startswith(plain) for module in model.modules()
    )


def _checked(model: Any, tokenizer: Any, name: str, path: Path | None) -> SourceModel:
    if not isinstance(tokenizer, TextTokenizer):
        raise ArgumentError(
            f"{name}: the tokenizer is a {type(tokenizer).__name__}; expected one of text"
        )
    layers = vocabulary_layers(model)
    for rows in (layers.n_rows, layers.n_output_rows):
        check_columns(name, rows, tokenizer.vocab_size)
    if layers.n_rows != layers.n_output_rows:
        raise ModelError(
            f"{name}: {layers.n_rows:,} tokens go in and {layers.n_output_rows:,} come out; "
            "expected one vocabulary"
        )
    return SourceModel(model, tokenizer, name, layers, path)
