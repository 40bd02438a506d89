"""What the codes alone tell of labels: a naive Bayes classifier of codes.

Examples are whole signals, or places of them (as nodes) where each has a label. Half of the
examples, drawn with a fixed seed, are learned from, and the others are classified: by the
frequencies of each code, in each stream (and at each position, where the ids are a sequence from
coarse to fine), under each label, plus one (Laplace). A code that tells nothing leaves the most
frequent label, whose share is the figure to compare with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError

_Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Probe:
    """How well labels follow from codes.

    Attributes:
        accuracy: of the examples that were not learned from.
        most_frequent: share of them that has the most frequent label.
        n_learned: examples.
        n_asked: examples.
    """

    accuracy: float
    most_frequent: float
    n_learned: int
    n_asked: int


def probe(
    ids: Sequence[_Ints], labels: Sequence[Any], sizes: Sequence[int], *, positions: bool
) -> Probe | None:
    """Classify by codes.

    Args:
        ids: int64 (n, depth) of each signal.
        labels: of each signal a whole number, or int64 (n,) of its places; below 0: unknown.
        sizes: codes of each stream.
        positions: whether the same code at two positions are two things.

    Returns:
        None where fewer than two labels are known: one half is learned from.

    Raises:
        ArgumentError: labels of another number or shape.
    """
    if len(labels) != len(ids):
        raise ArgumentError(f"{len(ids)} signals and {len(labels)} labels; expected one of each")
    examples: list[_Ints] = []
    known: list[int] = []
    for rows, of_signal in zip(ids, labels, strict=True):
        marked = _features(rows, sizes, positions=positions)
        array = np.asarray(of_signal)
        if array.dtype.kind not in "iu" or array.shape not in ((), (len(rows),)):
            raise ArgumentError(
                f"labels of a signal must be a whole number or ({len(rows)},) of them, got "
                f"{array.dtype} {array.shape}"
            )
        places = [marked.ravel()] if array.shape == () else list(marked)
        for place, label in zip(places, array.astype(np.int64).reshape(-1).tolist(), strict=True):
            if label >= 0:
                examples.append(place)
                known.append(label)
    if len(known) < 2:
        return None
    return _classified(examples, np.array(known, np.int64))


def _features(rows: _Ints, sizes: Sequence[int], *, positions: bool) -> _Ints:
    """A number for each code, stream and, if asked for, position."""
    starts = np.cumsum([0, *sizes])
    marked = rows + starts[: rows.shape[1]]
    return marked + np.arange(len(rows))[:, None] * int(starts[-1]) if positions else marked


def _classified(examples: list[_Ints], labels: _Ints) -> Probe:
    classes, places = np.unique(labels, return_inverse=True)
    _, numbered = np.unique(np.concatenate(examples), return_inverse=True)
    bounds = np.cumsum([len(each) for each in examples])[:-1]
    order: list[int] = np.random.default_rng(0).permutation(len(examples)).tolist()
    parts = np.split(numbered, bounds)
    codes, places = [parts[k] for k in order], places[order]
    counts = np.ones((len(classes), int(numbered.max()) + 1))
    of_classes = np.ones(len(classes))
    for example, label in zip(codes[::2], places[::2].tolist(), strict=True):
        np.add.at(counts[label], example, 1.0)
        of_classes[label] += 1
    likely = np.log(counts / counts.sum(1, keepdims=True))
    prior = np.log(of_classes / of_classes.sum())
    asked: list[int] = places[1::2].tolist()
    found = [int(np.argmax(prior + likely[:, each].sum(1))) for each in codes[1::2]]
    right = sum(one == other for one, other in zip(found, asked, strict=True))
    most = max(map(asked.count, set(asked)))
    n_learned = len(codes) - len(asked)
    return Probe(right / len(asked), most / len(asked), n_learned, len(asked))
