"""Words are the pieces of the tokenizer, whatever the size of the blocks."""

from __future__ import annotations

import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import ByteLevelBPETokenizer, Regex, Tokenizer, models, normalizers, pre_tokenizers
from tokenizers.trainers import BpeTrainer

import tokkit
from tokkit.mixture.merges.merge_list import merge_list
from tokkit.mixture.merges.replay import Replay
from tokkit.mixture.samples.counting import count_texts
from tokkit.mixture.samples.word_counts import make_table
from tokkit.mixture.samples.words import WordSplitter
from tokkit.text.spec import MergeTable, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

TEXTS = Path(__file__).parents[2] / "assets/multilingual.txt"
FEW = settings(max_examples=80, deadline=None, derandomize=True)
CL100K = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def words(tokenizer: TextTokenizer, text: str | bytes) -> list[bytes]:
    data = text.encode() if isinstance(text, str) else text
    return [
        part[a:b].tobytes()
        for part, starts in WordSplitter.of(tokenizer).words(data)
        for a, b in pairwise(starts)
    ]


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory: pytest.TempPathFactory) -> tuple[TextTokenizer, Tokenizer]:
    inner = Tokenizer(models.BPE())
    inner.normalizer = normalizers.NFC()
    inner.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(CL100K), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    inner.train_from_iterator(
        ["some text " * 9], BpeTrainer(vocab_size=270, initial_alphabet=alphabet)
    )
    path = tmp_path_factory.mktemp("words") / "tokenizer.json"
    inner.save(str(path))
    return tokkit.load_tokenizer(path), inner


@FEW
@given(text=st.text("ab1 \n\t.'/se\u0301É日", max_size=40))
def test_words_are_those_of_the_reference(
    byte_level: tuple[TextTokenizer, Tokenizer], text: str
) -> None:
    ours, reference = byte_level
    normal = reference.normalizer.normalize_str(text)
    pieces = reference.pre_tokenizer.pre_tokenize_str(normal)
    assert words(ours, text) == [normal[a:b].encode() for _, (a, b) in pieces]


@FEW
@given(text=st.text("ab \n.'é", max_size=40))
def test_a_splitter_survives_the_way_to_another_process(
    byte_level: tuple[TextTokenizer, Tokenizer], text: str
) -> None:
    splitter = WordSplitter.of(byte_level[0])
    away = pickle.loads(pickle.dumps(splitter))  # noqa: S301  # our own
    assert away.key == splitter.key == WordSplitter.of(byte_level[0]).key
    assert [t.tobytes() for t, _ in away.words(text.encode())] == [
        t.tobytes() for t, _ in splitter.words(text.encode())
    ]


def test_a_splitter_does_not_carry_the_vocabulary(
    byte_level: tuple[TextTokenizer, Tokenizer],
) -> None:
    assert WordSplitter.of(byte_level[0]).spec.token_bytes == ()


def character_bpe(merged: list[tuple[str, str]], **changes: object) -> TextTokenizer:
    """Without a pretokenizer, as SentencePiece has it."""
    tokens = [chr(point) for point in range(32, 127)]
    for a, b in merged:
        tokens.append(a + b)
    rows = np.array(
        [(tokens.index(a), tokens.index(b), 95 + k) for k, (a, b) in enumerate(merged)], np.int32
    )
    spec = TokenizerSpec(
        name="characters",
        family="bpe",
        token_bytes=tuple(token.encode() for token in tokens),
        kinds=np.full(len(tokens), TokenKind.NORMAL, np.uint8),
        merges=MergeTable(
            rows[:, 0], rows[:, 1], rows[:, 2], np.arange(len(merged), dtype=np.int32)
        ),
        char_units=True,
        prefix_space="always",
    )
    return TextTokenizer(replace(spec, **changes))  # pyright: ignore[reportArgumentType]


def test_without_a_pretokenizer_lines_are_cut_before_each_space() -> None:
    tokenizer = character_bpe([("a", "b"), (" ", "a")])
    assert words(tokenizer, "ab  cd\n\nef") == [b" ab", b" ", b" cd", b" ef"]


