"""Only checkouts are compared: else what is installed would answer in their name."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from benchmarks.bytelm.versions import main


def test_a_folder_that_is_no_checkout_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["versions", str(tmp_path)])
    with pytest.raises(SystemExit):
        main()
    assert "no checkout of tokkit" in capsys.readouterr().err
