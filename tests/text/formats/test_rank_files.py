"""Rank files whose pattern and control tokens come from beside them: the caller, or a config."""

import base64
import json
from typing import Any

import pytest

from tests.text.format_samples import SAMPLES
from tokkit import load_tokenizer
from tokkit.errors import ArgumentError, FormatError
from tokkit.text.formats.patterns import GPT2, KIMI, TIKTOKEN, recognise_tiktoken
from tokkit.text.loading import read_spec

RANKS = {bytes((byte,)): byte for byte in range(256)} | {b"ab": 256, b"abc": 257, b" a": 258}


def write_ranks(folder, ranks=RANKS, extra=b""):
    path = folder / "small.tiktoken"
    lines = (base64.b64encode(token) + b" %d\n" % rank for token, rank in ranks.items())
    path.write_bytes(b"".join(lines) + extra)
    return path


def write_config(folder, **config):
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def test_a_pattern_and_control_tokens_of_the_caller_give_the_ids_of_tiktoken(tmp_path):
    tiktoken = pytest.importorskip("tiktoken")
    specials = {"<|end|>": 300, "[TOOL]": 259}
    pattern = r"\p{L}+|\p{N}{1,2}|\s+|[^\s\p{L}\p{N}]+"
    ours = load_tokenizer(write_ranks(tmp_path), pattern=pattern, special_tokens=specials)
    reference = tiktoken.Encoding(
        "small", pat_str=pattern, mergeable_ranks=RANKS, special_tokens=specials
    )
    for text in [*SAMPLES, "abcab abc[TOOL] cabc<|end|>12345"]:
        assert ours.encode(text) == reference.encode(text, disallowed_special=()), text
        assert ours.encode(text, specials=True) == reference.encode(text, allowed_special="all")
    assert ours.vocab_size == reference.n_vocab


def test_a_config_beside_a_rank_file_names_its_control_tokens(tmp_path):
    added = {"300": {"content": "[EOS]"}, "260": {"content": "<|tool|>", "special": False}}
    write_config(tmp_path, added_tokens_decoder=added, eos_token="[EOS]")
    write_ranks(tmp_path)
    spec = read_spec(tmp_path, format="tiktoken:gpt2")
    assert spec.special_tokens == {"[EOS]": 300, "<|tool|>": 260}
    assert spec.eos_ids == (300,)
    given = read_spec(tmp_path, format="tiktoken", pattern=GPT2, special_tokens={"<|x|>": 259})
    assert given.special_tokens == {"<|x|>": 259}


def test_an_encoding_that_comes_with_code_is_known_by_the_name_of_that_code(tmp_path):
    kimi = TIKTOKEN["kimi"]
    assert kimi.pattern == KIMI
    assert recognise_tiktoken(kimi.n_ranks, b"any", "tokenization_kimi") == "kimi"
    assert recognise_tiktoken(kimi.n_ranks, b"any") is None
    assert recognise_tiktoken(kimi.n_ranks - 1, b"any", "tokenization_kimi") is None
    write_config(
        tmp_path, auto_map={"AutoTokenizer": ["tokenization_kimi.TikTokenTokenizer", None]}
    )
    with pytest.raises(FormatError, match="259 ranks"):
        read_spec(write_ranks(tmp_path))


def test_a_token_without_bytes_is_skipped_and_leaves_its_id_free(tmp_path):
    spec = read_spec(write_ranks(tmp_path, extra=b"= 259\n==== 260\n"), format="tiktoken:gpt2")
    assert spec.vocab_size == 259
    named = read_spec(tmp_path, pattern=GPT2, special_tokens={"<|end|>": 259})
    assert named.special_tokens == {"<|end|>": 259}


@pytest.mark.parametrize(
    "options",
    [
        {"pattern": ""},
        {"pattern": "a" * 70_000},
        {"pattern": GPT2, "format": "tiktoken:gpt2"},
        {"pattern": GPT2, "special_tokens": {"<|x|>": 7}},
        {"pattern": GPT2, "special_tokens": {"<|x|>": -1}},
        {"pattern": GPT2, "special_tokens": {"<|x|>": 2**40}},
        {"pattern": GPT2, "special_tokens": {"<|x|>": 300.0}},
        {"pattern": GPT2, "special_tokens": {"<|x|>": "300"}},
        {"pattern": GPT2, "special_tokens": {"\ud800": 300}},
        {"pattern": GPT2, "special_tokens": {5: 300}},
        {"pattern": GPT2, "special_tokens": ["<|x|>"]},
        {"pattern": 5},
        {"pattern": GPT2, "special_tokens": {"": 300}},
        {"pattern": GPT2, "special_tokens": {"<|x|>": 300, "<|y|>": 300}},
    ],
)
def test_options_that_cannot_be_are_refused(tmp_path, options):
    with pytest.raises(ArgumentError):
        read_spec(write_ranks(tmp_path), **options)


def test_a_pattern_for_a_file_that_holds_its_own_is_refused(tmp_path):
    (tmp_path / "vocab.bpe").write_text("#version: 0.2\na b\n")
    given: list[dict[str, Any]] = [{"pattern": GPT2}, {"special_tokens": {}}]
    for options in given:
        with pytest.raises(ArgumentError, match="rank files"):
            read_spec(tmp_path, **options)


@pytest.mark.parametrize(
    "added",
    [
        {"7": {"content": "<|x|>"}},
        {"-1": {"content": "<|x|>"}},
        {"1e9": {"content": "<|x|>"}},
        {"99999999999": {"content": "<|x|>"}},
        {"4194304": {"content": "<|x|>"}},
        {"300": {}},
        {"300": {"content": ""}},
        {"300": {"content": "<|x|>"}, "301": {"content": "<|x|>"}},
        ["<|x|>"],
    ],
)
def test_a_config_that_contradicts_the_ranks_is_refused(tmp_path, added):
    write_config(tmp_path, added_tokens_decoder=added)
    with pytest.raises(FormatError):
        read_spec(write_ranks(tmp_path), format="tiktoken:gpt2")
