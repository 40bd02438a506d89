"""How a model that has just been loaded is tried against plain passes of itself: `find_way`.

A model may ignore masks or positions, make its masks itself, change its logits after the head,
choose its rope by the length of a pass, or see what comes later. None of that raises; it would only
be wrong. So each way to evaluate it (`tokkit.bytelm.ways`) is tried on a small tree, from the
fastest on, until one gives the numbers of plain passes; beyond each window and switch, too, which
are narrowed for that (`tokkit.bytelm.length_limits`).

Differences are measured on log-probabilities, in units of how much those of one row differ from
each other, since a nearly flat model differs little in everything. How large rounding may be
depends on the precision. In half precision a row may also jump, where the choice among experts
flips; so the middle one of the differences counts there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tokkit.bytelm.length_limits import Limit, find_limits, narrowed
from tokkit.bytelm.protocol import LogProbs, Node
from tokkit.bytelm.transformers_backbone import Backbone
from tokkit.bytelm.ways import WAYS, Evaluator, TransformersSession, Way
from tokkit.bytelm.whole_model import normalised
from tokkit.errors import ModelError, TokkitError, UnsupportedError

_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3, torch.float16: 0.01, torch.bfloat16: 0.04}
"""The largest difference that is taken for rounding."""

_SHORT = 6
_LONG = 12

Rows = LogProbs


@dataclass(frozen=True)
class Tree:
    """Two or more texts with a common beginning, to be asked for in two calls.

    Attributes:
        texts: ids without BOS.
        first: how many ids of the first text are asked for in the first call.
    """

    texts: tuple[tuple[int, ...], ...]
    first: int

    @classmethod
    def draw(cls, length: int, forks: Sequence[int], vocab_size: int) -> Tree:
        """A text of different ids, and one that leaves it after each of `forks` ids."""
        ids = [(5 + 7 * k + k * k) % vocab_size for k in range((len(forks) + 1) * length)]
        trunk = ids[:length]
        texts = [tuple(trunk)]
        for k, fork in enumerate(forks, 1):
            texts.append((*trunk[:fork], *ids[k * length : (k + 1) * length - fork]))
        return cls(tuple(texts), length // 2)

    def rows(self, session: TransformersSession) -> list[Rows]:
        """What a session says after each text, with a cache that is filled in two calls."""
        begun = _grow(session, session.root, self.texts[0][: self.first])
        session.logprobs([begun])
        abandoned = _grow(session, begun, self.texts[-1][:3])
        session.logprobs([abandoned])
        del abandoned
        nodes = [_grow(session, begun, self.texts[0][self.first :])]
        nodes += [_grow(session, session.root, text) for text in self.texts[1:]]
        compact = getattr(session, "compact", None)
        if compact is not None:
            compact()
        return list(session.logprobs(nodes))


def _grow(session: TransformersSession, node: Node, ids: Sequence[int]) -> Node:
    for token in ids:
        node = session.extend(node, token)
    return node


def find_way(evaluator: Evaluator, why_no_tree: str) -> Way:
    """The fastest way that gives what plain passes give.

    Args:
        evaluator: the model.
        why_no_tree: for the message, where `evaluator.backbone` is None.

    Raises:
        ModelError: a plain pass failed, or gives the same probability to everything.
        UnsupportedError: the model is not causal, or no way is right.
    """
    short = Tree.draw(_SHORT, [3], evaluator.vocab_size)
    plain = _plain_rows(evaluator, short)
    _check_causal(evaluator, short, plain)
    expected = [normalised(rows)[-1, : evaluator.vocab_size] for rows in plain]
    limits = find_limits(evaluator.model.config)
    found: list[str] = []
    for way in WAYS:
        if way == "tree" and evaluator.backbone is None:
            found.append(f"tree: {why_no_tree}")
            continue
        if way == "passes":
            return way  # by definition
        problem = _problem(evaluator, way, short, expected)
        for limit in limits:
            if problem is None:
                problem = _problem_beyond(evaluator, way, limit)
        if problem is None:
            return way
        found.append(f"{way}: {problem}")
    raise UnsupportedError(f"{evaluator.model.name}: no way to evaluate it: {'; '.join(found)}")


def _plain_rows(evaluator: Evaluator, tree: Tree) -> list[Rows]:
    """The logits of a plain pass over each text, behind BOS."""
    return [evaluator.model.logits([*evaluator.bos_ids, *text]) for text in tree.texts]


def _check_causal(evaluator: Evaluator, tree: Tree, plain: Sequence[Rows]) -> None:
    """The first two texts, of one length, must have the same rows as long as they agree.

    A causal model has them to the bit, since passes of one shape add alike; experts round.
    """
    n_common = len(evaluator.bos_ids)
    for one, other in zip(tree.texts[0], tree.texts[1], strict=True):
        if one != other:
            break
        n_common += 1
    name, kind = evaluator.model.name, type(evaluator.model.model).__name__
    one, other = (normalised(rows[:, : evaluator.vocab_size]) for rows in plain[:2])
    if np.isnan(one).any() or np.isnan(other).any():
        raise ModelError(
            f"{name}: the model returned NaN or infinite logits; "
            "try dtype='float32', or check that its weights are complete"
        )
    if float(np.ptp(one, axis=1).max()) == 0:
        raise ModelError(
            f"{name}: {kind} gives every token the same probability, so that nothing can be "
            "checked; look for weights that are zero or missing"
        )
    gap = max(_gap(one[k], other[k]) for k in range(n_common))
    if gap > _TOLERANCE.get(evaluator.model.dtype, 0.04) / 4:
        raise UnsupportedError(
            f"{name}: {kind} is no causal language model: what it says after a token depends on "
            f"the tokens behind it (by {gap:.2g} of the spread of its log-probabilities); load a "
            "causal model, or set is_decoder=True in its configuration if it was trained so"
        )


def _problem(evaluator: Evaluator, way: Way, tree: Tree, expected: Sequence[Rows]) -> str | None:
    """Why a way is not right, or None."""
    try:
        rows = tree.rows(evaluator.open(way))
    except TokkitError as error:
        return str(error)
    gaps = [_gap(row, plain) for row, plain in zip(rows, expected, strict=True)]
    is_half = evaluator.model.dtype in (torch.bfloat16, torch.float16)
    gap = float(np.median(gaps) if is_half else np.max(gaps))
    if gap <= _TOLERANCE.get(evaluator.model.dtype, 0.04):
        return None
    return (
        f"other probabilities than in a plain pass (they differ by {gap:.2g} of the spread of the "
        "log-probabilities)"
    )


def _problem_beyond(evaluator: Evaluator, way: Way, limit: Limit) -> str | None:
    """Why a way is not right beyond a limit, or None."""
    tree = Tree.draw(_LONG, [3, 9], evaluator.vocab_size)
    wide = evaluator.model.last_logits([*evaluator.bos_ids, *tree.texts[0]])
    with narrowed(evaluator.model.model, limit):
        logits = [evaluator.model.last_logits([*evaluator.bos_ids, *text]) for text in tree.texts]
        if np.array_equal(wide, logits[0]):
            if way != "tree":
                return None  # as the model's own generation does it
            return f"whether it heeds {limit.name} ({limit.value}) cannot be seen in a short text"
        expected = [normalised(row)[: evaluator.vocab_size] for row in logits]
        if way == "tree":
            name = evaluator.model.name
            evaluator = replace(evaluator, backbone=Backbone(evaluator.model.model, name=name))
        problem = _problem(evaluator, way, tree, expected)
    return problem and f"beyond {limit.name} ({limit.value}) {problem}"


def _gap(row: Rows, plain: Rows) -> float:
    """Standard deviation of the differences over that of the plain row; infinite for NaN."""
    gap = float(np.std(row.astype(np.float64) - plain.astype(np.float64)))
    spread = float(np.std(plain, dtype=np.float64))
    return gap / spread if np.isfinite(gap) and spread > 0 else float("inf" if gap else 0)
