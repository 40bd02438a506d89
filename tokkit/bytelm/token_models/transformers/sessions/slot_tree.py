"""A tree of contexts over one sequence of slots: what sessions that keep one cache share.

Every evaluated node owns a *slot*, an index into one sequence of keys and values that all the
branches share. New nodes are appended; which slots a node may look at is its row of the ancestor
matrix, a copy of its parent's row plus itself; its position is its depth. So a fork costs nothing,
several prompts are a forest below the root and need no padding, and a prompt is one forward pass
over its unevaluated nodes. The idea is that of tree attention in speculative decoding (SpecInfer,
Miao et al. 2024), kept up over a whole session.

A node is dead once nobody holds its `Node` object (a `Node` holds its parent, so ancestors of live
nodes live). When enough slots are dead the live ones are moved together. Slots stay in topological
order throughout: a parent's slot is smaller than its child's.

Of the heads of a known text about two in three lead to no other. Such *leaves* stand behind the
other new nodes of a pass, and their slots are free again after it: attention then grows with the
nodes times those on the way of others.

Memory: one byte for each pair of slots (the ancestor matrix), the cache itself, and the last
hidden state of each slot, from which log-probabilities can be had again without a forward pass.
A session is not thread-safe.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Literal
from weakref import WeakKeyDictionary

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.token_models.protocol import Node, Session

_ROWS_ON_CPU = 128
"""Rows of a call, and new nodes of a pass with leaves, on the CPU: more multiply no faster
(`row_blocks`), the rows of a head outgrow the caches, and in a pass all look at the keys of each
other, those of leaves among them. Elsewhere so few leave a device idle."""

AttentionKind = Literal["full_attention", "sliding_attention", "chunked_attention"]


class SlotTable:
    """What is known of each slot: its ancestors, its position, its last hidden state.

    Attributes:
        n: slots in use.
        positions: int64 (capacity,).
        hidden: float (capacity, hidden_size).
    """

    def __init__(
        self, hidden_size: int, device: torch.device, dtype: torch.dtype, *, block: int = 1
    ) -> None:
        """No slots yet.

        Args:
            hidden_size: columns of `hidden`.
            device: of `hidden`.
            dtype: of `hidden`.
            block: a pass shows so many keys that its new ones are a multiple of this.
        """
        self.n = 0
        self._block = block
        self._ancestors: NDArray[np.bool_] = np.empty((0, 0), dtype=np.bool_)
        self.positions: NDArray[np.int64] = np.empty(0, dtype=np.int64)
        self.hidden = torch.empty((0, hidden_size), dtype=dtype, device=device)

    def reserve(self, capacity: int) -> None:
        """Make room for `capacity` slots, at least doubling where there is too little."""
        if capacity <= len(self.positions):
            return
        capacity, n = max(256, 2 * len(self.positions), capacity), self.n
        ancestors = np.empty((capacity, capacity), dtype=np.bool_)
        ancestors[:n, :n] = self._ancestors[:n, :n]
        positions = np.empty(capacity, dtype=np.int64)
        positions[:n] = self.positions[:n]
        hidden = self.hidden.new_empty((capacity, self.hidden.shape[1]))
        hidden[:n] = self.hidden[:n]
        self._ancestors, self.positions, self.hidden = ancestors, positions, hidden

    def _rounded(self, n: int) -> int:
        return -(-n // self._block) * self._block

    def write(self, parents: Sequence[int]) -> None:
        """Describe new slots behind the `n` in use, without counting them yet.

        Args:
            parents: slot of each new slot's parent, -1 for none; may itself be a new slot.
        """
        self.reserve(self.n + self._rounded(len(parents)))
        ancestors, positions = self._ancestors, self.positions
        for slot, parent in enumerate(parents, self.n):
            row = ancestors[slot]
            row[: parent + 1] = ancestors[parent, : parent + 1]
            row[parent + 1 :] = False
            row[slot] = True
            positions[slot] = positions[parent] + 1 if parent >= 0 else 0

    def visible(self, n_new: int, kind: AttentionKind, width: int | None) -> NDArray[np.bool_]:
        """The ancestors of each new slot that a kind of attention looks at.

        Args:
            n_new: new slots.
            kind: a window reaches `width` positions back, a chunk to a multiple of `width`.
            width: of the window or chunk; None for full attention.

        Returns:
            bool (n_new, keys); behind the slots in use and the new ones are so many free ones,
            up to a whole block, which nobody sees.
        """
        n_keys = self.n + self._rounded(n_new)
        ancestors = self._ancestors[self.n : self.n + n_new, :n_keys]
        new = self.positions[self.n : self.n + n_new]
        if width is None or int(new.max()) < width:
            return ancestors
        if kind == "chunked_attention":
            return ancestors & (new[:, None] // width == self.positions[:n_keys] // width)
        return ancestors & (new[:, None] - self.positions[:n_keys] < width)

    def last_hidden(self, slots: Sequence[int]) -> torch.Tensor:
        """Float (len(slots), hidden_size)."""
        if len(slots) == 1:  # the common case, where a view is several times cheaper
            return self.hidden[slots[0] : slots[0] + 1]
        return self.hidden[list(slots)]

    def keep(self, first: int, slots: NDArray[np.int64]) -> None:
        """Keep the slots before `first` and, moved up behind them, `slots` (ascending)."""
        n = first + len(slots)
        rows = self._ancestors[slots]
        self._ancestors[first:n, :first] = rows[:, :first]
        self._ancestors[first:n, first:n] = rows[:, slots]
        self.positions[first:n] = self.positions[slots]
        self.hidden[first:n] = self.hidden[torch.from_numpy(slots).to(self.hidden.device)]
        self.n = n


class SlotTree(Session):
    """A session whose nodes have slots; how new ones are read is for those who inherit from it.

    Attributes:
        n_forward_passes: so far.
        n_evaluated: tokens read so far, those before a text included.
    """

    def __init__(
        self,
        vocab_size: int,
        bos_ids: Sequence[int],
        table: SlotTable,
        *,
        max_batch_tokens: int,
        root: Node | None = None,
        min_dead_slots: int = 128,
    ) -> None:
        """No node has a slot yet.

        Args:
            vocab_size: ids of the tokenizer.
            bos_ids: at least one id; what the model reads before any text. The root is its last.
            table: empty.
            max_batch_tokens: new nodes in one forward pass, to bound memory.
            root: to share nodes with another session of the same model.
            min_dead_slots: compact when at least so many slots, and half as many as are live, are
                dead.
        """
        super().__init__(vocab_size, root)
        self._bos_ids = list(bos_ids)
        self._table = table
        self._max_batch_tokens = max_batch_tokens
        self._min_dead_slots = min_dead_slots
        self.rows_at_once = _ROWS_ON_CPU if table.hidden.device.type == "cpu" else None
        self._slot_of: WeakKeyDictionary[Node, int] = WeakKeyDictionary()
        self.n_forward_passes = 0
        self.n_evaluated = 0

    @property
    def n_slots(self) -> int:
        """Slots in use, those of dead nodes included."""
        return self._table.n

    @abstractmethod
    def _read(self, ids: Sequence[int], parents: Sequence[int]) -> torch.Tensor:
        """One forward pass over new slots, which are those behind the `n` in use.

        What it leaves behind counts only once it has returned.

        Args:
            ids: of each.
            parents: slot of each one's parent, -1 for none; may be a new slot before it.

        Returns:
            float (at least len(ids), hidden_size).
        """

    @abstractmethod
    def _keep(self, first: int, slots: NDArray[np.int64]) -> None:
        """Keep the keys of slots before `first` and, moved up behind them, `slots` (ascending)."""

    def _check_length(self, node: Node) -> None:
        """Refuse a context that is too long for the model."""

    def _hidden(
        self, nodes: Sequence[Node], leaves: AbstractSet[Node] = frozenset()
    ) -> torch.Tensor:
        """The last hidden states of nodes, float (len(nodes), hidden_size).

        Args:
            nodes: any.
            leaves: those that need no slot.
        """
        self._compact_if_worthwhile()
        pending = self._unevaluated(nodes)
        passing: set[Node] = set()
        if leaves:
            passing = {node for node in pending if node in leaves and node.parent is not None}
            passing.difference_update(node.parent for node in pending if node.parent is not None)
        size = self._max_batch_tokens
        if not passing:
            for start in range(0, len(pending), size):
                self._evaluate(pending[start : start + size])
            return self._table.last_hidden([self._slot_of[node] for node in nodes])
        if self.rows_at_once is not None:
            size = min(size, self.rows_at_once)
        rows: dict[Node, torch.Tensor] = {}
        for start in range(0, len(pending), size):
            new = sorted(pending[start : start + size], key=passing.__contains__)
            n_leaves = sum(node in passing for node in new)
            found = self._evaluate(new, n_leaves)
            rows.update(zip(new[len(new) - n_leaves :], found, strict=True))
        slots, hidden = self._slot_of, self._table.hidden
        return torch.stack([rows[k] if k in rows else hidden[slots[k]] for k in nodes])

    def _unevaluated(self, nodes: Sequence[Node]) -> list[Node]:
        """The nodes and ancestors without a slot, parents before children."""
        slot_of, pending = self._slot_of, dict[Node, None]()
        for node in nodes:
            path: list[Node] = []
            walk = node
            while walk not in slot_of and walk not in pending:
                path.append(walk)
                if walk.parent is None:
                    self._check_root(walk)
                    break
                walk = walk.parent
            if path:
                self._check_length(node)
                pending.update(dict.fromkeys(reversed(path)))
        return list(pending)

    def _evaluate(self, nodes: Sequence[Node], n_leaves: int = 0) -> torch.Tensor:
        """One forward pass over new nodes, parents before children.

        Args:
            nodes: without a slot.
            n_leaves: so many at the end get none.

        Returns:
            Of these, float (n_leaves, hidden_size).
        """
        ids: list[int] = []
        parents: list[int] = []
        new: dict[Node, int] = {}
        slot = self._table.n
        for node in nodes:
            if node.parent is None:
                ids += self._bos_ids
                parents += range(-1, len(self._bos_ids) - 1)
                slot += len(self._bos_ids) - 1
            else:
                parent = new.get(node.parent)
                ids.append(node.token)
                parents.append(self._slot_of[node.parent] if parent is None else parent)
            new[node] = slot
            slot += 1
        hidden = self._read(ids, parents)
        # Committed only now, so that a pass that failed or was interrupted leaves no trace.
        end, n_kept = slot - n_leaves, len(ids) - n_leaves
        self._table.hidden[self._table.n : end] = hidden[:n_kept]
        self._table.n = end
        self._slot_of.update((node, slot) for node, slot in new.items() if slot < end)
        self.n_forward_passes += 1
        self.n_evaluated += len(ids)
        return hidden[n_kept : len(ids)]

    def _compact_if_worthwhile(self) -> None:
        n, n_bos = self._table.n, len(self._bos_ids)
        live = len(self._slot_of) + n_bos - 1
        if n - live >= max(self._min_dead_slots, live // 2):
            self.compact()

    def compact(self) -> None:
        """Drop the slots of dead nodes now; done by itself when it is worthwhile."""
        if not self._table.n:
            return
        owners = sorted(self._slot_of.items(), key=lambda item: item[1])
        n_hidden = len(self._bos_ids) - 1  # slots of BOS before the root's have no node
        slots = np.array([*range(n_hidden), *(slot for _, slot in owners)], dtype=np.int64)
        moved = np.flatnonzero(slots != np.arange(len(slots)))
        first = int(moved[0]) if len(moved) else len(slots)
        with torch.inference_mode():
            self._table.keep(first, slots[first:])
            self._keep(first, slots[first:])
        for slot, (node, _) in enumerate(owners, n_hidden):
            self._slot_of[node] = slot
