"""Which bytes are worth evaluating before they are drawn: `grow_proposal`.

A node is a string of bytes after the text. The heads that the models have been asked about say how
much mass each byte has there; what goes through heads that wait for the pass is guessed. The chance
that the text comes to a node is the product of shares along the way, as temperature and constraints
leave them, and it decides nothing but what is computed early.

Nodes are taken in the order of their chances. With S the sum of the chances taken, a pass yields
1 + S bytes, and costs c(n) with n rows; a node is worth its rows as long as it raises (1 + S) / c.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.drawing.constraint_set import Constraints
from tokkit.bytelm.drawing.speculation.guesses import Guesses
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.heads import Head, Tally
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.errors import TokkitError

_LEAST_CHANCE = 1e-3
_LEAST_TEMPERATURE = 0.25
"""What greedy drawing counts as: the masses are not all known, so the largest may be another."""


class Member(NamedTuple):
    """A model behind the state, at the end of the text.

    Attributes:
        vocabulary: of the model.
        cover: to grow; see `Cover.ahead`.
        share: what the model counts for.
    """

    vocabulary: ByteVocabulary
    cover: Cover
    share: float


class Budget(NamedTuple):
    """What a pass may cost.

    Attributes:
        first: cost of a pass as it must be made, in any unit.
        further: what a row adds.
        max_rows: that are added at most.
        max_bytes: the longest path.
    """

    first: float
    further: float
    max_rows: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """Bytes that may come.

    Attributes:
        paths: strings after the text, each after its beginnings.
        heads: for each member, those to evaluate, parents first.
        expected: how many bytes of them the text is expected to come to.
    """

    paths: set[bytes]
    heads: list[list[Head]]
    expected: float

    @property
    def n_rows(self) -> int:
        """Heads of all members."""
        return sum(map(len, self.heads))


@dataclass(slots=True)
class _Node:
    path: bytes
    chance: float
    covers: list[Cover]
    loose: float  # of the mass at the node, what goes through heads that have not been asked
    constraints: Constraints
    born: list[list[Head]] = field(default_factory=list[list[Head]])


def grow_proposal(
    members: Sequence[Member],
    constraints: Constraints,
    guesses: Guesses,
    stops: Sequence[bytes],
    tail: bytes,
    temperature: float,
    budget: Budget,
) -> Proposal:
    """Choose what to evaluate.

    Args:
        members: at least one.
        constraints: at the end of the text; not changed.
        guesses: begun there.
        stops: strings that end a text.
        tail: the last bytes of the text, as many as a stop string may have in it.
        temperature: at which symbols are drawn.
        budget: what it may cost.
    """
    tree = _Tree(members, guesses, max(temperature, _LEAST_TEMPERATURE))
    root = tree.root(constraints)
    proposal = Proposal(set(), [[] for _ in members], 0.0)
    expected, n_rows = 0.0, 0
    waiting = [(-chance, path, byte, root) for chance, path, byte in tree.children(root)]
    heapq.heapify(waiting)
    while waiting:
        minus, path, byte, parent = heapq.heappop(waiting)
        chance = -minus
        if not _is_worth(chance, 1, expected, n_rows, budget):
            break
        if any((tail + path).endswith(stop) for stop in stops):
            continue
        node = tree.child(parent, path, byte, chance)
        if node is None:
            continue
        n_born = sum(map(len, node.born))
        if not _is_worth(chance, n_born, expected, n_rows, budget):
            continue
        expected += chance
        n_rows += n_born
        proposal.paths.add(path)
        for heads, born in zip(proposal.heads, node.born, strict=True):
            heads += born
        if len(path) < budget.max_bytes:
            for child_chance, child_path, child_byte in tree.children(node):
                heapq.heappush(waiting, (-child_chance, child_path, child_byte, node))
    return Proposal(proposal.paths, proposal.heads, expected)


def _is_worth(chance: float, n_born: int, expected: float, n_rows: int, budget: Budget) -> bool:
    """Whether a node raises the number of bytes for the cost."""
    if n_rows + n_born > budget.max_rows:
        return False
    cost = budget.first + n_rows * budget.further
    return chance * cost >= (1.0 + expected) * n_born * budget.further


class _Tree:
    """Grows nodes, and says how likely their children are."""

    def __init__(self, members: Sequence[Member], guesses: Guesses, temperature: float) -> None:
        self._members = members
        self._guesses = guesses
        self._temperature = temperature
        # What the masses of a member are counted in, so that they sum to its share at the root.
        self._scales = [_log_mass(member) for member in members]

    def root(self, constraints: Constraints) -> _Node:
        covers = [member.cover for member in self._members]
        waiting = [
            [live.head for live in cover.live if live.head.weights is None] for cover in covers
        ]
        return _Node(b"", 1.0, covers, self._mass(waiting), constraints)

    def child(self, parent: _Node, path: bytes, byte: int, chance: float) -> _Node | None:
        """The node one byte further, its heads born; None where a constraint cannot follow."""
        constraints = parent.constraints
        if constraints.parts:
            constraints = constraints.fork()
            try:
                constraints.push(byte)
                constraints.bias()
            except TokkitError:  # matters only if the text comes here
                return None
        covers = [cover.fork() for cover in parent.covers]
        born = [cover.push(path[-1:]) for cover in covers]
        guess = self._guesses.after(parent.path)
        kept = 0.0 if guess is None else parent.loose * float(guess[byte])
        return _Node(path, chance, covers, kept + self._mass(born), constraints, born)

    def children(self, node: _Node) -> Iterator[tuple[float, bytes, int]]:
        """Chance, path and last byte of what may follow a node."""
        bias = node.constraints.bias() if node.constraints.parts else None
        if bias is not None:
            (allowed,) = np.nonzero(bias > -np.inf)
            if len(allowed) == 1:
                if allowed[0] != END:
                    byte = int(allowed[0])
                    yield node.chance, node.path + bytes([byte]), byte
                return
        masses, loose = self._known(node), node.loose
        guess = self._guesses.after(node.path) if loose > 0 else None
        if guess is not None:
            masses += loose * guess
            loose *= max(0.0, 1.0 - float(guess.sum()))
        if bias is not None:
            masses *= np.exp(bias)
        chances = self._tempered(np.append(masses, loose)) * node.chance
        for byte in np.flatnonzero(chances[:END] > _LEAST_CHANCE).tolist():
            yield float(chances[byte]), node.path + bytes([byte]), byte

    def _known(self, node: _Node) -> NDArray[np.float64]:
        """float64 (257,): what the heads that have been asked say of the next symbol."""
        masses = np.zeros(N_SYMBOLS)
        for member, cover, scale in zip(self._members, node.covers, self._scales, strict=True):
            if scale == -np.inf or not member.share:
                continue
            tally = Tally(scale)
            for live in cover.live:
                if live.head.weights is not None:
                    depth = cover.length - live.head.start
                    tally.add_head(member.vocabulary, live.head, live.low, live.high, depth)
            masses += member.share * np.exp(tally.scale - scale) * tally.masses
        return masses

    def _mass(self, heads: Sequence[Sequence[Head]]) -> float:
        """What heads that have not been asked weigh together, as far as that is known."""
        total = 0.0
        for member, some, scale in zip(self._members, heads, self._scales, strict=True):
            logs = [head.log_weight for head in some if head.weights is None]
            weights = [np.exp(log - scale) for log in logs if log > -np.inf] if some else []
            total += member.share * float(sum(weights))
        return total

    def _tempered(self, masses: NDArray[np.float64]) -> NDArray[np.float64]:
        """Shares of masses at the temperature; all 0 where there is no mass."""
        top = masses.max()
        if not top > 0:
            return np.zeros(len(masses))
        weights = (masses / top) ** (1.0 / self._temperature)
        return weights / weights.sum()


def _log_mass(member: Member) -> float:
    """Log of the mass of the text under a member, where heads may wait for the model."""
    cover = member.cover
    tally = Tally()
    waiting: list[float] = []
    for live in cover.live:
        if live.head.weights is None:
            waiting.append(live.head.log_weight)
        else:
            depth = cover.length - live.head.start
            tally.add_head(member.vocabulary, live.head, live.low, live.high, depth)
    known = [log for log in (tally.log_total, *waiting) if log > -np.inf]
    return float(np.logaddexp.reduce(known)) if known else -np.inf
