"""`tokkit serve`, before it serves."""

from __future__ import annotations

import socket

import pytest

from tokkit.cli import main


@pytest.mark.usefixtures("models")
def test_a_tokenizer_to_count_with_needs_several_models(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["serve", "there-is-no-such-model", "--tokenizer", "smollm2", "--port", "0"]) == 2
    said = " ".join(capsys.readouterr().err.split())
    assert "--tokenizer counts" in said and "there-is-no-such-model" not in said


@pytest.mark.usefixtures("models")
def test_a_port_that_is_taken_is_told_before_a_model_is_loaded(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        assert main(["serve", "there-is-no-such-model", "--port", str(port)]) == 2
    said = capsys.readouterr().err
    assert f"port {port}" in said
    assert "there-is-no-such-model" not in said
