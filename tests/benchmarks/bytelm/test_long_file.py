"""The benchmark of a long file reads the records that scoring writes."""

from __future__ import annotations

from pathlib import Path

import tokkit
from benchmarks.bytelm.long_file import _ends
from tests.bytelm.toy_models import ab_lm


def test_records_tell_how_far_a_text_is_scored(tmp_path: Path) -> None:
    records = tmp_path / "records"
    assert _ends(records) == []
    tokkit.score(ab_lm("a", "abab", "aab"), ["abab", "b"], records=records)
    with records.open("ab") as stream:
        stream.write(b'{"model": "a", "end": 7')  # as if it had been interrupted
    assert _ends(records) == [4, 1]
