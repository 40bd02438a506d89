"""Random tokenizers of every family, with a random language model over each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.text.spec import MergeTable, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
CL100K = (
    r"'(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?+\p{L}++|\p{N}{1,3}+| ?[^\s\p{L}\p{N}]++[\r\n]*+"
    r"|\s++$|\s*[\r\n]|\s+(?!\S)|\s"
)
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
O200K = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
    r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
DEEPSEEK = (
    SplitRule(r"\p{N}{1,3}"),
    SplitRule("[一-龥぀-ゟ゠-ヿ]+"),
    SplitRule(
        r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"""
        r"""| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"""
    ),
)
PRETOKENIZERS: dict[str, tuple[SplitRule, ...]] = {
    "none": (),
    "gpt2": (SplitRule(GPT2),),
    "cl100k": (SplitRule(CL100K, dialect="rust"),),
    "llama3": (SplitRule(LLAMA3),),
    "o200k": (SplitRule(O200K),),
    "digits": (SplitRule(r"\p{N}"), SplitRule(GPT2)),
    "deepseek": DEEPSEEK,
}
SYMBOLS = (b"a", b"S", b" ", b"\n", b"'", b"1", b"\xc3", b"\xa9")
CHARACTERS = (b"a", b"b", b" ", "é".encode())


class RandomLM:
    """Next-token distributions drawn from a hash of the context."""

    def __init__(self, tokenizer: TextTokenizer, seed: int = 0) -> None:
        self.tokenizer = tokenizer
        self.eos_ids: Sequence[int] = tokenizer.eos_ids
        self._seed = seed

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        rows = []
        for context in contexts:
            generator = np.random.default_rng([self._seed, *context])
            logits = 2 * generator.normal(size=self.tokenizer.vocab_size)
            rows.append(logits - np.log(np.exp(logits).sum()))
        return np.array(rows)


def ab_lm(name: str, *texts: str) -> ByteLM:
    """Pairs of tokens counted in texts of a and b, which `ab` makes ambiguous."""
    spec = TokenizerSpec(
        "ab",
        "unigram",
        (b"a", b"b", b"ab", b""),
        np.array([TokenKind.NORMAL] * 3 + [TokenKind.SPECIAL], dtype=np.uint8),
        {"<end>": 3},
        scores=np.array([-2.0, -2.0, -1.0, 0.0]),
        unk_score=-9.0,
        eos_ids=(3,),
    )
    return ByteLM(NgramLM.train(texts, TextTokenizer(spec), order=2), name=name)


@st.composite
def bpe_specs(draw: st.DrawFn, splits: tuple[SplitRule, ...]) -> TokenizerSpec:
    """Byte-level BPE: merges in any order, some symbols without a token, a literal or two."""
    symbols = [s for s in SYMBOLS if draw(st.integers(0, 9))] or [b"a"]
    tokens = list(symbols)
    pairs: list[tuple[int, int, int]] = []
    for _ in range(draw(st.integers(0, 9))):
        left, right = (draw(st.integers(0, len(tokens) - 1)) for _ in range(2))
        spelling = tokens[left] + tokens[right]
        if len(spelling) <= 3 and spelling not in tokens:
            pairs.append((left, right, len(tokens)))
            tokens.append(spelling)
    ranks = draw(st.permutations(range(len(pairs))))
    return _bpe(draw, tokens, pairs, ranks, splits=splits, ignore_merges=draw(st.booleans()))


@st.composite
def character_bpe_specs(draw: st.DrawFn) -> TokenizerSpec:
    """SentencePiece BPE: characters, byte fallback, merges by rank of the result."""
    characters = [c for c in CHARACTERS if draw(st.integers(0, 3))] or [b"a"]
    tokens = list(characters)
    for _ in range(draw(st.integers(0, 7))):
        spelling = tokens[draw(st.integers(0, len(tokens) - 1))]
        spelling += tokens[draw(st.integers(0, len(tokens) - 1))]
        if len(spelling) <= 4 and spelling not in tokens:
            tokens.append(spelling)
    order = draw(st.permutations(range(len(tokens))))
    pairs = [
        (left, right, result)
        for result, spelling in enumerate(tokens)
        for left in range(len(tokens))
        for right in range(len(tokens))
        if tokens[left] + tokens[right] == spelling
    ]
    ranks = [order[result] for _, _, result in pairs]
    return _bpe(draw, tokens, pairs, ranks, char_units=True)


