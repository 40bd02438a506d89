"""The layers of a model whose rows are tokens: input matrix, output matrix, and the head's bias.

Known by what transformers calls them (`get_input_embeddings`, `get_output_embeddings`) and by the
identity of the parameters, so that every name of a shared one is found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ModelError, UnsupportedError

Rows = NDArray[np.float32]
_ADDED = "final_logits_bias"
"""What BART and its kin add to the logits, a buffer that is saved."""


@dataclass(frozen=True)
class VocabularyLayers:
    """Where a model keeps its vocabulary.

    Attributes:
        input_names: names of the input matrix in `state_dict()`, shared ones all.
        output_name: of the output matrix.
        bias_names: of the head's bias, shape (rows,), or of what is added to the logits, shape
            (1, rows); empty if the class has neither.
        n_rows: rows of the input matrix; ids beyond the tokenizer's are padding.
        n_output_rows: rows of the output matrix.
        input_width: columns of the input matrix.
        output_width: columns of the output matrix.
        tied: whether both are one parameter.
    """

    input_names: tuple[str, ...]
    output_name: str
    bias_names: tuple[str, ...]
    n_rows: int
    n_output_rows: int
    input_width: int
    output_width: int
    tied: bool

    @property
    def names(self) -> frozenset[str]:
        """All names of parameters that are indexed by token."""
        return frozenset((*self.input_names, self.output_name, *self.bias_names))


def vocabulary_layers(model: Any) -> VocabularyLayers:
    """Find the layers.

    Raises:
        ModelError: a model without an embedding matrix, or without a matrix that gives logits.
        UnsupportedError: more matrices of the vocabulary than these two, or quantised ones.
    """
    name = type(model).__name__
    source = _matrix_of(model, "get_input_embeddings", "embedding matrix")
    head = _matrix_of(model, "get_output_embeddings", "output matrix, and so no logits")
    for weight in (source, head.weight if hasattr(head, "weight") else head):
        _check_matrix(getattr(weight, "weight", weight), name)
    copies = _copies_of(model, source, head, name)
    state: dict[str, Any] = model.state_dict(keep_vars=True)
    inputs = tuple(
        key
        for key, value in state.items()
        if value is source.weight or any(value is each for each in copies)
    )
    outputs = [key for key, value in state.items() if value is head.weight]
    if not inputs or not outputs:
        raise UnsupportedError(
            f"{name}: its embeddings are no parameters of the model (an adapter, or a hook?); "
            "merge them into the weights first"
        )
    tied = head.weight is source.weight
    output_name = _name_of(model, head, outputs)
    return VocabularyLayers(
        input_names=tuple(key for key in inputs if key != output_name),
        output_name=output_name,
        bias_names=_bias_names(head, output_name, state),
        n_rows=int(source.weight.shape[0]),
        n_output_rows=int(head.weight.shape[0]),
        input_width=int(source.weight.shape[1]),
        output_width=int(head.weight.shape[1]),
        tied=tied,
    )


def _bias_names(head: Any, output_name: str, state: dict[str, Any]) -> tuple[str, ...]:
    """Names of the head's bias; BERT and RoBERTa have a second one, BART adds its to the logits."""
    bias = getattr(head, "bias", None)
    if bias is None:
        return tuple(key for key in state if key.rpartition(".")[2] == _ADDED)
    parent = output_name.rpartition(".")[0].rpartition(".")[0]
    return tuple(
        key
        for key, value in state.items()
        if value is bias or (key == f"{parent}.bias" and value.shape == bias.shape)
    )


def _matrix_of(model: Any, getter: str, what: str) -> Any:
    try:
        layer = getattr(model, getter)()
    except (AttributeError, NotImplementedError):
        layer = None
    if layer is None or getattr(layer, "weight", None) is None:
        raise ModelError(
            f"{type(model).__name__} has no {what}; expected a language model of transformers with "
            "one row a token, as AutoModelForCausalLM or AutoModelForMaskedLM give"
        )
    return layer


def _check_matrix(weight: Any, name: str) -> None:
    if weight.dim() != 2 or not weight.is_floating_point() or weight.dtype.itemsize < 2:
        raise UnsupportedError(
            f"{name}: a matrix of the vocabulary is {weight.dtype} {tuple(weight.shape)}; expected "
            "float rows, one a token. Load the model without quantisation"
        )


def _name_of(model: Any, head: Any, outputs: list[str]) -> str:
    """The name of the head's own weight among those that share it."""
    module = next(name for name, each in model.named_modules() if each is head)
    own = f"{module}.weight"
    return own if own in outputs else outputs[-1]


def _copies_of(model: Any, source: Any, head: Any, name: str) -> list[Any]:
    """Matrices that hold the input rows once more, as an untied BART does for its decoder.

    Raises:
        UnsupportedError: a matrix of the vocabulary with other rows (Gemma 3n has one a layer).
    """
    import torch

    config = model.config.get_text_config(decoder=True)
    if getattr(config, "hidden_size_per_layer_input", None):
        raise UnsupportedError(
            f"{name} has embeddings of every token for every layer (hidden_size_per_layer_input), "
            "for which no rows can be made; use a model without"
        )
    n_rows = source.weight.shape[0]
    copies: list[Any] = []
    for key, module in model.named_modules():
        if not isinstance(module, torch.nn.Embedding) or module is head:
            continue
        if module.num_embeddings != n_rows or "pos" in key.rpartition(".")[2]:
            continue
        if module.weight is source.weight or torch.equal(module.weight, source.weight):
            copies.append(module.weight)
        else:
            raise UnsupportedError(
                f"{name} has a second matrix of {n_rows:,} rows, {key}, beside its embeddings; a "
                "transfer would leave it as it is. Use a model with one vocabulary"
            )
    return copies


def input_rows(model: Any, size: int | None = None) -> Rows:
    """The rows of the input matrix, float32 (size, width), copied; Gemma's are not scaled.

    Args:
        model: of transformers.
        size: how many, from id 0; None: all, padding included.
    """
    return _float_rows(model.get_input_embeddings().weight, size)


def output_rows(model: Any, size: int | None = None) -> Rows:
    """The rows of the output matrix, float32 (size, width), copied."""
    return _float_rows(model.get_output_embeddings().weight, size)


def output_bias(model: Any, size: int | None = None) -> Rows | None:
    """The head's bias, float32 (size,), copied; None if the class has none."""
    bias = bias_of(model)
    return None if bias is None else _float_rows(bias, size)


def bias_of(model: Any) -> Any | None:
    """The head's bias as it is, a tensor (rows,); None if the class has none (Llama)."""
    bias = getattr(model.get_output_embeddings(), "bias", None)
    added = getattr(model, _ADDED, None)
    if bias is None and added is not None:
        return added[0]
    return bias


def _float_rows(weight: Any, size: int | None) -> Rows:
    rows = weight.detach() if size is None else weight.detach()[:size]
    return rows.float().cpu().numpy().copy()
