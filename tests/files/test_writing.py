"""A folder is there whole, or cannot be taken for a whole one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tokkit.errors import ArgumentError
from tokkit.files.writing import whole_folder

LAST = "config.json"


def write(folder: Path, *, fail: bool = False) -> None:
    with whole_folder(folder, last=LAST) as part:
        (part / LAST).write_text("{}")
        (part / "below").mkdir()
        (part / "below" / "weights").write_text("1")
        assert not (folder / LAST).exists()
        if fail:
            raise KeyboardInterrupt


@pytest.mark.parametrize("there", [True, False])
def test_a_folder_holds_what_was_written_and_no_more(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "a" / "b"
    if there:
        folder.mkdir(parents=True)
    write(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["below", LAST]
    assert (folder / "below" / "weights").read_text() == "1"


@pytest.mark.parametrize("there", [True, False])
def test_nothing_is_left_of_a_folder_that_was_not_finished(tmp_path: Path, there: bool) -> None:
    folder = tmp_path / "a" / "b"
    if there:
        folder.mkdir(parents=True)
    with pytest.raises(KeyboardInterrupt):
        write(folder, fail=True)
    assert folder.exists() == there
    assert sorted(tmp_path.rglob("*")) == ([folder.parent, folder] if there else [])


def test_what_is_moved_last_comes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[str] = []
    rename = Path.rename

    def watched(self: Path, target: Path) -> Path:
        moved.append(target.name)
        if target.name == LAST:
            raise OSError("the disk is full")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", watched)
    with pytest.raises(OSError, match="full"):
        write(tmp_path / "made")
    assert moved == ["below", LAST]
    assert not (tmp_path / "made").exists()


def test_what_is_there_is_neither_mixed_nor_lost(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")
    for path, message in ((tmp_path, "is not empty"), (tmp_path / "mine", "is a file")):
        with pytest.raises(ArgumentError, match=message):
            write(path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