def _bpe(
    draw: st.DrawFn,
    tokens: list[bytes],
    pairs: list[tuple[int, int, int]],
    ranks: Sequence[int],
    *,
    splits: tuple[SplitRule, ...] = (),
    ignore_merges: bool = False,
    char_units: bool = False,
) -> TokenizerSpec:
    kinds = [TokenKind.NORMAL] * len(tokens)
    for literal in draw(
        st.lists(st.sampled_from([b"aa", b"a ", b"\n\n", b"  ", b"S1"]), max_size=2)
    ):
        if literal not in tokens:
            tokens.append(literal)
            kinds.append(TokenKind.LITERAL)
    if char_units:
        tokens += [b"a", b" ", b"\xc3", b"\xa9", b"z"]
        kinds += [TokenKind.BYTE] * 5
    columns = np.array(pairs, dtype=np.int32).reshape(-1, 3).T
    return TokenizerSpec(
        name="random",
        family="bpe",
        token_bytes=(*tokens, b""),
        kinds=np.array([*kinds, TokenKind.SPECIAL], dtype=np.uint8),
        special_tokens={"<end>": len(tokens)},
        merges=MergeTable(columns[0], columns[1], columns[2], np.array(ranks, dtype=np.int32)),
        ignore_merges=ignore_merges,
        char_units=char_units,
        splits=splits,
        eos_ids=(len(tokens),),
    )


@st.composite
def unigram_specs(draw: st.DrawFn) -> TokenizerSpec:
    """Unigram with byte fallback, with and without a split at spaces."""
    tokens = [c for c in CHARACTERS if draw(st.integers(0, 3))] or [b"a"]
    for _ in range(draw(st.integers(0, 6))):
        spelling = b"".join(draw(st.lists(st.sampled_from(CHARACTERS), min_size=2, max_size=3)))
        if spelling not in tokens:
            tokens.append(spelling)
    scores = [draw(st.floats(-8, -0.5, width=32)) for _ in tokens]
    kinds = [TokenKind.NORMAL] * len(tokens) + [TokenKind.BYTE] * 5 + [TokenKind.SPECIAL]
    tokens += [b"a", b" ", b"\xc3", b"\xa9", b"z", b""]
    return TokenizerSpec(
        name="random unigram",
        family="unigram",
        token_bytes=tuple(tokens),
        kinds=np.array(kinds, dtype=np.uint8),
        special_tokens={"<end>": len(tokens) - 1},
        scores=np.array([*scores, *([0.0] * 6)]),
        unk_score=min(scores) - 10.0,
        splits=draw(st.sampled_from([(), (SplitRule(" [^ ]*|[^ ]+"),)])),
        eos_ids=(len(tokens) - 1,),
    )


@st.composite
def wordpiece_specs(draw: st.DrawFn) -> TokenizerSpec:
    """WordPiece over two letters; tokens that begin a word bring its space."""
    words = st.lists(st.sampled_from([b"a", b"b"]), min_size=1, max_size=3).map(b"".join)
    initial = draw(st.lists(words, min_size=1, max_size=5, unique=True))
    inside = draw(st.lists(words, max_size=5, unique=True))
    tokens = (*(b" " + word for word in initial), *inside, b"")
    kinds = [TokenKind.NORMAL] * (len(tokens) - 1) + [TokenKind.SPECIAL]
    return TokenizerSpec(
        name="random wordpiece",
        family="wordpiece",
        token_bytes=tokens,
        kinds=np.array(kinds, dtype=np.uint8),
        special_tokens={"<end>": len(tokens) - 1},
        continuing=np.array([k >= len(initial) for k in range(len(tokens))]),
        prefix_space="always",
        splits=(SplitRule(r"\s+", behavior="removed"),),
        eos_ids=(len(tokens) - 1,),
    )
