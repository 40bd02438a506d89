"""The law of what a state holds: weights of the heads that its text may go on from alone."""

from __future__ import annotations

import gc
from typing import Any

from tests.bytelm.toy_models import ab_lm
from tokkit.bytelm.encodings.heads import Head, Stem
from tokkit.bytelm.token_models.protocol import Node


def _first(stem: Stem) -> Node:
    while stem.parent is not None:
        stem = stem.parent
    return stem.node


def _heads_with_weights(state: Any) -> set[Head]:
    """Of all that the process holds, those of the state's session."""
    gc.collect()
    # `isinstance` would wake the lazy parts of other libraries.
    found = [each for each in gc.get_objects() if type(each) is Head]
    root = state.session.root
    return {head for head in found if head.weights is not None and _first(head.stem) is root}


def test_weights_are_held_for_live_heads_alone() -> None:
    lm: Any = ab_lm("one", "ababab", "aabbba")
    state = lm.open()
    for byte in b"ababbaabab" * 3:
        state.logprobs()
        state.push(bytes([byte]))
    state.logprobs()
    assert _heads_with_weights(state) == {live.head for live in state.cover.live}


def test_a_fork_keeps_what_it_may_still_ask_for() -> None:
    lm: Any = ab_lm("one", "ababab", "aabbba")
    state = lm.open(b"abab")
    twin, expected = state.fork(), lm.open(b"ababa").logprobs()
    state.push(b"bbabab")
    state.logprobs()
    twin.push(b"a")
    assert twin.logprobs().tolist() == expected.tolist()
    assert twin.prefix_bytes == b"ababa"
