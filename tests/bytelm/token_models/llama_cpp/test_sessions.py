"""Trees over a cache of cells as llama.cpp keeps them, in Python: what each branch sees of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from tokkit.bytelm.token_models.llama_cpp.native import Entry, NoRoomError
from tokkit.bytelm.token_models.llama_cpp.sessions import LinearSession, SessionLimits, TreeSession
from tokkit.bytelm.token_models.protocol import Node
from tokkit.errors import ArgumentError, EncodingError, ModelError

VOCAB = 7
BOS = (1, 2, 3)


class ToyContext:
    """Cells of (position, token, sequences), and a law that depends on all that a token sees."""

    def __init__(self, n_cells: int, n_sequences: int) -> None:
        self.n_cells = n_cells
        self.n_sequences = n_sequences
        self.cells: list[tuple[int, int, set[int]]] = []

    def clear(self) -> None:
        self.cells = []

    def decode(self, entries: Sequence[Entry]) -> np.ndarray:
        if len(self.cells) + len(entries) > self.n_cells:
            raise NoRoomError
        self.cells += [(e.position, e.token, set(e.sequences)) for e in entries]
        rows = [law(self.seen(e)) for e in entries if e.wanted]
        return np.array(rows, dtype=np.float32).reshape(-1, VOCAB)

    def seen(self, entry: Entry) -> list[int]:
        """The ids that a token attends to, of whichever of its sequences: all hold the same."""
        texts: list[list[int]] = []
        for own in entry.sequences:
            cells = sorted((p, t) for p, t, all_ in self.cells if own in all_)
            cells = [cell for cell in cells if cell[0] <= entry.position]
            assert [p for p, _ in cells] == list(range(entry.position + 1))
            texts.append([t for _, t in cells])
        assert texts.count(texts[0]) == len(texts)
        return texts[0]

    def copy(self, source: int, target: int, end: int) -> None:
        assert not any(target in all_ for _, _, all_ in self.cells)
        for position, _, all_ in self.cells:
            if source in all_ and position < end:
                all_.add(target)

    def truncate(self, sequence: int, start: int) -> bool:
        for position, _, all_ in self.cells:
            if position >= start:
                all_.discard(sequence)
        self.cells = [cell for cell in self.cells if cell[2]]
        return True


def law(ids: Sequence[int]) -> np.ndarray:
    logits = np.random.default_rng(list(ids)).normal(size=VOCAB)
    return logits - np.log(np.exp(logits).sum())


def session(
    kind: type[TreeSession | LinearSession], n_cells: int = 40, n_sequences: int = 4
) -> Any:
    context: Any = ToyContext(n_cells, n_sequences)
    return kind(context, SessionLimits("toy", BOS, VOCAB, n_ctx=20, max_batch_tokens=4))


@pytest.mark.parametrize("kind", [TreeSession, LinearSession])
@pytest.mark.parametrize("seed", range(8))
def test_every_branch_sees_its_own_tokens_only(kind: Any, seed: int) -> None:
    generator = np.random.default_rng(seed)
    tree = session(kind)
    held: list[Node] = [tree.root]
    for _ in range(60):
        parent = held[int(generator.integers(len(held)))]
        if parent.depth < 16:
            held.append(tree.extend(parent, int(generator.integers(VOCAB))))
        asked = [held[k] for k in generator.integers(len(held), size=3)]
        expected = [law([*BOS, *node.ids()]) for node in asked]
        np.testing.assert_allclose(tree.logprobs(asked), expected, rtol=1e-6)
        if len(held) > 12:
            del held[int(generator.integers(1, len(held)))]
        tree.compact()


@pytest.mark.parametrize("kind", [TreeSession, LinearSession])
def test_what_is_no_context_of_the_session_is_refused(kind: Any) -> None:
    tree = session(kind)
    with pytest.raises(ArgumentError, match="another session"):
        tree.logprobs([session(kind).root])
    with pytest.raises(EncodingError, match="outside the vocabulary"):
        tree.extend(tree.root, VOCAB)
    node = tree.root
    for _ in range(18):
        node = tree.extend(node, 0)
    with pytest.raises(ModelError, match="longer than n_ctx=20"):
        tree.logprobs([node])


def test_a_context_without_room_is_told() -> None:
    tree = session(TreeSession, n_cells=6)
    node = tree.root
    for _ in range(6):
        node = tree.extend(node, 0)
    with pytest.raises(ModelError, match="no room"):
        tree.logprobs([node])
