"""The law of nodes evaluated in passing: the numbers of plain passes, and no slot behind them."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.backends.architectures import build
from tests.bytelm.lm_helpers import VOCAB_SIZE, FakeTokenizer, tiny_model
from tokkit.bytelm.token_models.protocol import Node
from tokkit.bytelm.token_models.shared_session import SharedSession
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.bytelm.token_models.transformers.sessions import slot_tree
from tokkit.bytelm.token_models.transformers.sessions.kv_tree import KVTreeSession
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM

KINDS = ["llama", "mistral", "gemma3", "two ropes"]


@cache
def _lm(kind: str) -> TransformersLM:
    if kind == "two ropes":  # the second from 16 tokens on
        tokenizer: Any = FakeTokenizer(vocab_size=280, bos_ids=(1, 3))
        with quiet_transformers():
            return TransformersLM(build("mistral, LongRoPE").double(), tokenizer, way="tree")
    tokenizer = FakeTokenizer(bos_ids=(1, 3))
    return TransformersLM(tiny_model(kind).double(), tokenizer)


def _plain(lm: TransformersLM, node: Node) -> Any:
    """Of the model itself, normalised over the ids of the tokenizer."""
    with torch.inference_mode():
        ids = torch.tensor([[*lm.bos_ids, *node.ids()]])
        logits = lm._model(input_ids=ids, use_cache=False).logits[0, -1]
        return torch.log_softmax(logits[: lm.vocab_size], -1)


def _agrees(lm: TransformersLM, node: Node, logits: Any) -> bool:
    normal = torch.log_softmax(torch.from_numpy(logits), -1)
    return torch.allclose(normal, _plain(lm, node), rtol=0, atol=1e-10)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=6, deadline=None)
@given(
    growth=st.lists(st.tuples(st.integers(0, 6), st.integers(0, VOCAB_SIZE - 1)), min_size=1),
    called_leaves=st.sets(st.integers(0, 30)),
    size=st.sampled_from([1, 3, 128]),
    cut=st.integers(0, 30),
)
def test_nodes_in_passing_equal_plain_passes(
    kind: str, growth: list[tuple[int, int]], called_leaves: set[int], size: int, cut: int
) -> None:
    """Whatever is called a leaf, also wrongly, and in whatever chunks and calls."""
    lm = _lm(kind)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(slot_tree, "_ROWS_ON_CPU", size)
        session = SharedSession(lm)
        nodes = session.path(session.root, range(4, 14))
        for back, token in growth:
            nodes.append(session.extend(nodes[-1 - back % len(nodes)], token))
        leaves = {nodes[k % len(nodes)] for k in called_leaves}
        for some in (nodes[:cut], nodes[cut:], nodes[::-1]):
            if some:
                for node, row in zip(some, session.logits_in_passing(some, leaves), strict=True):
                    assert _agrees(lm, node, row)


def test_leaves_leave_no_slot_and_are_not_attended_to() -> None:
    lm = _lm("llama")
    session = lm.session()
    assert isinstance(session, KVTreeSession)
    trunk = session.path(session.root, range(4, 24))
    leaves = [session.extend(node, 30) for node in trunk]
    session.logits_in_passing([*trunk, *leaves], set(leaves))
    assert session.n_slots == len(lm.bos_ids) + 20
    below = session.extend(leaves[3], 5)  # a leaf that is gone on from gets its slot then
    np.testing.assert_equal(_agrees(lm, below, session.logits([below])[0]), True)
    assert session.n_slots == len(lm.bos_ids) + 20 + 2
