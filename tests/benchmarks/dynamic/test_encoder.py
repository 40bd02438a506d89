"""The encoder's tables say what was lost, and the embedder begins with the mean of the parts."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
import tokkit
from benchmarks.dynamic.encoder_tables import REDUCTIONS, curve, tables
from benchmarks.dynamic.trained_embedder import SpellingNetwork, TrainedEmbedder, unmerged
from benchmarks.shared.records import Record, Records
from benchmarks.shared.small_encoder import MASK, SPECIAL, Corpus, masked
from tests.hypernets.plain_models.toy_models import toy_tokenizer
from tokkit.dynamic import SubtokenEmbedder

MATRIX = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
SPELLINGS = [(3,), (1, 2), (5, 6, 7), (4,)]


def recorded(path: Path) -> Records:
    records = Records(path, {}, "a machine")
    for language, lost in (("de", 1), ("ja", 3)):
        rows: list[Record] = []
        for target in REDUCTIONS:
            for way in ("mean", "trained", "truncation") if target else ("mean",):
                right = [1] * 90 + [0] * 10
                right[: round(10 * target * lost)] = [0] * round(10 * target * lost)
                row: Record = {"target": target, "way": way, "right": right, "shorter": target}
                if way != "truncation":
                    row |= {"masked right": right, "masked shorter": target, "bits": 2 + target}
                rows.append(row)
        records.add(language, {"rows": rows})
    return records


def test_points_are_those_that_are_lost_and_their_mean_over_languages(tmp_path: Path) -> None:
    text = tables(recorded(tmp_path / "records.jsonl"))
    assert "| de | 90.0 | mean | 1.0 | 2.0 | 3.0 | 4.0 |" in text
    assert "| ja | 90.0 | truncation | 3.0 | 6.0 | 9.0 | 12.0 |" in text
    assert "| **mean** | **90.0** | mean | **2.0** ± " in text
    assert "| trained | 2.000 | 2.100 | 2.200 | 2.300 | 2.400 |" in text
    assert text.count("truncation") == 3  # of lines alone


def test_the_curve_is_an_image_with_a_line_a_way(tmp_path: Path) -> None:
    image = ET.fromstring(curve(recorded(tmp_path / "records.jsonl")))
    names = [element.text for element in image.iter() if element.tag.endswith("text")]
    assert {"lines, mean", "lines, truncation", "masked tokens, trained"} <= {*names}


def test_an_untrained_embedder_gives_the_mean_of_the_parts() -> None:
    made = TrainedEmbedder(SpellingNetwork(4), torch.from_numpy(MATRIX)).rows(SPELLINGS)
    np.testing.assert_allclose(made, SubtokenEmbedder(MATRIX).rows(SPELLINGS), rtol=1e-5)


def test_unmerged_places_hold_the_same_ids_before_and_after() -> None:
    tokenizer = tokkit.load_tokenizer(toy_tokenizer(300))
    given = [tokenizer.encode("the cat and the hat"), tokenizer.encode("that other cat")]
    batch = tokkit.merge_batch(given, tokenizer=tokenizer, target_reduction=0.3)
    kept, places = unmerged(batch)
    assert 0 < len(kept[0]) < batch.n_ids
    for row, after, before in zip(*(each.tolist() for each in (*kept, places[1])), strict=True):
        assert batch.sequences[row][after] == given[row][before]


def test_masks_stand_where_a_token_is_to_be_told() -> None:
    ids = np.random.default_rng(1).integers(0, 50, (40, 30))
    made, chosen = masked(ids, np.random.default_rng(0), 50)
    assert (made[~chosen] == ids[~chosen]).all()
    assert not (chosen & (ids < len(SPECIAL))).any()
    assert 0.7 < (made[chosen] == MASK).mean() < 0.9


def test_a_corpus_without_a_file_is_refused_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match=r"lo/de\.txt is missing; --corpus must name a folder"):
        Corpus(tmp_path)
