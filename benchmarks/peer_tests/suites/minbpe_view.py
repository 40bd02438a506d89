"""A view of tokkit with the interface of minbpe, as a plugin of pytest.

Training and files are minbpe's own, from the checkout that `MINBPE` names; every text is encoded
and decoded by tokkit. The suite compares with tiktoken, which reads our copies of its rank files.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import tiktoken.load

from benchmarks.peer_tests.suites.fetched import rank_file
from tokkit.text.formats.patterns import TIKTOKEN
from tokkit.text.formats.tiktoken import parse_ranks, ranked_spec
from tokkit.text.spec import MergeTable, SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

sys.path.insert(0, os.environ["MINBPE"])
_theirs: Any = importlib.import_module("minbpe")
sys.path.pop(0)


def _read_fetched(url: str, _expected_hash: str | None = None) -> bytes:
    return rank_file(Path(url).stem).read_bytes()


_loading: Any = tiktoken.load
_loading.read_file_cached = _read_fetched


class _View:
    """Encodes and decodes by tokkit."""

    _tokenizer: TextTokenizer

    def encode(self, text: str, allowed_special: str = "none_raise") -> list[int]:
        """Ids of a text, with all special tokens or none."""
        return self._tokenizer.encode(text, specials=allowed_special == "all")

    def decode(self, ids: list[int]) -> str:
        """The text of ids, special tokens as they are spelled."""
        texts = {token: text for text, token in self._tokenizer.special_tokens.items()}
        return b"".join(
            texts[token].encode() if token in texts else self._tokenizer.token_bytes(token)
            for token in ids
        ).decode()


class _Learned(_View):
    """A tokenizer of minbpe that learns, saves and loads; its merges are tokkit's."""

    def __init__(self, learner: Any) -> None:
        self._learner = learner
        self._compile()

    def _compile(self) -> None:
        specials: dict[str, int] = self._learner.special_tokens
        self._tokenizer = TextTokenizer(
            _merged_spec(self._learner.merges, self._learner.pattern, specials)
        )

    def train(self, text: str, vocab_size: int) -> None:
        """Learn by minbpe's own trainer."""
        self._learner.train(text, vocab_size)
        self._compile()

    def register_special_tokens(self, special_tokens: dict[str, int]) -> None:
        """Take over special tokens."""
        self._learner.register_special_tokens(special_tokens)
        self._compile()

    def save(self, prefix: str) -> None:
        """Write minbpe's files."""
        self._learner.save(prefix)

    def load(self, path: str) -> None:
        """Read minbpe's file."""
        self._learner.load(path)
        self._compile()


def _merged_spec(
    merges: Mapping[tuple[int, int], int], pattern: str, specials: Mapping[str, int]
) -> TokenizerSpec:
    size = max([255, *merges.values(), *specials.values()]) + 1
    token_bytes = [bytes([token]) if token < 256 else b"" for token in range(size)]
    for (left, right), result in merges.items():
        token_bytes[result] = token_bytes[left] + token_bytes[right]
    kinds = np.where([bool(data) for data in token_bytes], TokenKind.NORMAL, TokenKind.UNUSED)
    kinds[list(specials.values())] = TokenKind.SPECIAL
    pairs = np.array(list(merges), dtype=np.int32).reshape(-1, 2)
    return TokenizerSpec(
        name="minbpe",
        family="bpe",
        token_bytes=tuple(token_bytes),
        kinds=kinds.astype(np.uint8),
        special_tokens=dict(specials),
        merges=MergeTable(
            left=pairs[:, 0].copy(),
            right=pairs[:, 1].copy(),
            result=np.array(list(merges.values()), dtype=np.int32),
            rank=np.arange(len(merges), dtype=np.int32),
        ),
        splits=(SplitRule(pattern, dialect="rust"),) if pattern else (),
    )


class BasicTokenizer(_Learned):
    """`minbpe.BasicTokenizer`: no pretokenizer."""

    def __init__(self) -> None:
        super().__init__(_theirs.BasicTokenizer())


class RegexTokenizer(_Learned):
    """`minbpe.RegexTokenizer`."""

    def __init__(self) -> None:
        super().__init__(_theirs.RegexTokenizer())


class GPT4Tokenizer(_View):
    """`minbpe.GPT4Tokenizer`: the ranks of cl100k."""

    def __init__(self) -> None:
        known = TIKTOKEN["cl100k_base"]
        path = rank_file("cl100k_base")
        self._tokenizer = TextTokenizer(
            ranked_spec(
                parse_ranks(path.read_bytes(), path.name),
                known.special_tokens,
                name=path.name,
                splits=(SplitRule(known.pattern, dialect="rust"),),
            )
        )


sys.modules["minbpe"] = sys.modules[__name__]
