"""The law of the tree: a node's log-probabilities are those of a plain pass over its context."""

from __future__ import annotations

import gc
from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.lm_helpers import VOCAB_SIZE, FakeTokenizer, full_context_logprobs, tiny_model
from tokkit.bytelm.token_models.protocol import Node, Session, TokenLM, open_session
from tokkit.bytelm.token_models.transformers.sessions.kv_tree import KVTreeSession
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
from tokkit.errors import ArgumentError, EncodingError, ModelError

KINDS = ["llama", "mistral", "gemma3"]
TOLERANCE = 5e-5


@cache
def _lm(kind: str, attention: str = "sdpa", max_batch_tokens: int = 512) -> TransformersLM:
    return TransformersLM(
        tiny_model(kind, attention=attention),
        FakeTokenizer(bos_ids=(1, 3)),  # type: ignore[arg-type]
        max_batch_tokens=max_batch_tokens,
    )


def _tree(lm: TransformersLM) -> KVTreeSession:
    session = lm.session()
    assert isinstance(session, KVTreeSession)
    return session


def _assert_law(lm: TransformersLM, session: KVTreeSession, nodes: list[Node]) -> None:
    got = session.logprobs(nodes)
    assert got.dtype == np.float32
    assert got.shape == (len(nodes), VOCAB_SIZE)
    for node, row in zip(nodes, got, strict=True):
        expected = full_context_logprobs(lm._model, [*lm.bos_ids, *node.ids()])
        np.testing.assert_allclose(row, expected, atol=TOLERANCE, rtol=0)


def _chain(session: Session, node: Node, ids: range | list[int]) -> Node:
    for token in ids:
        node = session.extend(node, token % VOCAB_SIZE)
    return node


Script = list[tuple[list[tuple[int, int]], list[int], list[int]]]
_script: Any = st.lists(
    st.tuples(
        st.lists(st.tuples(st.integers(0, 9), st.integers(0, VOCAB_SIZE - 1)), max_size=8),
        st.lists(st.integers(0, 9), min_size=1, max_size=3),
        st.lists(st.integers(0, 9), max_size=3),
    ),
    min_size=1,
    max_size=5,
)


@pytest.mark.parametrize("attention", ["sdpa", "eager"])
@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=25, deadline=None)
@given(script=_script, batch=st.sampled_from([1, 3, 512]), compact=st.booleans())
def test_any_tree_equals_full_context_passes(
    kind: str, attention: str, script: Script, batch: int, compact: bool
) -> None:
    """Random growth, queries and releases; chunked and whole, compacted at each step or never."""
    lm = _lm(kind, attention)
    assert lm._backbone is not None
    session = KVTreeSession(
        lm._backbone,
        lm.bos_ids,
        VOCAB_SIZE,
        max_batch_tokens=batch,
        min_dead_slots=1 if compact else 10**6,
    )
    nodes = [session.root]
    for growth, queries, releases in script:
        for back, token in growth:
            nodes.append(session.extend(nodes[-1 - back % len(nodes)], token))
        _assert_law(lm, session, [nodes[-1 - back % len(nodes)] for back in queries])
        for back in releases:
            if len(nodes) > 1:
                del nodes[-1 - back % (len(nodes) - 1)]


@pytest.mark.parametrize("kind", KINDS)
def test_forks_beyond_the_window_see_their_own_branch(kind: str) -> None:
    lm = _lm(kind)
    session = _tree(lm)
    trunk = _chain(session, session.root, range(4, 34))
    left, right = (_chain(session, trunk, ids) for ids in ([5, 6, 7], [8, 9, 10, 11, 12]))
    _assert_law(lm, session, [left, trunk, right, session.root])
    _assert_law(lm, session, [_chain(session, left, [3]), _chain(session, right, [3])])


