"""The tables of transfers: rows that a pair allows, and shares of the gap that they close."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
from benchmarks.shared.records import Records
from benchmarks.transfer.measuring import Clock, Job
from benchmarks.transfer.pairs import PAIRS, Pair
from benchmarks.transfer.rendering import pair_table, summary
from benchmarks.transfer.table import PAGE, jobs
from benchmarks.transfer.table import recorded as recorded_pairs
from benchmarks.transfer.texts import Prose
from tokkit.hypernets.methods import METHODS

REFERENCES = {
    "before": 0.8, "control": 1.2, "n_bytes": 9000, "bytes_per_token_before": 3.5,
    "bytes_per_token_after": 4.5, "new": 0.2,
}  # fmt: skip


def recorded(path: Path, **bits: float) -> Records:
    records = Records(path, {"windows": 2}, "a machine")
    records.add("references", REFERENCES)
    for name, value in bits.items():
        records.add(name, {"bits": value, "seconds": 12.3, "peak": 1.26})
    return records


def toy_pair(donor: str | None) -> Pair:
    texts = {"with a text": lambda: "text"}
    return Pair("", "old", lambda _: "new", lambda _: [], texts, donor, more_k=(64,))


@pytest.mark.parametrize("donor", [None, "rich"])
def test_a_row_has_what_its_method_wants(donor: str | None) -> None:
    base = Job("old", "new", ["window"])
    rows = dict(jobs(toy_pair(donor), base, list(METHODS)))
    for label, job in rows.items():
        assert job.method is not None
        method = METHODS[job.method]
        assert (job.donor is not None) == method.wants_donor
        assert (job.text is not None) == ("with a text" in label)
        assert job.text is not None or not method.wants_text
    assert {"mean", "shared-first", "shared-first, with a text", "focus, with a text"} <= set(rows)
    assert {"omp", "omp, k = 64"} & set(rows) == (
        set() if donor is None else {"omp", "omp, k = 64"}
    )


def test_half_of_the_gap_is_half(tmp_path: Path) -> None:
    table = pair_table(recorded(tmp_path / "a", mean=1.6, best=1.4))
    lines = table.splitlines()
    assert "| mean | 1.600 | 0% | 12 | 1.3 |" in lines
    assert "| best | 1.400 | 50% | 12 | 1.3 |" in lines
    assert "3.50 and 4.50 bytes a token; 20% of the text's tokens are new." in table


def test_the_summary_names_the_worst_pair(tmp_path: Path) -> None:
    pairs = {
        "one": recorded(tmp_path / "a", mean=1.6, best=1.4),
        "two": recorded(tmp_path / "b", mean=1.6, best=1.68, rare=1.2),
    }
    lines = summary(pairs).splitlines()
    assert "| best | 2 | +0.060 | -0.080 | two | 15% |" in lines
    assert "| rare | 1 | +0.400 | +0.400 | two | 100% |" in lines


def test_the_documentation_shows_what_is_recorded() -> None:
    page, found = PAGE.read_text(encoding="utf-8"), recorded_pairs()
    assert len(found) >= 4
    for records in found.values():
        assert pair_table(records) in page
    assert summary(found) in page


def test_a_step_is_left_out_of_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    times = iter([0.0, 1.0, 3.0, 6.0, 10.0])
    monkeypatch.setattr("benchmarks.transfer.measuring.time.process_time", lambda: next(times))
    clock = Clock()
    for step in ("making", "scoring a", "building"):
        clock(step, 0, 0)
    assert clock.seconds(without="scoring") == 1 + 2 + 4


def test_a_job_survives_its_file() -> None:
    job = Job("old", "new", ["ä\n"], method="mean", k=3)
    assert Job(**json.loads(json.dumps(vars(job)))) == job


def test_help_is_divided_without_overlap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("benchmarks.transfer.texts.PROSE", tmp_path)
    assert "xx.txt is not there" in Prose("xx").missing
    text = "".join(f"Zeile {n} für alle\n" for n in range(2000))
    (tmp_path / "de.txt").write_text(text, encoding="utf-8")
    prose = Prose("de")
    assert not prose.missing
    training, fitting, rest = "".join(prose.lines()), prose.text(), prose.windows(1000)
    assert training + fitting == text[: len(training) + len(fitting)]
    assert sorted(b"".join(rest)) == sorted(text[len(training) + len(fitting) :].encode())
    assert prose.windows(3) == rest[:3]


@pytest.mark.parametrize("name", PAIRS)
def test_every_pair_has_a_place_in_the_docs(name: str) -> None:
    page: Any = Path(__file__).parents[3] / "docs" / "transfer.md"
    assert f"<!-- transfer-{name}: begin -->" in page.read_text(encoding="utf-8")
