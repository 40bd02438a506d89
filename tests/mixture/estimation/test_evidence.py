"""Evidence holds what the replay counts, and leaves inherited merges out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.mixture.merges.test_replay import counts_of
from tests.text.bpe_strategies import bpe_specs, pieces
from tokkit.errors import ArgumentError
from tokkit.mixture.estimation.evidence import gather_evidence
from tokkit.mixture.merges.merge_list import merge_list
from tokkit.mixture.merges.replay import Replay
from tokkit.mixture.samples.word_counts import make_table
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

FEW = settings(max_examples=60, deadline=None, derandomize=True)


@FEW
@given(data=st.data())
def test_evidence_is_what_the_replay_counts(data: st.DataObject) -> None:
    spec = data.draw(bpe_specs(False).filter(lambda spec: bool(spec.merges)))
    merges = merge_list(TextTokenizer(spec))
    words = st.lists(pieces(False).filter(lambda word: len(word) > 1), min_size=1, max_size=8)
    table = make_table([counts_of(part) for part in data.draw(st.lists(words, min_size=1))])
    n = len(merges)
    first = data.draw(st.integers(0, n - 1))
    snapshots = data.draw(st.none() | st.lists(st.integers(first + 1, n), max_size=3))
    run = Replay(table, merges)
    if not run.pairs().counts.sum(axis=0).all():
        with pytest.raises(ArgumentError, match="holds no pair"):
            gather_evidence(table, merges, first=first, snapshots=snapshots)
        return
    evidence = gather_evidence(table, merges, first=first, snapshots=snapshots)
    assert evidence.totals.tolist() == run.pairs().counts.sum(axis=0).tolist()
    assert evidence.merged.tolist() == run.advance(n)[first:].tolist()
    assert (evidence.first, evidence.n_bytes.tolist()) == (first, table.n_bytes.tolist())
    for step, standing in zip(evidence.steps, evidence.standing, strict=True):
        run = Replay(table, merges)
        run.advance(step)
        assert np.array_equal(standing.pairs, run.pairs().pairs)
        assert np.array_equal(standing.counts, run.pairs().counts)


@settings(max_examples=5, deadline=None, derandomize=True)
@given(spec=bpe_specs(False).filter(lambda spec: bool(spec.merges)))
def test_what_cannot_be_gathered_is_refused(spec: TokenizerSpec) -> None:
    merges = merge_list(TextTokenizer(spec))
    units = b"".join(merges.units)
    table = make_table([counts_of([units * 2])])
    with pytest.raises(ArgumentError, match="are to be left out"):
        gather_evidence(table, merges, first=len(merges))
    with pytest.raises(ArgumentError, match="must lie after"):
        gather_evidence(table, merges, snapshots=[len(merges) + 1])
    with pytest.raises(ArgumentError, match="category 1 holds no pair"):
        gather_evidence(make_table([counts_of([units * 2]), counts_of([])]), merges)
