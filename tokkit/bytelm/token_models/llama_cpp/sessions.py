"""Trees of contexts over llama.cpp's cache: `TreeSession`, and `LinearSession` where it must be.

`TreeSession` gives each leaf of the tree of evaluated nodes a sequence of its own. Sequences share
the cells of their common beginning, so a fork costs nothing and each node is evaluated once, in
batches whose tokens belong to the sequences of all leaves below them. That is how llama.cpp's own
speculative decoding verifies a tree of drafts; here it is kept up over a session.

Sequences are few. When they run out, those whose nodes nobody holds any more are freed; if that is
not enough, the least recently used ones are given up, and their nodes evaluated again if they are
ever extended. So results never depend on what is kept.

`LinearSession` keeps one sequence and reuses the longest prefix that the next context shares with
it. It serves models whose state cannot be forked (recurrent and hybrid ones), and as a check.

A session is not thread-safe.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice, takewhile
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, ref

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.token_models.llama_cpp.native import Entry, NoRoomError
from tokkit.bytelm.token_models.protocol import Node, Session
from tokkit.errors import ModelError

if TYPE_CHECKING:
    from tokkit.bytelm.token_models.llama_cpp.native import NativeContext


@dataclass(frozen=True)
class SessionLimits:
    """What a session must know of its model.

    Attributes:
        name: for messages.
        bos_ids: what the model reads before any text; the root is the last of them.
        vocab_size: ids of the tokenizer, and columns returned.
        n_ctx: the longest context, BOS included.
        max_batch_tokens: tokens in one pass.
    """

    name: str
    bos_ids: tuple[int, ...]
    vocab_size: int
    n_ctx: int
    max_batch_tokens: int


class _Session(Session):
    """What both sessions share: the root, growth, and the checks."""

    def __init__(self, context: NativeContext, limits: SessionLimits) -> None:
        super().__init__(limits.vocab_size)
        self._context = context
        self._limits = limits
        self.n_evaluated = 0
        context.clear()

    def _position(self, node: Node) -> int:
        return node.depth + len(self._limits.bos_ids) - 1

    def _check(self, node: Node) -> None:
        length = self._position(node) + 1
        if length > self._limits.n_ctx:
            raise ModelError(
                f"{self._limits.name}: a context of {length} tokens (BOS included) is longer than "
                f"n_ctx={self._limits.n_ctx}; pass a larger n_ctx if the model allows it, or "
                "shorten the prompt"
            )


class TreeSession(_Session):
    """The `Session` of a `LlamaCppLM` whose cache can be forked.

    Attributes:
        n_evaluated: tokens that have been evaluated, those evaluated again included.
    """

    def __init__(self, context: NativeContext, limits: SessionLimits) -> None:
        super().__init__(context, limits)
        self._home: WeakKeyDictionary[Node, int] = WeakKeyDictionary()
        self._tips: dict[int, ref[Node]] = {}
        self._lengths: dict[int, int] = {}
        self._used_at: dict[int, int] = {}
        self._free = list(range(context.n_sequences))
        self._clock = 0

    def logprobs(self, nodes: Sequence[Node]) -> NDArray[np.float32]:
        """Next-token log-probabilities of each node.

        Ancestors that the cache does not hold are evaluated with them. A node that has been
        evaluated before is evaluated again, which costs one token: logits are not kept.

        Returns:
            float32 (len(nodes), vocab_size), nats.

        Raises:
            ArgumentError: a node of another session.
            ModelError: a context longer than `n_ctx`, or llama.cpp failed.
        """
        rows = np.empty((len(nodes), self._limits.vocab_size), dtype=np.float32)
        wanted: dict[Node, list[int]] = {}
        for k, node in enumerate(nodes):
            wanted.setdefault(node, []).append(k)
        pending = self._pending(wanted)
        try:
            self._evaluate(pending, wanted, rows)
        except BaseException:
            self._reset()  # an interrupted pass may have left tokens that are not accounted for
            raise
        return rows

    def _pending(self, wanted: Iterable[Node]) -> list[Node]:
        """Wanted nodes, and ancestors that the cache lacks, parents before children."""
        pending: dict[Node, None] = {}
        again: list[Node] = []
        for node in wanted:
            self._check(node)
            if node in self._home:
                again.append(node)
            elif node not in pending:
                path = self._path_from_home(node, pending)
                pending.update(dict.fromkeys(path))
        for node in again:
            del self._home[node]
        return sorted(again, key=lambda node: node.depth) + list(pending)

    def _path_from_home(self, node: Node, also: Container[Node] = ()) -> list[Node]:
        """The node and those before it, up to the first that is held or in `also`; in order."""
        path = [node]
        for walk in islice(node.lineage(), 1, None):
            if walk in self._home or walk in also:
                return path[::-1]
            path.append(walk)
        self._check_root(path[-1])
        return path[::-1]

    def _evaluate(
        self, pending: list[Node], wanted: dict[Node, list[int]], rows: NDArray[np.float32]
    ) -> None:
        """Fill `rows`, batch by batch, and make room where the cache is full."""
        n_failures, max_leaves = 0, self._context.n_sequences // 2
        while pending:
            batch = self._take_batch(pending, max_leaves)
            try:
                found = self._decode(batch, wanted)
            except NoRoomError:
                n_failures += 1
                if n_failures == 1:
                    self._keep_only(batch)
                elif n_failures == 2:
                    # Alone: what a batch goes on from may not fit into the cache together.
                    self._reset()
                    max_leaves = 1
                else:
                    raise ModelError(
                        f"{self._limits.name}: the cache has no room for a context of "
                        f"{self._position(batch[-1]) + 1} tokens; pass a larger n_ctx"
                    ) from None
                continue
            done = [node for node in batch if node in wanted]
            for node, row in zip(done, found, strict=True):
                rows[wanted[node]] = row[: rows.shape[1]]
            if done:
                n_failures = 0
            del pending[: len(batch)]

    def _take_batch(self, pending: list[Node], max_leaves: int) -> list[Node]:
        """The longest beginning with few enough tokens and leaves, whose parents are at hand.

        What has been given up since it was evaluated comes back to the front of `pending`.
        """
        pending[:1] = self._path_from_home(pending[0])
        size = 0
        batch: list[Node] = []
        leaves: set[Node] = set()
        for node in pending:
            size += 1 if node.parent else len(self._limits.bos_ids)
            if batch and size > self._limits.max_batch_tokens:
                break
            if node.parent in leaves:
                leaves.discard(node.parent)
            elif batch and (len(leaves) == max_leaves or not self._at_hand(node.parent, batch)):
                break
            leaves.add(node)
            batch.append(node)
        return batch

    def _at_hand(self, parent: Node | None, batch: list[Node]) -> bool:
        return parent in batch or parent in self._home

    def _decode(self, batch: Sequence[Node], wanted: dict[Node, list[int]]) -> NDArray[np.float32]:
        members = set(batch)
        parents = {node.parent for node in batch}
        leaves = [node for node in batch if node not in parents]
        bases = {leaf: _base(leaf, members) for leaf in leaves}
        self._make_room(len(leaves), [base for base in bases.values() if base is not None])
        self._clock += 1
        sequences: dict[Node, list[int]] = {node: [] for node in batch}
        taken: dict[Node, int] = {}
        fresh: list[int] = []
        for leaf, base in bases.items():
            own = self._sequence_after(base, taken.values(), fresh)
            taken[leaf] = own
            for walk in takewhile(members.__contains__, leaf.lineage()):
                sequences[walk].append(own)
        try:
            rows = self._decode_in_parts(
                [e for node in batch for e in self._entries(node, sequences[node], node in wanted)]
            )
        except NoRoomError:
            for own in fresh:
                self._release(own)
            raise
        for leaf, own in taken.items():
            self._tips[own] = ref(leaf)
            self._lengths[own] = self._position(leaf) + 1
            self._used_at[own] = self._clock
        for node in batch:
            self._home[node] = sequences[node][0]
        return rows

    def _decode_in_parts(self, entries: list[Entry]) -> NDArray[np.float32]:
        """Several BOS ids may be more than one pass takes; nothing else is."""
        size = self._limits.max_batch_tokens
        parts = [entries[k : k + size] for k in range(0, len(entries), size)]
        rows = [self._context.decode(part) for part in parts]
        self.n_evaluated += len(entries)
        return np.concatenate(rows)

    def _entries(self, node: Node, sequences: Sequence[int], wanted: bool) -> list[Entry]:
        if node.parent is not None:
            return [Entry(node.token, self._position(node), sequences, wanted)]
        ids = self._limits.bos_ids
        last = len(ids) - 1
        return [Entry(i, k, sequences, wanted and k == last) for k, i in enumerate(ids)]

    # -- sequences ---------------------------------------------------------------------------

    def _sequence_after(self, base: Node | None, taken: Iterable[int], fresh: list[int]) -> int:
        """A sequence that holds `base` and nothing after it: its own, or else a copy."""
        home = None if base is None else self._home[base]
        end = 0 if base is None else self._position(base) + 1
        if home is not None:
            self._used_at[home] = self._clock
            if self._lengths[home] == end and home not in taken:
                return home
        own = self._free.pop()
        fresh.append(own)
        if home is not None:
            self._context.copy(home, own, end)
        self._lengths[own] = end
        self._used_at[own] = self._clock
        return own

    def _release(self, sequence: int) -> None:
        self._context.truncate(sequence, 0)
        for table in (self._tips, self._lengths, self._used_at):
            table.pop(sequence, None)
        self._free.append(sequence)

    def _make_room(self, n: int, bases: Sequence[Node]) -> None:
        """See to it that `n` sequences are free, without losing `bases`."""
        if len(self._free) >= n:
            return
        self._collect()
        if len(self._free) >= n:
            return
        pinned = {self._home[base] for base in bases}
        old = sorted(self._tips.keys() - pinned, key=lambda own: self._used_at[own])
        for own in old[: max(n - len(self._free), self._context.n_sequences // 4)]:
            self._release(own)
        self._collect()

    def _keep_only(self, batch: Sequence[Node]) -> None:
        """Give up every sequence that the batch does not go on from."""
        members = set(batch)
        bases = {_base(node, members) for node in batch}
        self._collect()
        pinned = {self._home[base] for base in bases if base is not None}
        for own in self._tips.keys() - pinned:
            self._release(own)
        self._collect()

    def _collect(self) -> None:
        """Free sequences that no live node needs, and cut others behind their last live node."""
        deepest: dict[int, Node] = {}
        for node, own in self._home.items():
            if own not in deepest or node.depth > deepest[own].depth:
                deepest[own] = node
        ends: list[tuple[int, Node]] = []
        for own in list(self._tips):
            tip = self._tips[own]() or deepest.get(own)
            if tip is None or not self._cut(own, tip):
                self._release(own)
            else:
                ends.append((own, tip))
        ends.sort(key=lambda item: -item[1].depth)
        self._home.clear()
        for own, tip in ends:
            if tip in self._home:  # lies on the way to a deeper end
                self._release(own)
                continue
            for walk in takewhile(lambda node: node not in self._home, tip.lineage()):
                self._home[walk] = own

    def _cut(self, own: int, tip: Node) -> bool:
        end = self._position(tip) + 1
        if self._lengths[own] > end and not self._context.truncate(own, end):
            return False
        self._lengths[own] = end
        self._tips[own] = ref(tip)
        return True

    def _reset(self) -> None:
        """Forget everything; nodes are evaluated again when they are needed."""
        self._context.clear()
        self._home.clear()
        for table in (self._tips, self._lengths, self._used_at):
            table.clear()
        self._free = list(range(self._context.n_sequences))


def _base(leaf: Node, members: set[Node]) -> Node | None:
    """The first ancestor outside the batch."""
    return next((node for node in leaf.lineage() if node not in members), None)


class LinearSession(_Session):
    """One sequence; each context reuses what it shares with the one before.

    Attributes:
        n_evaluated: tokens that have been evaluated.
    """

    def __init__(self, context: NativeContext, limits: SessionLimits) -> None:
        super().__init__(context, limits)
        self._held: list[int] = []

    def logprobs(self, nodes: Sequence[Node]) -> NDArray[np.float32]:
        """See `TreeSession.logprobs`."""
        rows = np.empty((len(nodes), self._limits.vocab_size), dtype=np.float32)
        for k, node in enumerate(nodes):
            self._check(node)
            *_, top = node.lineage()
            self._check_root(top)
            rows[k] = self._after([*self._limits.bos_ids, *node.ids()])[: rows.shape[1]]
        return rows

    def _after(self, ids: list[int]) -> NDArray[np.float32]:
        common = 0
        for held, token in zip(self._held, ids[:-1], strict=False):
            if held != token:
                break
            common += 1
        if common < len(self._held) and not (common and self._context.truncate(0, common)):
            self._context.clear()
            common = 0
        self._held = []  # until it is done
        size = self._limits.max_batch_tokens
        rows = np.empty((0, 0), dtype=np.float32)
        for start in range(common, len(ids), size):
            part = ids[start : start + size]
            rows = self._context.decode(
                [Entry(t, k, (0,), k == len(ids) - 1) for k, t in enumerate(part, start)]
            )
        self.n_evaluated += len(ids) - common
        self._held = ids
        return rows[0]