def test_runs_of_spaces_stay_together_if_a_merge_makes_one() -> None:
    tokenizer = character_bpe([("a", "b"), (" ", " ")])
    assert words(tokenizer, "ab    cd  \nef") == [b" ab", b"   ", b" cd", b"  ", b" ef"]


def test_lines_are_words_if_merges_cross_spaces() -> None:
    tokenizer = character_bpe([("a", " "), ("a ", "b")])
    assert words(tokenizer, "ab  cd\n\nef") == [b" ab  cd", b" ef"]


def test_a_prefix_space_stands_before_every_line() -> None:
    split = (SplitRule(" ?[^ \n]+|\n| "),)
    always = character_bpe([("a", "b")], splits=split)
    unless = character_bpe([("a", "b")], splits=split, prefix_space="unless_space")
    never = character_bpe([("a", "b")], splits=split, prefix_space="never")
    assert words(always, "ab\n cd\n") == [b" ab", b"\n", b" ", b" cd", b"\n"]
    assert words(unless, "ab\n cd\n") == [b" ab", b"\n", b" cd", b"\n"]
    assert words(never, "ab\n cd\n") == [b"ab", b"\n", b" cd", b"\n"]


def test_literals_are_no_words(tmp_path: Path) -> None:
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(["some text " * 9], vocab_size=280, show_progress=False)
    bpe.add_tokens(["<cut>"])
    bpe.save(str(tmp_path / "tokenizer.json"))
    tokenizer = tokkit.load_tokenizer(tmp_path / "tokenizer.json")
    assert words(tokenizer, "one<cut> two") == [b"one", b" two"]
    assert b"".join(p.text.tobytes() for p in tokenizer.pieces("one<cut> two")) == b"one two"


def test_scripts_stay_apart_if_no_token_mixes_them() -> None:
    text = "ab1.c =日本のー б-é e\u0301a"
    apart = character_bpe([("a", "b"), (".", ".")])
    cut = ["ab", "1", ".", "c", " =", "日本のー", " б", "-", "é", " e\u0301a"]
    assert words(apart, text) == [b" ab", *(piece.encode() for piece in cut[1:])]
    numbers = character_bpe([("a", "b"), ("1", ".")])
    assert words(numbers, text)[:3] == [b" ab", b"1.", b"c"]
    mixed = character_bpe([("a", "1"), (".", ".")])
    assert words(mixed, text)[:2] == [b" ab1.c", " =日本のー".encode()]


@pytest.mark.parametrize("split_digits", [False, True])
def test_merges_of_sentencepiece_were_the_most_frequent_pairs(
    tmp_path: Path, split_digits: bool
) -> None:
    spm = pytest.importorskip("sentencepiece")
    text = TEXTS.read_text(encoding="utf-8")
    lines = [line for line in text.split("\n") if line.strip()]
    spm.SentencePieceTrainer.train(
        sentence_iterator=iter(lines),
        model_prefix=str(tmp_path / "toy"),
        model_type="bpe",
        vocab_size=1200,
        character_coverage=1.0,
        split_digits=split_digits,
        byte_fallback=True,
        hard_vocab_limit=False,
        minloglevel=2,
    )
    tokenizer = tokkit.load_tokenizer(tmp_path / "toy.model")
    merges = merge_list(tokenizer, limit=150)
    counts = count_texts(WordSplitter.of(tokenizer), ["\n".join(lines).encode()], 1 << 22)
    replay = Replay(make_table([counts.words]), merges)
    for step in range(len(merges)):
        most = replay.pairs().counts.max()
        assert replay.advance(step + 1)[0, 0] == most, step


def test_runs_of_spaces_given_to_the_trainer_are_cut() -> None:
    runs = [(" " * n, " ") for n in range(1, 7)]
    given = character_bpe([*runs, ("a", "b")])
    assert words(given, "ab   ab") == [b" ab", b" ", b" ", b" ab"]
    between = character_bpe([*runs[:3], ("a", "b"), *runs[3:]])
    assert words(between, "ab   ab") == [b" ab", b"  ", b" ab"]
