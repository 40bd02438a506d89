"""Fakes in place of models, and of stdin."""

from __future__ import annotations

import io
import sys
from typing import Any

import pytest

import tokkit
from tests.cli.fake_models import FakeEnsemble, FakeLM, FakeTokenizer
from tokkit.cli import option_types
from tokkit.errors import FormatError


@pytest.fixture
def models(monkeypatch: pytest.MonkeyPatch) -> dict[str, FakeLM]:
    """Fakes in place of the lazily imported public names."""
    models = {"cheap": FakeLM("cheap", 1.0), "dear": FakeLM("dear", 3.0)}

    def load_lm(source: str, **_: Any) -> FakeLM:
        if source not in models:
            raise FormatError(f"there is no model at {source!r}")
        return models[source]

    monkeypatch.setitem(vars(tokkit), "load_lm", load_lm)
    monkeypatch.setitem(vars(tokkit), "ByteEnsemble", FakeEnsemble)
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source, **_: FakeTokenizer())
    monkeypatch.setattr(option_types.Source, "check", lambda self, value: None)
    return models


@pytest.fixture
def stdin(monkeypatch: pytest.MonkeyPatch) -> io.BytesIO:
    buffer = io.BytesIO()
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(buffer))
    return buffer
