"""`save_gguf`: a model and its tokenizer in one GGUF file, read back before it is there.

The file is loaded again by the loaders of `load_lm`, and must give the same logits and the same
ids; else it is not left behind, and the error says what differs.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tokkit.arguments import check_choice, check_path
from tokkit.bytelm.token_models.transformers.model_files import Placing, load_model
from tokkit.errors import ArgumentError, TokkitError, UnsupportedError
from tokkit.files.gguf_layout import require_gguf
from tokkit.files.writing import whole_file
from tokkit.hypernets.gguf_export.architectures import Architecture, architecture_of
from tokkit.hypernets.gguf_export.tokenizer_metadata import TokenizerMetadata, tokenizer_metadata
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer
from tokkit.hypernets.tokenizer_export.trial import ids_of, trial_texts
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

FILE_TYPES = {"float32": 0, "float16": 1, "bfloat16": 32}
"""`general.file_type` by dtype."""
_TOLERANCE = {"float32": 1e-4, "float16": 0.05, "bfloat16": 0.2}
"""How far a logit may be off after a round through a file, of a logit's size: rounding alone."""
_N_TRIAL_IDS = 24


@dataclass(frozen=True)
class SavedGGUF:
    """A GGUF file that was written.

    Attributes:
        path: the file.
        architecture: `general.architecture`.
        pretokenizer: `tokenizer.ggml.pre`.
        notes: what llama.cpp does in another way, a sentence each.
    """

    path: Path
    architecture: str
    pretokenizer: str
    notes: tuple[str, ...]


def save_gguf(
    model: Any,
    tokenizer: ExportedTokenizer,
    path: str | os.PathLike[str],
    *,
    dtype: str | None = None,
    name: str = "",
) -> SavedGGUF:
    """Write a model of transformers and its tokenizer as a GGUF file.

    Args:
        model: a causal model of an architecture that can be written exactly: Llama, Mistral
            without sliding window, Qwen 2, Gemma 3 (text), GPT-2.
        tokenizer: its tokenizer: byte-level BPE with a pretokenizer that llama.cpp has a name for,
            or SentencePiece BPE with byte fallback.
        path: of the file; one that is there is replaced once the new one is complete.
        dtype: of the matrices: `float32`, `float16` or `bfloat16`; vectors are float32. Default:
            the model's, by which nothing is lost.
        name: `general.name`.

    Raises:
        UnsupportedError: an architecture, a configuration or a tokenizer that a GGUF file cannot
            say exactly.
        ArgumentError: an unknown dtype, or a tokenizer with more ids than the model has rows.
        MissingExtraError: the package gguf is not installed.
        OSError: the file cannot be written.
    """
    target = check_path(path, "path")
    dtype = dtype or str(model.dtype).removeprefix("torch.")
    check_choice("dtype", dtype, FILE_TYPES)
    require_gguf(extra="hf")
    kind = architecture_of(model)
    size = int(model.get_input_embeddings().weight.shape[0])
    if tokenizer.text.vocab_size > size:
        raise ArgumentError(
            f"the tokenizer has {tokenizer.text.vocab_size:,} ids, the model {size:,} rows"
        )
    metadata = tokenizer_metadata(tokenizer.text.spec, tokenizer.tokenizer, size)
    with whole_file(target) as stream:
        part = Path(stream.name)
        _write(part, model, kind, metadata, tokenizer, dtype=dtype, name=name)
        _check_ids(part, tokenizer.text)
        _check_logits(part, model, dtype)
    return SavedGGUF(target, kind.name, metadata.pre, metadata.notes)


def _write(
    path: Path,
    model: Any,
    kind: Architecture,
    metadata: TokenizerMetadata,
    tokenizer: ExportedTokenizer,
    *,
    dtype: str,
    name: str,
) -> None:
    import gguf

    writer = gguf.GGUFWriter(path, kind.name)
    writer.add_type("model")
    if name:
        writer.add_name(name)
    writer.add_file_type(FILE_TYPES[dtype])
    for key, value in kind.metadata(model.config).items():
        if isinstance(value, float):
            writer.add_float32(f"{kind.name}.{key}", value)
        else:
            writer.add_uint32(f"{kind.name}.{key}", value)
    _add_tokenizer(writer, metadata)
    template = tokenizer.tokenizer.chat_template
    if isinstance(template, str):
        writer.add_chat_template(template)
    for key, values in _tensors(model, kind):
        writer.add_tensor(key, *_stored(values, dtype, gguf))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _add_tokenizer(writer: Any, metadata: TokenizerMetadata) -> None:
    writer.add_tokenizer_model(metadata.model)
    writer.add_tokenizer_pre(metadata.pre)
    writer.add_token_list(metadata.tokens)
    if metadata.scores is not None:
        writer.add_token_scores(metadata.scores)
    writer.add_token_types(metadata.types)
    if metadata.merges is not None:
        writer.add_token_merges(metadata.merges)
    for key, flag in metadata.flags.items():
        writer.add_bool(f"tokenizer.ggml.{key}", flag)
    for key, token in metadata.ids.items():
        writer.add_uint32(f"tokenizer.ggml.{key}", token)


