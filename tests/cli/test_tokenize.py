"""`tokkit tokenize` over a fake tokenizer and a toy."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import repeat
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokkit
from tests.cli.fake_models import FakeTokenizer
from tests.text.encoding.test_cuts import LLAMA
from tests.text.tokenizer_json import BYTE_LEVEL, BYTES, document, ours
from tokkit import cli
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

pytestmark = pytest.mark.usefixtures("models")


@pytest.mark.parametrize("command", ["tokenize", "encode"])
def test_tokenize_prints_ids_and_pieces(command: str, capsys: Any) -> None:
    assert cli.main([command, "anything", "--text", "aé", "--specials"]) == 0
    captured = capsys.readouterr()
    assert captured.out == "97\t'a'\n195\t'\\xc3'\n169\t'\\xa9'\n999\t''\n"
    assert captured.err == "4 tokens, 3 bytes\n"


def test_tokenize_tells_what_the_unknown_token_stands_for(
    monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    spec = TokenizerSpec(
        name="toy",
        family="unigram",
        token_bytes=(b"", b"a", b"b"),
        kinds=np.array([TokenKind.UNUSED, 0, 0], dtype=np.uint8),
        scores=np.array([0.0, -1.0, -1.0]),
        unk_score=-20.0,
        unk_id=0,
        fuse_unk=True,
    )
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source, **_: TextTokenizer(spec))
    given = ["tokenize", "anything", "--text", "axyb"]
    assert cli.main([*given, "--unk", "use"]) == 0
    out, err = capsys.readouterr()
    assert out == "1\t'a'\n0\tlost b'xy'\n2\t'b'\n"
    assert "1 unknown token stands for 2 bytes" in err
    assert cli.main([*given, "--unk", "use", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["tokens"][1]["lost"] == "7879"
    assert cli.main(given) == 2
    assert "byte 0x78" in capsys.readouterr().err


@pytest.mark.parametrize("n", [0, 1, 1024, 1025, 3000])
def test_tokenize_json(n: int, capsys: Any) -> None:
    assert cli.main(["tokenize", "anything", "--text", "a" * n, "--json"]) == 0
    tokens = [{"id": 97, "text": "a", "hex": "61"}] * n
    expected = json.dumps({"n_bytes": n, "tokens": tokens, "n_tokens": n}, indent=2)
    assert capsys.readouterr().out == f"{expected}\n"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_tokens_are_printed_before_all_are_found(
    form: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def endless(self: FakeTokenizer, data: bytes, *, specials: bool = False) -> Iterator[int]:
        yield from repeat(97, 10_000)
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeTokenizer, "iter_encode", endless)
    assert cli.main(["tokenize", "anything", "--text", "a", *form]) == 130
    assert len(capsys.readouterr().out) > 10_000 * len("97")


def test_tokenize_writes_the_ids_of_a_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    toy = ours(document(BYTES, pretokenizers=(LLAMA, BYTE_LEVEL)))
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda source, **_: toy)
    (tmp_path / "text").write_bytes("one two é".encode())
    given = ["tokenize", "x", "--file", str(tmp_path / "text"), "--into", str(tmp_path / "ids.npy")]
    assert cli.main(given) == 0
    assert np.load(tmp_path / "ids.npy").tolist() == toy.encode("one two é")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "10 tokens, 10 bytes\n")
    assert cli.main([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told == {"n_bytes": 10, "n_tokens": 10, "into": str(tmp_path / "ids.npy")}
    assert cli.main(["tokenize", "x", "--text", "a", "--into", str(tmp_path / "ids.npy")]) == 2
    assert "--file" in capsys.readouterr().err
