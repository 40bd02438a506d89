"""JSON of reports: valid whatever the names of files hold."""

from __future__ import annotations

import json

import pytest

from tokkit.report.json_data import json_text


def test_what_no_utf8_can_hold_is_replaced() -> None:
    text = json_text({"name": "a\udcffb", "known": "naïve 🙂"})
    assert json.loads(text.encode()) == {"name": "a\ufffdb", "known": "naïve 🙂"}


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(ValueError, match="JSON compliant"):
        json_text({"a": float("nan")})
