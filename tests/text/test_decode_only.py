"""Tokens that no text produces, since their spelling is none of the alphabet, still decode."""

import json
from typing import Any

import pytest

from tests.text.formats.test_format_files import gguf_byte_level, gguf_file
from tokkit import ByteLM, NgramLM
from tokkit.audit.vocabulary.ids import id_findings
from tokkit.audit.vocabulary.reach.reach_report import reach_findings
from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge
from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE
from tokkit.text.loading import read_spec
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

ALPHABET = {char: byte for byte, char in enumerate(CHAR_OF_BYTE)}
ODD = {"™": 257, "a™": 258, "日本": 259, "a b": 260, "\u2581": 261}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
METASPACE = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "never"}


def byte_level(**changes):
    return {
        "pre_tokenizer": BYTE_LEVEL,
        "decoder": BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "vocab": ALPHABET | {"ab": 256} | ODD,
            "merges": ["a b", "a ™"],
        },
    } | changes


def written(folder, document):
    path = folder / "tokenizer.json"
    path.write_text(json.dumps(document))
    return path


def test_they_decode_as_in_the_library_and_no_text_produces_them(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    path = written(tmp_path, byte_level())
    ours, reference = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    for text, token in ODD.items():
        assert ours.decode([token]).decode() == reference.decode([token]) == text
        assert ours.encode(text) == reference.encode(text).ids
        assert token not in ours.encode(text)
        assert not ours.is_canonical([token])
        assert not ours.is_canonical([0, token])
        assert not ours.canonical.mask(ours.canonical.START)[token]
        assert ours.spec.kinds[token] == TokenKind.DECODE_ONLY


def test_a_piece_with_a_real_space_decodes_where_spaces_are_marked(tmp_path):
    tokenizers = pytest.importorskip("tokenizers")
    vocab = {"<unk>": 0, "a": 1, "\u2581": 2, "a b": 3, "\u2581 b": 4}
    path = written(tmp_path, {
        "pre_tokenizer": METASPACE,
        "decoder": METASPACE,
        "model": {"type": "BPE", "vocab": vocab, "merges": [], "unk_token": "<unk>"},
    })  # fmt: skip
    ours, reference = load_tokenizer(path), tokenizers.Tokenizer.from_file(str(path))
    for ids in ([3], [1, 4], [1, 3, 2]):
        assert ours.decode(ids).decode() == reference.decode(ids)
    assert ours.spec.kinds[[3, 4]].tolist() == [TokenKind.DECODE_ONLY] * 2


def test_they_are_read_from_gguf_too(tmp_path):
    values: dict[str, Any] = gguf_byte_level()
    values["tokens"][257] = "™"
    values["merges"] = ["a b"]
    path = tmp_path / "small.gguf"
    path.write_bytes(gguf_file(**values))
    spec = read_spec(path)
    assert (spec.token_bytes[257], spec.kinds[257]) == ("™".encode(), TokenKind.DECODE_ONLY)


def test_a_saved_tokenizer_keeps_them(tmp_path):
    ours = load_tokenizer(written(tmp_path, byte_level()))
    ours.save(tmp_path / "saved")
    again = TextTokenizer.load(tmp_path / "saved")
    assert again.decode(list(ODD.values())) == ours.decode(list(ODD.values()))


def test_the_audit_names_them_and_does_not_call_them_unused(tmp_path):
    ours = load_tokenizer(written(tmp_path, byte_level()))
    verdicts = ReachabilityJudge(ours).judge_all()
    findings = {finding.rule: finding for finding in reach_findings(ours, verdicts)}
    assert findings["unreachable-alphabet"].tokens == tuple(ODD.values())
    assert "unused-id" not in {finding.rule for finding in id_findings(ours)}


def test_a_byte_model_gives_them_no_mass_where_encodings_are_canonical(tmp_path):
    ours = load_tokenizer(written(tmp_path, byte_level(added_tokens=[
        {"id": 262, "content": "<|end|>", "special": True}
    ])))  # fmt: skip
    tokens = NgramLM.train(["a™b ab"], ours, order=1, eos_id=262)
    assert ByteLM(tokens).logprob("™") < 0
