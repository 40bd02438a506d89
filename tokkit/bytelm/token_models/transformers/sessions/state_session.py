"""Sessions for models whose branches cannot share a cache: `StateSession` and `PassSession`.

Recurrent layers fold the text into a state; some models make their masks or positions themselves,
and heed no tree. What every model can do is to go on from a state of its own. So each branch has
one, and a fork copies it: `StateSession`. That takes a pass for each context that is asked for or
forked, and memory for each state. States are kept for the contexts used last; what is needed of the
others is read again. So results never depend on what is kept.

Where even that gives other numbers than a plain pass, `PassSession` runs a plain pass for every
context.

A session is not thread-safe.
"""

from __future__ import annotations

from abc import abstractmethod
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, pairwise
from typing import Any
from weakref import WeakKeyDictionary

from tokkit.bytelm.token_models.protocol import LogProbs, Node, Session
from tokkit.bytelm.token_models.transformers.result_dtype import empty_results
from tokkit.bytelm.token_models.transformers.trial.length_limits import check_length
from tokkit.bytelm.token_models.transformers.whole_model import (
    WholeModel,
    copied,
    normalised,
    refuse_nan,
)

_MAX_ROW_BYTES = 128 << 20
_MAX_STEPS = 32
"""Of more tokens than this, one at a time, it is faster to read the whole text anew."""


@dataclass(frozen=True)
class StateOptions:
    """How a `StateSession` runs its model.

    Attributes:
        max_batch_tokens: tokens in one pass from the beginning of a text.
        continues: whether several tokens may follow a state in one pass; else one at a time, and a
            text from its beginning in one pass.
        max_states: how many states are kept.
    """

    max_batch_tokens: int = 512
    continues: bool = True
    max_states: int = 32


class WholeSession(Session):
    """What both sessions share: the root, growth, checks, and the rows computed last.

    Attributes:
        n_forward_passes: passes of the model.
        n_evaluated: tokens read, those that were read again included.
    """

    def __init__(self, model: WholeModel, bos_ids: Sequence[int], vocab_size: int) -> None:
        """Begin with the empty context.

        Args:
            model: the model.
            bos_ids: at least one id; what the model reads before any text.
            vocab_size: ids of the tokenizer; the number of columns returned.
        """
        super().__init__(vocab_size)
        self._model = model
        self._bos_ids = list(bos_ids)
        self._rows: WeakKeyDictionary[Node, LogProbs] = WeakKeyDictionary()
        self.n_forward_passes = 0
        self.n_evaluated = 0

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """Next-token log-probabilities of each node: float (len(nodes), vocab_size), nats.

        Where the model has more columns than the tokenizer has ids, rows sum to slightly less than
        1 in probability.

        Raises:
            ArgumentError: a node of another session.
            ModelError: a context is too long for the model, or it returned unusable numbers.
        """
        for node in nodes:
            self._check(node)
        found = {node: self._rows[node] for node in nodes if node in self._rows}
        wanted = [node for node in dict.fromkeys(nodes) if node not in found]
        for node, logits in self._evaluate(wanted):
            row = normalised(logits)
            refuse_nan(self._model.name, row)
            found[node] = row[: self._vocab_size]
        for node in wanted:
            if len(self._rows) * found[node].nbytes > _MAX_ROW_BYTES:
                self._rows.clear()
            self._rows[node] = found[node]
        out = empty_results((len(nodes), self._vocab_size), self._model.dtype)
        for k, node in enumerate(nodes):
            out[k] = found[node]
        return out

    @abstractmethod
    def _evaluate(self, nodes: Sequence[Node]) -> Iterable[tuple[Node, LogProbs]]:
        """The logits (n_logits,) of distinct nodes, in any order."""

    def _check(self, node: Node) -> None:
        *_, top = node.lineage()
        self._check_root(top)
        length = node.depth + len(self._bos_ids)
        check_length(self._model.name, length, self._model.max_positions)

    def _ids(self, node: Node) -> list[int]:
        return [*self._bos_ids, *node.ids()]


class PassSession(WholeSession):
    """A plain pass over the whole context, for each context."""

    def _evaluate(self, nodes: Sequence[Node]) -> Iterable[tuple[Node, LogProbs]]:
        for node in nodes:
            ids = self._ids(node)
            self.n_forward_passes += 1
            self.n_evaluated += len(ids)
            yield node, self._model.last_logits(ids)


class StateSession(WholeSession):
    """Each branch goes on from a copy of the state where it forked."""

    def __init__(
        self,
        model: WholeModel,
        bos_ids: Sequence[int],
        vocab_size: int,
        options: StateOptions | None = None,
    ) -> None:
        """As `WholeSession`; see `StateOptions`."""
        super().__init__(model, bos_ids, vocab_size)
        self._options = options or StateOptions()
        self._states: OrderedDict[Node, Any] = OrderedDict()

    def _evaluate(self, nodes: Sequence[Node]) -> Iterable[tuple[Node, LogProbs]]:
        wanted = set(nodes)
        stops = wanted | _forks(nodes)
        for node in _depth_first(stops):
            logits = self._advance(node)
            if node in wanted:
                yield node, logits

    def _advance(self, node: Node) -> LogProbs:
        """The logits of a node; its state is kept."""
        base = next((above for above in _above(node) if above in self._states), None)
        ids = self._ids(node)
        done, state = 0, None
        if base is not None:
            self._states.move_to_end(base)
            done, state = base.depth + len(self._bos_ids), copied(self._states[base])
        size = self._options.max_batch_tokens
        if not self._options.continues:
            if len(ids) - done > _MAX_STEPS:
                done, state = 0, None
            size = 1 if done else len(ids)
        logits: LogProbs = empty_results((0,), self._model.dtype)
        while done < len(ids):
            part = ids[done : done + size]
            logits, state = self._model.advance(part, state)
            self.n_forward_passes += 1
            self.n_evaluated += len(part)
            done += size
        self._states[node] = state
        while len(self._states) > self._options.max_states:
            self._states.popitem(last=False)
        return logits


def _forks(nodes: Sequence[Node]) -> set[Node]:
    """The nodes from which the ways to several of `nodes` part."""
    child_of: dict[Node, Node] = {}
    forks: set[Node] = set()
    seen: set[Node] = set()
    for node in nodes:
        for walk, parent in pairwise(node.lineage()):
            if walk in seen:
                break
            seen.add(walk)
            if child_of.setdefault(parent, walk) is not walk:
                forks.add(parent)
    return forks


def _above(node: Node) -> Iterator[Node]:
    """The ancestors of a node, the nearest first."""
    return islice(node.lineage(), 1, None)


def _depth_first(nodes: set[Node]) -> list[Node]:
    """Parents before children; of the branches of a node the one with the most nodes comes last.

    So few states wait for a branch at any time, at most the logarithm of the number of nodes.
    """
    below: dict[Node | None, list[Node]] = {}
    size = dict.fromkeys(nodes, 1)
    for node in sorted(nodes, key=lambda node: -node.depth):
        base = next((above for above in _above(node) if above in nodes), None)
        below.setdefault(base, []).append(node)
        if base is not None:
            size[base] += size[node]
    ordered: list[Node] = []
    pending = sorted(below.get(None, []), key=lambda node: -size[node])
    while pending:
        node = pending.pop()
        ordered.append(node)
        pending += sorted(below.get(node, []), key=lambda node: -size[node])
    return ordered
