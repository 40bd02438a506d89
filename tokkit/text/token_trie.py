"""The tokens of a vocabulary in the order of their bytes, and as a trie laid out level by level.

In that order the tokens that start with given bytes are a contiguous range, and all of a
vocabulary can be walked through an automaton at once: one vectorised step a level.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Level:
    """The nodes at one depth.

    Attributes:
        parent: int64 (n,), index of each node's parent in the level above.
        byte: uint8 (n,), the byte on the edge from it.
        ending: int64 (m,), positions (in the order of bytes) of the tokens that end at this depth.
        end_node: int64 (m,), the nodes at which they end.
    """

    parent: NDArray[np.int64]
    byte: NDArray[np.uint8]
    ending: NDArray[np.int64]
    end_node: NDArray[np.int64]


class TokenTrie:
    """Some tokens, sorted by their bytes (then by id); empty tokens are left out.

    Attributes:
        order: int64 (n,), ids in the order of their bytes.
        lengths: int64 (n,), bytes of each, in that order.
        data: uint8, the bytes of all of them, one after the other.
        offsets: int64 (n + 1,), where in `data` each begins.
    """

    def __init__(self, token_bytes: tuple[bytes, ...], members: NDArray[np.int64]) -> None:
        """Sort some tokens.

        Args:
            token_bytes: the bytes of every id.
            members: int64 (n,), the ids to hold.
        """
        ids: list[int] = [token for token in members.tolist() if token_bytes[token]]
        ids.sort(key=lambda token: (token_bytes[token], token))
        self.tokens = [token_bytes[token] for token in ids]
        self.order = np.array(ids, dtype=np.int64)
        self.lengths = np.fromiter(map(len, self.tokens), dtype=np.int64, count=len(ids))
        self.offsets = np.concatenate([[0], np.cumsum(self.lengths)]).astype(np.int64)
        self.data = np.frombuffer(b"".join(self.tokens), dtype=np.uint8)

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def max_length(self) -> int:
        """Bytes of the longest token."""
        return int(self.lengths.max(initial=0))

    def bytes_at(self, positions: NDArray[np.int64], depth: int) -> NDArray[np.uint8]:
        """Byte number `depth` of the tokens at `positions`, which must be longer than that."""
        return self.data[self.offsets[positions] + depth]

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """The trie, from depth 1 down."""
        levels: list[Level] = []
        positions = np.arange(len(self))
        node_of = np.zeros(len(self), dtype=np.int64)
        depth = 0
        while len(positions):
            byte = self.bytes_at(positions, depth)
            parent = node_of[positions]
            fresh = np.ones(len(positions), dtype=np.bool_)
            fresh[1:] = (parent[1:] != parent[:-1]) | (byte[1:] != byte[:-1])
            node = np.cumsum(fresh) - 1
            node_of[positions] = node
            depth += 1
            done = self.lengths[positions] == depth
            levels.append(Level(parent[fresh], byte[fresh], positions[done], node[done]))
            positions = positions[~done]
        return tuple(levels)

    def walk(
        self,
        start: int,
        dead: int,
        step: Callable[[NDArray[np.int32], NDArray[np.uint8], int], NDArray[np.int32]],
    ) -> NDArray[np.int32]:
        """Send every token through an automaton.

        Args:
            start: the state before the first byte.
            dead: the state that nothing leaves.
            step: `step(states, bytes, depth)` gives the states after one byte, elementwise; it is
                only given live states.

        Returns:
            int32 (len(self),): the state after each token, in the order of bytes.
        """
        result = np.full(len(self), dead, dtype=np.int32)
        states = np.array([start], dtype=np.int32)
        for depth, level in enumerate(self.levels):
            before = states[level.parent]
            states = np.full(len(before), dead, dtype=np.int32)
            live = np.flatnonzero(before != dead)
            if not len(live):
                break
            states[live] = step(before[live], level.byte[live], depth)
            result[level.ending] = states[level.end_node]
        return result
