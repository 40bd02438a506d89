"""Sessions without a tree: the law of the tree, at other costs."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.lm_helpers import VOCAB_SIZE, FakeTokenizer, full_context_logprobs, tiny_model
from tokkit.bytelm.token_models.protocol import Node
from tokkit.bytelm.token_models.transformers.sessions import state_session
from tokkit.bytelm.token_models.transformers.sessions.state_session import (
    PassSession,
    StateOptions,
    StateSession,
)
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
from tokkit.errors import ArgumentError, EncodingError, ModelError

BOS = (1, 3)


@cache
def _lm() -> TransformersLM:
    return TransformersLM(tiny_model("gemma3"), FakeTokenizer(bos_ids=BOS))  # type: ignore[arg-type]


def _open(way: str, **options: Any) -> Any:
    lm = _lm()
    if way == "passes":
        return PassSession(lm._whole, lm.bos_ids, VOCAB_SIZE)
    chosen = StateOptions(continues=way == "states", **options)
    return StateSession(lm._whole, lm.bos_ids, VOCAB_SIZE, chosen)


def _assert_law(session: Any, nodes: list[Node]) -> None:
    got = session.logprobs(nodes)
    assert got.dtype == np.float32
    assert got.shape == (len(nodes), VOCAB_SIZE)
    for node, row in zip(nodes, got, strict=True):
        expected = full_context_logprobs(_lm()._model, [*BOS, *node.ids()])
        np.testing.assert_allclose(row, expected, atol=5e-5, rtol=0)


def _chain(session: Any, node: Node, ids: Any) -> Node:
    for token in ids:
        node = session.extend(node, token % VOCAB_SIZE)
    return node


_growth = st.lists(st.tuples(st.integers(0, 9), st.integers(0, VOCAB_SIZE - 1)), max_size=8)
_script: Any = st.lists(
    st.tuples(_growth, st.lists(st.integers(0, 9), min_size=1, max_size=4)), min_size=1, max_size=4
)


@pytest.mark.parametrize("way", ["states", "steps", "passes"])
@settings(max_examples=8, deadline=None)
@given(script=_script, batch=st.sampled_from([1, 3, 512]), n_states=st.sampled_from([1, 3, 32]))
def test_any_growth_equals_full_context_passes(
    way: str, script: Any, batch: int, n_states: int
) -> None:
    options = {} if way == "passes" else {"max_batch_tokens": batch, "max_states": n_states}
    session = _open(way, **options)
    nodes = [session.root]
    for growth, queries in script:
        for back, token in growth:
            nodes.append(session.extend(nodes[-1 - back % len(nodes)], token))
        _assert_law(session, [nodes[-1 - back % len(nodes)] for back in queries])


def test_a_known_text_with_a_branch_everywhere_is_read_once() -> None:
    """However many states wait for a branch at a time, no beginning is read again."""
    session = _open("states", max_states=4)
    trunk = [session.root]
    for token in range(50):
        trunk.append(session.extend(trunk[-1], token % VOCAB_SIZE))
    branches = [session.extend(node, 7) for node in trunk]
    session.logprobs([*trunk, *branches])
    assert session.n_evaluated == len(BOS) + 50 + 51


def test_rows_are_kept_and_states_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    session = _open("states", max_states=4)
    node = _chain(session, session.root, range(10))
    first = session.logprobs([node])
    n_passes = session.n_forward_passes
    assert np.array_equal(session.logprobs([node]), first)
    assert session.n_forward_passes == n_passes
    for token in range(9):
        session.logprobs([session.extend(node, token)])
    assert len(session._states) == 4
    monkeypatch.setattr(state_session, "_MAX_ROW_BYTES", 4 * VOCAB_SIZE)
    _assert_law(session, [node, session.extend(node, 11), session.extend(node, 12)])


@pytest.mark.parametrize("way", ["states", "passes"])
def test_what_is_asked_amiss_is_refused(way: str) -> None:
    session, other = _open(way), _open(way)
    with pytest.raises(ArgumentError, match="another session"):
        session.logprobs([other.extend(other.root, 3)])
    with pytest.raises(EncodingError, match="outside the vocabulary"):
        session.extend(session.root, VOCAB_SIZE)
    with pytest.raises(ModelError, match=r"65 tokens .* 64 positions; shorten"):
        session.logprobs([_chain(session, session.root, range(63))])
    assert session.logprobs([]).shape == (0, VOCAB_SIZE)
