"""Which bytes are worth evaluating before they are drawn: `grow_proposal`.

A node is a string of bytes after the text. The heads that the models have been asked about say how
much mass each byte has there; what goes through heads that wait for the pass is guessed. The chance
that the text comes to a node is the product of shares along the way, as temperature and constraints
leave them, and it decides nothing but what is computed early.

Nodes are taken in the order of their chances. Coming to a node saves a pass, or a part of one where
the next symbol can mostly be told without the heads that begin there. With S the sum of chances
times what they save, a pass does the work of 1 + S, and costs c(n) with n rows; a node is worth its
rows as long as it raises (1 + S) / c.
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
_MAX_NODES = 96
_PASSES_A_GUESS = 0.25
"""What a guessed byte saves where only the ends of tokens take passes."""
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
        lazy: whether a symbol may be drawn while heads that hardly matter wait; see `_Tree.need`.
        first: cost of a pass as it must be made, in any unit.
        further: what a row adds.
        max_rows: that are added at most.
        max_bytes: the longest path.
    """

    lazy: bool
    first: float
    further: float
    max_rows: int
    max_bytes: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """Bytes that may come.

    Attributes:
        paths: strings after the text whose heads are evaluated, with the passes that each saves if
            the text comes there.
        heads: for each member, those to evaluate, parents first.
    """

    paths: dict[bytes, float]
    heads: list[list[Head]]

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
    guessed: float  # of that, what came here by a guess
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
    proposal = Proposal({}, [[] for _ in members])
    expected, n_nodes = 0.0, 0
    waiting = [(-chance, path, byte, root) for chance, path, byte in tree.children(root)]
    heapq.heapify(waiting)
    while waiting and n_nodes < _MAX_NODES:
        minus, path, byte, parent = heapq.heappop(waiting)
        chance = -minus
        if not _is_worth(chance, 1, expected, proposal.n_rows, budget):
            break
        if any((tail + path).endswith(stop) for stop in stops):
            continue
        node = tree.child(parent, path, byte, chance)
        if node is None:
            continue
        n_nodes += 1
        n_born = sum(map(len, node.born))
        need = tree.need(node) if budget.lazy else 1.0
        is_worth = _is_worth(chance * need, n_born, expected, proposal.n_rows, budget)
        if is_worth and n_born:
            expected += chance * need
            proposal.paths[path] = need
            for heads, born in zip(proposal.heads, node.born, strict=True):
                heads += born
        if (is_worth or budget.lazy) and len(path) < budget.max_bytes:
            for child_chance, child_path, child_byte in tree.children(node):
                heapq.heappush(waiting, (-child_chance, child_path, child_byte, node))
    return proposal


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
        return _Node(b"", 1.0, covers, self._mass(waiting), 0.0, constraints)

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
        return _Node(path, chance, covers, kept + self._mass(born), kept, constraints, born)

    def need(self, node: _Node) -> float:
        """How many passes are saved if the text comes to a node whose heads are evaluated.

        The next symbol there mostly does not depend on heads of little weight, so their share is
        about the chance that a pass would have been needed for them.
        """
        mass = float(self._known(node).sum()) + node.loose
        if not mass > 0:
            return 0.0
        return (node.loose - (1.0 - _PASSES_A_GUESS) * node.guessed) / mass

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
