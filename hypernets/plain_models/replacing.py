"""`replace_vocabulary`: a new model of the same class with other rows for other tokens.

The model is built from its configuration and its weights by `from_pretrained`, as transformers does
it with a saved one. So what the class keeps is kept, what it drops is never there (a bias of
Llama's head), and a model that is saved and loaded again is the one that was given.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.hypernets.plain_models.position_rows import position_names, shifted_rows
from tokkit.hypernets.plain_models.source_models import SourceModel
from tokkit.hypernets.plain_models.special_ids import (
    IdMap,
    former_roles,
    map_ids,
    roles_of_tokenizer,
)
from tokkit.hypernets.plain_models.vocabulary_layers import (
    VocabularyLayers,
    bias_of,
    vocabulary_layers,
)
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer

Floats = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class ReplacedModel:
    """A model with another vocabulary.

    Attributes:
        model: of the class, dtype, device and mode of the source.
        tied: whether input and output rows are one parameter.
        notes: ids of the configuration that were dropped, a sentence each.
    """

    model: Any
    tied: bool
    notes: tuple[str, ...]


def keeps_bias(model: Any) -> bool:
    """Whether the class of a model has a bias on its logits (BERT, Phi), which survives saving."""
    return bias_of(model) is not None


def replace_vocabulary(
    source: SourceModel,
    target: ExportedTokenizer,
    input_rows: Floats,
    *,
    output_rows: Floats | None = None,
    output_bias: Floats | None = None,
) -> ReplacedModel:
    """A new model with the vocabulary of `target`; `source` stays as it is.

    The rows are what stands in the matrices: Gemma's input rows before they are scaled. Vocabulary
    size, tying, padding index and all ids in `config` and `generation_config` follow `target`.

    Args:
        source: the model and its tokenizer.
        target: the tokenizer that it gets.
        input_rows: float (n, input width), one for each id of `target`, and perhaps some more.
        output_rows: float (n, output width); None: the input rows, tied. Equal rows stay tied
            where the source's were.
        output_bias: float (n,), where the class has one (`keeps_bias`); None: zeros there. For
            other classes fold it into the rows first (`fold_bias`).

    Raises:
        ArgumentError: shapes that do not fit, numbers that are not finite, or a bias that the class
            would drop.
        UnsupportedError: a class that cannot be built so, or whose positions hang on a padding id
            that the new tokenizer lacks.
        ModelError: the class does not take the rows as they are.
    """
    layers, model = source.layers, source.model
    n = _check_rows(layers, target, input_rows, output_rows, output_bias, model)
    tied = output_rows is None or (layers.tied and np.array_equal(input_rows, output_rows))
    ids = IdMap(
        source.tokenizer,
        target.text,
        roles_of_tokenizer(target.tokenizer),
        former_roles(model.config),
    )
    config = _new_config(model, ids, n, tied=tied)
    state = _kept_weights(model, layers)
    _move_positions(model, config, state, source.name)
    state |= _vocabulary_weights(layers, model, input_rows, output_rows, output_bias, tied=tied)
    made = _built(model, config, state, source.name)
    _set_generation(model, made, ids)
    _check_built(made, input_rows, input_rows if tied else output_rows, output_bias, source.name)
    return ReplacedModel(made, tied, tuple(dict.fromkeys(ids.notes)))


def _check_rows(
    layers: VocabularyLayers,
    target: ExportedTokenizer,
    input_rows: Floats,
    output_rows: Floats | None,
    output_bias: Floats | None,
    model: Any,
) -> int:
    """The number of rows, once all shapes fit."""
    n, least = len(input_rows), target.text.vocab_size
    if input_rows.shape != (n, layers.input_width) or n < least:
        raise ArgumentError(
            f"input rows are {input_rows.shape}; expected at least {least:,} (one for each id of "
            f"the tokenizer) of width {layers.input_width}"
        )
    if output_rows is None and layers.input_width != layers.output_width:
        raise ArgumentError(
            f"{type(model).__name__} has input rows of width {layers.input_width} and output rows "
            f"of width {layers.output_width}, which cannot be tied; give output_rows"
        )
    if output_rows is not None and output_rows.shape != (n, layers.output_width):
        raise ArgumentError(
            f"output rows are {output_rows.shape}; expected {(n, layers.output_width)}"
        )
    if output_bias is not None and output_bias.shape != (n,):
        raise ArgumentError(f"the output bias is {output_bias.shape}; expected {(n,)}")
    if output_bias is not None and not keeps_bias(model):
        raise ArgumentError(
            f"the head of {type(model).__name__} has no bias, and one that is set is lost when the "
            "model is loaded again; fold it into the rows with fold_bias"
        )
    for name, values in (("input", input_rows), ("output", output_rows), ("bias", output_bias)):
        if values is not None and not np.isfinite(values).all():
            raise ArgumentError(f"the {name} rows hold numbers that are not finite")
    return n


def _new_config(model: Any, ids: IdMap, n: int, *, tied: bool) -> Any:
    config = copy.deepcopy(model.config)
    inner = config.get_text_config(decoder=True)
    for each in (config, inner):
        if hasattr(each, "vocab_size"):
            each.vocab_size = n
        if hasattr(each, "tie_word_embeddings"):
            each.tie_word_embeddings = tied
    map_ids(config, ids)
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    _check_survives(config, type(model).__name__)
    return config


def _check_survives(config: Any, name: str) -> None:
    """See that a configuration is the same when it is saved and loaded (T5 is always tied)."""
    given = config.to_dict()
    again = type(config).from_dict(config.to_dict()).to_dict()
    changed = sorted(key for key in given if given[key] != again.get(key))
    if changed:
        raise UnsupportedError(
            f"{name}: its configuration is another one when it is loaded again "
            f"({', '.join(changed)}); use tied rows, or another model"
        )


def _kept_weights(model: Any, layers: VocabularyLayers) -> dict[str, Any]:
    """Copies of all weights but those of the vocabulary."""
    state = model.state_dict()
    return {key: value.clone() for key, value in state.items() if key not in layers.names}


def _move_positions(model: Any, config: Any, state: dict[str, Any], name: str) -> None:
    old_pad = model.config.pad_token_id
    new_pad = config.pad_token_id
    names = position_names(model)
    if not names or old_pad == new_pad:
        return
    for key in names:
        state[key] = shifted_rows(state[key], old_pad=old_pad, new_pad=new_pad, name=name)
    config.max_position_embeddings = int(state[names[0]].shape[0])


def _vocabulary_weights(
    layers: VocabularyLayers,
    model: Any,
    input_rows: Floats,
    output_rows: Floats | None,
    output_bias: Floats | None,
    *,
    tied: bool,
) -> dict[str, Any]:
    import torch

    def tensor(values: Floats) -> Any:
        return torch.tensor(np.asarray(values), dtype=model.dtype)

    # A tensor for each name: what shares memory is saved under one name alone.
    state = {name: tensor(input_rows) for name in layers.input_names}
    if not tied:
        assert output_rows is not None
        state[layers.output_name] = tensor(output_rows)
    if layers.bias_names:
        zeros = np.zeros(len(input_rows), dtype=np.float32)
        bias = zeros if output_bias is None else output_bias
        shapes = {name: model.state_dict()[name].shape for name in layers.bias_names}
        state |= {name: tensor(bias).view(*shape[:-1], -1) for name, shape in shapes.items()}
    return state


def _built(model: Any, config: Any, state: dict[str, Any], name: str) -> Any:
    """A model of the same class with these weights, in the dtype, place and mode of the other."""
    attention = getattr(model.config, "_attn_implementation", None)
    options = {} if attention is None else {"attn_implementation": attention}
    try:
        with quiet_transformers():
            made, info = type(model).from_pretrained(
                None,
                config=config,
                state_dict=state,
                dtype=model.dtype,
                output_loading_info=True,
                **options,
            )
    except Exception as error:  # transformers has no error type of its own
        raise UnsupportedError(
            f"{name}: a {type(model).__name__} cannot be built with another vocabulary "
            f"({type(error).__name__}: {' '.join(str(error).split())[:300]})"
        ) from error
    for kind in ("missing_keys", "unexpected_keys", "mismatched_keys"):
        keys = sorted(map(str, info.get(kind) or ()))
        if keys:
            raise UnsupportedError(
                f"{name}: {type(model).__name__} has weights that depend on the vocabulary in "
                f"ways that are not known here ({kind}: {', '.join(keys[:3])})"
            )
    # It is no more the model at the source's path, whose tokenizer is another.
    made.config._name_or_path = made.name_or_path = ""
    made = made.to(model.device)
    return made.train() if model.training else made.eval()


def _set_generation(model: Any, made: Any, ids: IdMap) -> None:
    settings = getattr(model, "generation_config", None)
    if settings is None:
        return
    made.generation_config = copy.deepcopy(settings)
    map_ids(made.generation_config, ids)


def _check_built(
    made: Any,
    input_rows: Floats,
    output_rows: Floats | None,
    output_bias: Floats | None,
    name: str,
) -> None:
    """See that the rows are where they belong: some classes tie whatever they are told."""
    import torch

    layers = vocabulary_layers(made)
    head = made.get_output_embeddings()
    wanted = [
        (made.get_input_embeddings().weight, input_rows),
        (head.weight, output_rows),
        (bias_of(made), output_bias),
    ]
    for weight, rows in wanted:
        if rows is None:
            continue
        given = torch.tensor(np.asarray(rows), dtype=made.dtype)
        if weight is None or not torch.equal(weight.detach().cpu(), given):
            raise ModelError(
                f"{name}: {type(made).__name__} does not take the rows as they are given (it ties "
                f"its matrices: {layers.tied}); give tied rows, or use another model"
            )