def _tensors(model: Any, kind: Architecture) -> list[tuple[str, np.ndarray[Any, Any]]]:
    """The weights by their GGUF names, as they are stored; a tied head is left out."""
    import gguf

    arch = next(each for each, name in gguf.MODEL_ARCH_NAMES.items() if name == kind.name)
    table = gguf.get_tensor_name_map(arch, model.config.num_hidden_layers)
    state = model.state_dict(keep_vars=True)
    source = model.get_input_embeddings().weight
    found: list[tuple[str, np.ndarray[Any, Any]]] = []
    for key, weight in state.items():
        stem, _, suffix = key.rpartition(".")
        stored = table.get_name(stem)
        if stored == "output" and weight is source:
            continue
        if stored is None:
            raise UnsupportedError(
                f"{type(model).__name__}: GGUF has no place for the weight {key}; it cannot be "
                "written exactly"
            )
        full = f"{stored}.{suffix}"
        values = weight.detach().float().cpu().numpy()
        found.append((full, np.ascontiguousarray(kind.stored(full, values, model.config))))
    return found


def _stored(values: np.ndarray[Any, Any], dtype: str, gguf: Any) -> tuple[Any, ...]:
    """The arguments of `add_tensor`: vectors are always float32."""
    if values.ndim < 2 or dtype == "float32":
        return (values.astype(np.float32),)
    if dtype == "float16":
        return (values.astype(np.float16),)
    kind = gguf.GGMLQuantizationType.BF16
    return (gguf.quants.quantize(values.astype(np.float32), kind), None, kind)


def _check_ids(path: Path, text: TextTokenizer) -> None:
    """Refuse a file whose tokenizer gives other ids than the one that was passed."""
    read = load_tokenizer(path, format="gguf")
    texts = [*trial_texts(text), *_token_texts(text)]
    for each in texts:
        for specials in (True, False):
            expected = ids_of(text, each, specials=specials)
            if expected is not None and ids_of(read, each, specials=specials) != expected:
                raise UnsupportedError(
                    f"{text.name}: read back from a GGUF file, the tokenizer gives other ids on "
                    f"{each[:60]!r} (its merges or its added tokens say more than such a file can "
                    "hold); save the model with save_pretrained"
                )


def _token_texts(text: TextTokenizer) -> list[str]:
    """The texts of a share of the tokens, each of which shows how it is merged."""
    step = max(1, text.vocab_size // 20_000)
    spelled = (data.decode(errors="ignore") for data in text.spec.token_bytes[::step])
    return [each for each in spelled if each]


def _check_logits(path: Path, model: Any, dtype: str) -> None:
    """Refuse a file whose model gives other logits."""
    import torch

    from tokkit.models.blocks.evaluating import evaluating

    ids = torch.arange(1, _N_TRIAL_IDS + 1).remainder(model.config.vocab_size)[None]
    try:
        again = load_model(path, model.dtype, Placing(model.device)).eval()
    except TokkitError as error:
        raise UnsupportedError(
            f"{type(model).__name__}: the GGUF file cannot be loaded again ({error}); save the "
            "model with save_pretrained"
        ) from error
    with evaluating(model):
        expected, got = (each(ids.to(model.device)).logits for each in (model, again))
    size = max(1.0, float(expected.abs().max()))
    off = float((got - expected).abs().max())
    if got.shape != expected.shape or not off <= _TOLERANCE[dtype] * size:
        raise UnsupportedError(
            f"{type(model).__name__}: loaded again, the GGUF file gives logits that are off by "
            f"{off:.3g} (of {size:.3g}); its configuration says more than such a file can hold. "
            "Save the model with save_pretrained"
        )
