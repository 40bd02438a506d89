"""The table of real tokenizers shows what was inferred beside what was published."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import benchmarks.mixture.real as benchmark
from benchmarks.shared.records import Records
from tests.mixture.outputs.test_page import make
from tokkit.errors import ArgumentError
from tokkit.mixture.result import MixtureResult

NAMES = ("English web", "English wiki", "code C", "language de")


@pytest.fixture
def result() -> MixtureResult:
    shares = dict(zip(NAMES, (0.4, 0.2, 0.3, 0.1), strict=True))
    return make(
        proportions=shares,
        intervals={name: (share * 0.8, share * 1.2) for name, share in shares.items()},
        limits={**dict.fromkeys(NAMES, 1.0), "language de": 0.02},
        sample_bytes=dict.fromkeys(NAMES, 10**6),
        covariance=np.eye(4) * 0.01,
    ).with_groups(benchmark.GROUPS)


def test_the_table_has_groups_published_shares_and_doubts(
    result: MixtureResult, tmp_path: Path
) -> None:
    records = Records(tmp_path / "records.jsonl", {}, "machine: one")
    records.add("GPT-2", benchmark.as_record(result, 12.3))
    records.add("Qwen 3", json.loads(json.dumps(benchmark.as_record(result, 1))))
    text = benchmark.summary(records)
    row = next(line for line in text.splitlines() if line.startswith("| GPT-2"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == "301 to 800"  # after 300 inherited ones
    assert cells[2].startswith("**60** (") and cells[3].startswith("**30** (")
    assert cells[5] == "99 / 1 / 0"
    assert cells[6] == "0"  # the merges tell of every category
    assert cells[7] == "10.0%"  # German is above its limit
    assert cells[-1] == "12"
    assert "| Qwen 3 | English web 40.0, code C 30.0," in text
    assert text.count("| - |") == 1


def test_every_target_has_a_file_that_is_fetched() -> None:
    fetched = {
        f"{package.name}/{member.name}"
        for package in benchmark.real_tokenizers.PACKAGES
        for member in package.members
    }
    for target in benchmark.TARGETS:
        assert target.path in fetched
        assert target.inherits is None or target.inherits in fetched
        assert target.published is None or 99 <= sum(target.published) <= 101


def test_samples_without_the_groups_are_refused() -> None:
    with pytest.raises(ArgumentError, match="matches no category"):
        make().with_groups(benchmark.GROUPS)