@pytest.mark.parametrize("kind", KINDS)
def test_batch_of_prompts_is_a_forest(kind: str) -> None:
    lm = _lm(kind)
    contexts = [[4, 5, 6], [], [4, 5, 6, 7, 8, 9, 10], [9] * 20, [4, 5, 6]]
    rows = lm.next_token_logprobs(contexts)
    for ids, row in zip(contexts, rows, strict=True):
        expected = full_context_logprobs(lm._model, [*lm.bos_ids, *ids])
        np.testing.assert_allclose(row, expected, atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(rows[0], rows[4], atol=TOLERANCE, rtol=0)


def test_prompt_is_one_pass_and_new_nodes_another() -> None:
    session = _tree(_lm("llama"))
    node = _chain(session, session.root, range(40))
    session.logprobs([node])
    assert (session.n_forward_passes, session.n_evaluated) == (1, 42)
    session.logprobs([session.extend(node, k) for k in range(5)])
    assert (session.n_forward_passes, session.n_evaluated) == (2, 47)


def test_evaluated_nodes_need_no_pass() -> None:
    session = _tree(_lm("gemma3"))
    node = _chain(session, session.root, range(10))
    first = session.logprobs([node, session.root])
    assert np.array_equal(session.logprobs([node, session.root]), first)
    assert node.parent is not None
    session.logprobs([node.parent])
    assert session.n_forward_passes == 1


def test_chunks_bound_each_pass() -> None:
    lm = _lm("llama", max_batch_tokens=8)
    session = _tree(lm)
    nodes = [_chain(session, session.root, range(k, k + 15)) for k in range(3)]
    _assert_law(lm, session, nodes)
    assert session.n_forward_passes == -(-46 // 8)


@pytest.mark.parametrize("kind", KINDS)
def test_compaction_drops_the_dead_and_keeps_the_law(kind: str) -> None:
    lm = _lm(kind)
    session = _tree(lm)
    trunk = _chain(session, session.root, range(12))
    dead = _chain(session, trunk, range(20, 30))
    live = _chain(session, trunk, range(30, 36))
    session.logprobs([dead, live])
    assert session.n_slots == 2 + 12 + 10 + 6
    del dead
    gc.collect()
    session.compact()
    assert session.n_slots == 2 + 12 + 6
    _assert_law(lm, session, [live, trunk, _chain(session, live, range(6)), session.root])


def test_slots_stay_bounded_while_branches_die() -> None:
    session = _tree(_lm("llama"))
    trunk = _chain(session, session.root, range(20))
    for k in range(200):
        session.logprobs([_chain(session, trunk, [k, k + 1])])
    assert session.n_slots < 22 + 2 + 64 + 2


def test_ancestors_of_a_live_node_survive_compaction() -> None:
    session = _tree(_lm("llama"))
    leaf = _chain(session, session.root, range(30))
    session.logprobs([leaf])
    gc.collect()
    session.compact()
    assert session.n_slots == 32


def test_failed_pass_leaves_no_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    lm = _lm("llama")
    session = _tree(lm)
    trunk = _chain(session, session.root, range(5))
    session.logprobs([trunk])
    layer = lm._model.model.layers[1]

    def fail(*_args: Any, **_kwargs: Any) -> Any:
        raise RuntimeError("out of memory")

    node = _chain(session, trunk, [7, 8])
    with monkeypatch.context() as patch:
        patch.setattr(layer, "forward", fail)
        with pytest.raises(ModelError, match="max_batch_tokens"):
            session.logprobs([node])
    _assert_law(lm, session, [node, _chain(session, trunk, [9])])


def test_context_beyond_the_positions_is_refused_with_its_length() -> None:
    lm = _lm("llama")
    assert lm.max_context == 62
    session = _tree(lm)
    longest = _chain(session, session.root, range(62))
    _assert_law(lm, session, [longest])
    with pytest.raises(ModelError, match=r"65 tokens .* 64 positions; shorten"):
        session.logprobs([_chain(session, longest, [1])])


def test_nodes_of_another_session_are_refused() -> None:
    one, other = _lm("llama").session(), _lm("llama").session()
    with pytest.raises(ArgumentError, match="another session"):
        one.logprobs([other.extend(other.root, 3)])


@pytest.mark.parametrize("token", [-1, VOCAB_SIZE])
def test_ids_outside_the_vocabulary_are_refused(token: int) -> None:
    session = _tree(_lm("llama"))
    with pytest.raises(EncodingError, match="outside the vocabulary"):
        session.extend(session.root, token)


def test_no_nodes_give_no_rows() -> None:
    lm = _lm("llama")
    assert lm.session().logprobs([]).shape == (0, VOCAB_SIZE)
    assert lm.next_token_logprobs([]).shape == (0, VOCAB_SIZE)


def test_transformers_lm_is_a_token_lm_with_a_session() -> None:
    lm = _lm("llama")
    assert isinstance(lm, TokenLM)
    assert isinstance(open_session(lm), KVTreeSession)


def test_long_chains_of_nodes_are_released_without_recursion() -> None:
    session = _tree(_lm("llama"))
    node = _chain(session, session.root, range(200_000))
    assert node.depth == 200_000
    del node
    gc.collect()
