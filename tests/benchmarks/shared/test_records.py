"""An interrupted run goes on; a page keeps what a script does not own."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.shared.records import Records, replace_block

SETTINGS = {"model": "toy", "sizes": (1, 2)}


def test_what_was_written_is_there_again(tmp_path: Path) -> None:
    first = Records(tmp_path / "new" / "run.jsonl", SETTINGS, "morning")
    first.add("a", {"bits": 1.5})
    again = Records(tmp_path / "new" / "run.jsonl", SETTINGS, "evening")
    assert "a" in again
    assert "b" not in again
    assert list(again) == [{"key": "a", "bits": 1.5}]
    assert again.header == "morning"


@pytest.mark.parametrize("n_lost", range(1, 15))
def test_a_line_that_was_cut_off_is_measured_again(tmp_path: Path, n_lost: int) -> None:
    path = tmp_path / "run.jsonl"
    records = Records(path, SETTINGS, "")
    records.add("a", {"bits": 1.5})
    records.add("b", {"bits": 2.5})
    path.write_bytes(path.read_bytes()[:-n_lost])
    again = Records(path, SETTINGS, "")
    assert [record["key"] for record in again] == ["a"]
    again.add("b", {"bits": 2.5})
    assert [record["key"] for record in Records(path, SETTINGS, "")] == ["a", "b"]


def test_other_settings_are_refused(tmp_path: Path) -> None:
    Records(tmp_path / "run.jsonl", SETTINGS, "")
    with pytest.raises(SystemExit, match="was begun with"):
        Records(tmp_path / "run.jsonl", {**SETTINGS, "model": "other"}, "")


def test_only_the_named_block_of_a_page_changes(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# A\n<!-- x: begin -->\nold\n<!-- x: end -->\nB\n<!-- y: begin -->")
    replace_block(page, "x", "new\n")
    once = page.read_text()
    assert once == "# A\n<!-- x: begin -->\n\nnew\n\n<!-- x: end -->\nB\n<!-- y: begin -->"
    replace_block(page, "x", "new")
    assert page.read_text() == once
    with pytest.raises(SystemExit, match="lacks"):
        replace_block(page, "y", "new")
