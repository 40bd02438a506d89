"""A new model of some kind, from the few settings in which it differs from the default."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib import import_module
from typing import Any

from tokkit.arguments import refuse_unknown
from tokkit.errors import ArgumentError
from tokkit.files.registry import CLASSES
from tokkit.models.kinds import KINDS
from tokkit.models.saving.configs import changed_config
from tokkit.models.text_models.text_model import TextModel
from tokkit.text.tokenizer import TextTokenizer


def model_class(name: str) -> type[TextModel]:
    """The class of a kind that `tokkit train` knows.

    Raises:
        ArgumentError: it knows none of that name.
    """
    refuse_unknown([name], tuple(KINDS), what="kind of model")
    module, _, attribute = CLASSES[KINDS[name]].partition(":")
    return getattr(import_module(module), attribute)


def new_model(
    name: str,
    settings: Mapping[str, Any],
    *,
    texts: Sequence[bytes],
    tokenizer: TextTokenizer | None = None,
    vocab_size: int | None = None,
    seed: int = 0,
) -> TextModel:
    """A model with parameters that are drawn.

    Args:
        name: of a kind.
        settings: field of the configuration -> value, where it is not the default; of a field with
            fields of its own a mapping in turn.
        texts: that it will learn from; a tokenizer that is not given is trained on them.
        tokenizer: for models that have one.
        vocab_size: of a tokenizer that is trained.
        seed: of the draw.

    Raises:
        ArgumentError: an unknown kind or field, a value out of range, or a tokenizer for a model
            that has none.
    """
    kind, config = model_class(name), check_settings(name, settings)
    return kind.fresh(config, texts=texts, tokenizer=tokenizer, vocab_size=vocab_size, seed=seed)


def check_settings(name: str, settings: Mapping[str, Any]) -> Any:
    """The configuration of a kind with some settings.

    Raises:
        ArgumentError: an unknown kind or field, or a value out of range.
    """
    return changed_config(model_class(name).config_class(), settings)


def read_settings(given: Iterable[str]) -> dict[str, Any]:
    """Settings from `NAME=VALUE`, with dots between a field and a field of it.

    >>> read_settings(["backbone.width=64", "gate=true", "rule=whitespace"])
    {'backbone': {'width': 64}, 'gate': True, 'rule': 'whitespace'}

    Raises:
        ArgumentError: no name, or a name within a value.
    """
    settings: dict[str, Any] = {}
    for each in given:
        name, equals, text = each.partition("=")
        if not name or not equals:
            raise ArgumentError(f"expected NAME=VALUE, got {each!r}")
        try:
            value = json.loads(text)
        except ValueError:
            value = text
        *outer, last = name.split(".")
        place = settings
        for field in outer:
            place = place.setdefault(field, {})
            if not isinstance(place, dict):
                raise ArgumentError(f"{each!r}: {field} has a value already")
        place[last] = value
    return settings
