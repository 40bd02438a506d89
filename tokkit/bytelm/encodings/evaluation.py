"""The model run on contexts, many in one call: `rows_in_calls`; and on heads: `evaluate`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.bytelm.encodings.heads import Head
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import Session
from tokkit.errors import ModelError
from tokkit.kernels.token_masses import masses

T = TypeVar("T")

_HEADROOM = 31.0
"""Nats that the largest weight is above 1, so that float32 reaches 118 nats below the largest; more
would cost digits, for the scores of models are about as large."""
_NO_IDS = np.empty(0, dtype=np.int64)
_CHUNK_VALUES = 1 << 25  # log-probabilities held at once


def rows_in_calls(
    vocabulary: ByteVocabulary,
    session: Session,
    ask: Callable[[Sequence[T]], NDArray[np.floating[Any]]],
    items: Sequence[T],
) -> Iterator[tuple[Sequence[T], NDArray[np.floating[Any]]]]:
    """What a model says after contexts, in as few calls as memory allows.

    Args:
        vocabulary: of the model.
        session: which is asked.
        ask: gives a row for each item, float (n, V') with V' at least the vocabulary.
        items: the contexts, or what has one.

    Yields:
        The items of each call, and their rows.

    Raises:
        ModelError: rows of another shape.
    """
    size = max(1, _CHUNK_VALUES // vocabulary.vocab_size)
    if session.rows_at_once is not None:
        size = min(size, session.rows_at_once)
    for start in range(0, len(items), size):
        chunk = items[start : start + size]
        rows = ask(chunk)
        if rows.ndim != 2 or rows.shape[0] != len(chunk) or rows.shape[1] < vocabulary.vocab_size:
            raise ModelError(
                f"the model returned log-probabilities of shape {rows.shape}; expected "
                f"({len(chunk)}, {vocabulary.vocab_size}) for the tokenizer {vocabulary.name}"
            )
        yield chunk, rows


def evaluate(
    vocabulary: ByteVocabulary,
    session: Session,
    heads: Sequence[Head],
    keep: Mapping[Head, tuple[int, int]],
) -> Iterator[Head]:
    """Run the model on heads, in as few calls as memory allows, and yield each as it is done.

    A head that is yielded holds the weights of all tokens; when the next one is asked for,
    it keeps only what can still be needed of it.

    Args:
        vocabulary: the sorted tokens.
        session: where the heads' contexts live.
        heads: not evaluated yet, parents first.
        keep: the ranges of sorted tokens to keep; nothing of heads that it does not name.

    Raises:
        ModelError: the model returned NaN, or rows of the wrong length.
    """
    children: dict[Head, list[Head]] = {}
    parents = {head.parent for head in heads}
    leaves = {head.node for head in heads if head not in parents and head not in keep}
    for head in heads:
        if head.parent is not None and math.isnan(head.log_weight):
            children.setdefault(head.parent, []).append(head)
    n_tokens = len(vocabulary.trie)

    def ask(chunk: Sequence[Head]) -> NDArray[np.floating[Any]]:
        nodes = [head.node for head in chunk]
        return session.logits_in_passing(nodes, leaves) if leaves else session.logits(nodes)

    for chunk, rows in rows_in_calls(vocabulary, session, ask, heads):
        dtype = np.float32 if rows.itemsize == 4 else np.float64
        scratch: NDArray[np.floating[Any]] | None = None
        for head, row in zip(chunk, rows, strict=True):
            low, high = keep.get(head, (0, 0))
            everything = high - low == n_tokens
            out = np.empty(n_tokens, dtype) if everything or scratch is None else scratch
            _absorb(vocabulary, head, row, out)
            yield head
            for child in children.get(head, ()):
                child.weigh()
            if not everything:
                scratch = out
                head.weights = head.kept(low, high).copy()
                head.low = low


def _absorb(
    vocabulary: ByteVocabulary,
    head: Head,
    scores: NDArray[np.floating[Any]],
    out: NDArray[np.floating[Any]],
) -> None:
    """Mask and add up one row of scores into a head, which will hold `out`."""
    symbols = np.empty(N_SYMBOLS)
    total = masses.weigh_row(
        scores,
        vocabulary.permitted(head.state),
        vocabulary.order,
        vocabulary.first_offsets,
        vocabulary.end_ids if vocabulary.canonical.may_end(head.state) else _NO_IDS,
        _HEADROOM,
        out,
        symbols,
    )
    if math.isnan(total):
        raise ModelError(
            f"the model returned NaN or infinite log-probabilities after {head.node.depth} tokens; "
            "check its weights, or load it with dtype='float32'"
        )
    if total > 0:
        head.total = total
    head.low, head.weights, head.symbols = 0, out, symbols
