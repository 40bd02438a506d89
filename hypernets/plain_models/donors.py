"""`load_donor`: the rows of a model that has the new tokenizer.

A donor is not trusted: its tokenizer must be the new one, id for id, and its rows must be numbers.
What cannot be seen is whether they are meant well; the report shows the rows that came out unlike
the others.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, ModelError
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_rows
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Donor:
    """Rows of another model for the new tokens.

    Attributes:
        name: for messages.
        inputs: float32 (n_target, its width), its input rows.
        outputs: float32 (n_target, its width), its output rows; None where they are the input rows.
    """

    name: str
    inputs: Floats
    outputs: Floats | None


def load_donor(
    donor: Any,
    target: TextTokenizer,
    *,
    allow_download: bool = False,
) -> Donor:
    """Load a model, and take its rows.

    Args:
        donor: whatever `load_source` takes.
        target: the new tokenizer.
        allow_download: whether a hub id may be fetched.

    Raises:
        ArgumentError: its tokenizer is another.
        ModelError: fewer rows than tokens, or a row that is not finite.
    """
    source = load_source(donor, allow_download=allow_download)
    _check_tokenizer(source.name, source.tokenizer.spec, target.spec)
    size = target.vocab_size
    rows = input_rows(source.model, size)
    outputs = None if source.layers.tied else output_rows(source.model, size)
    for each in (rows, outputs):
        if each is not None:
            _check_finite(source.name, each, target.spec)
    return Donor(source.name, rows, outputs)


def _check_tokenizer(name: str, own: TokenizerSpec, target: TokenizerSpec) -> None:
    """Refuse a tokenizer whose ids are not those of the new one."""
    advice = "; a donor has the new tokenizer, id for id"
    if own.vocab_size < target.vocab_size:
        raise ArgumentError(
            f"{name} is no donor: the new tokenizer has ids beyond its rows, {target.vocab_size:,} "
            f"against {own.vocab_size:,}{advice}"
        )
    theirs, ours = _texts(own), _texts(target)
    for token, wanted in enumerate(ours):
        if theirs[token] != wanted:
            raise ArgumentError(
                f"{name} is no donor: its token {token} is {theirs[token]!r:.40}, and the new "
                f"tokenizer's {wanted!r:.40}{advice}"
            )


def _texts(spec: TokenizerSpec) -> list[bytes]:
    """What each id stands for; a control token, which has no bytes, its own text."""
    texts = list(spec.token_bytes)
    for text, token in spec.special_tokens.items():
        texts[token] = texts[token] or text.encode()
    return texts


def _check_finite(name: str, rows: Floats, target: TokenizerSpec) -> None:
    broken = np.flatnonzero(~np.isfinite(rows).all(axis=1))
    if len(broken):
        token = int(broken[0])
        raise ModelError(
            f"{name}: the row of token {token} {_texts(target)[token]!r:.40} is not finite (and "
            f"{len(broken) - 1:,} others); this model cannot be a donor"
        )
