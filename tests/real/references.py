"""Real tokenizers, each with its reference implementation.

`benchmarks/fetch/real_tokenizers.py` fetches the files into `.cache/tokenizers`; the environment
variable `TOKKIT_TEST_TOKENIZERS` names another folder. The layout is `NAME/tokenizer.json`,
`tiktoken/NAME.tiktoken`, `mistral/tekken_*.json` and `mistral/*.model*`.

Where a reference is asked for something else than its default, and why:

* Control tokens in a text stay text (`encode_special_tokens`), those included that a file marks as
  not special although they are (see `TextTokenizer.special_tokens`); so do unused ids.
* Ids are those that the file declares, wherever the reference numbers them anew.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from _pytest.mark import ParameterSet

import tokkit
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

FOLDER = Path(
    os.environ.get("TOKKIT_TEST_TOKENIZERS", Path(__file__).parents[2] / ".cache" / "tokenizers")
)
PATTERNS = ("*/tokenizer.json", "*/*.tiktoken", "*/tekken*.json", "*/*.model*")
IN_CI = (
    "gemma3/tokenizer.json",
    "llama3/tokenizer.json",
    "qwen3/tokenizer.json",
    "mistral/tekken_240911.json",
    "mistral/tokenizer.model.v1",
    "tiktoken/cl100k_base.tiktoken",
)
"""Files of every format and of most kinds of rules, where all of them would take CI too long."""

EncodeAll = Callable[[Sequence[str]], list[list[int]]]


@dataclass(frozen=True)
class Pair:
    """A tokenizer of ours, and the reference's `encode` of many texts."""

    ours: TextTokenizer
    reference: EncodeAll


def fetched_files() -> list[Path]:
    """The real tokenizers that are there."""
    return sorted(path for pattern in PATTERNS for path in FOLDER.glob(pattern))


def as_parameters(paths: Sequence[Path]) -> list[ParameterSet]:
    """The files for a test of each: those that CI leaves out are a sweep."""
    if not paths:
        reason = f"no tokenizers in {FOLDER}: run python -m benchmarks.fetch.real_tokenizers"
        return [pytest.param(None, marks=pytest.mark.skip(reason), id="none")]
    return [
        pytest.param(
            path,
            id=f"{path.parent.name}-{path.name}",
            marks=[] if path.relative_to(FOLDER).as_posix() in IN_CI else pytest.mark.sweep,
        )
        for path in paths
    ]


def load_pair(path: Path) -> Pair:
    """The tokenizer in a file, by us and by its reference."""
    ours = tokkit.load_tokenizer(path)
    if path.name == "tokenizer.json":
        return Pair(ours, hugging_face(path, ours))
    if path.suffix == ".tiktoken":
        return Pair(ours, _tiktoken(path))
    if path.name.startswith("tekken"):
        return Pair(ours, _tekken(path))
    return Pair(ours, _sentencepiece(path))


def hugging_face(path: Path, ours: TextTokenizer) -> EncodeAll:
    """The reference of a tokenizer.json, with control tokens and unused ids as `ours` has them."""
    tokenizers = pytest.importorskip("tokenizers")
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    unmatched = np.isin(ours.spec.kinds, (TokenKind.SPECIAL, TokenKind.UNUSED))
    for token in document["added_tokens"]:
        token["special"] = token["id"] >= ours.vocab_size or bool(unmatched[token["id"]])
    reference: Any = tokenizers.Tokenizer.from_str(json.dumps(document))
    return encode_all_with(reference, {new: old for old, new in ours.spec.runtime_ids.items()})


def encode_all_with(reference: Any, declared: dict[int, int]) -> EncodeAll:
    """Encode with a `tokenizers.Tokenizer`; `declared` maps its ids to those of the file."""
    reference.encode_special_tokens = True

    def encode_all(texts: Sequence[str]) -> list[list[int]]:
        encodings = reference.encode_batch_fast(list(texts), add_special_tokens=False)
        found: list[list[int]] = [encoding.ids for encoding in encodings]
        return [[declared.get(token, token) for token in ids] for ids in found]

    return encode_all


def _tiktoken(path: Path) -> EncodeAll:
    tiktoken = pytest.importorskip("tiktoken")
    from tiktoken.load import load_tiktoken_bpe
    from tiktoken_ext import openai_public

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            openai_public, "load_tiktoken_bpe", lambda *_, **__: load_tiktoken_bpe(str(path))
        )
        encoding = tiktoken.Encoding(**getattr(openai_public, path.stem)())
    return lambda texts: encoding.encode_ordinary_batch(list(texts), num_threads=1)


def _tekken(path: Path) -> EncodeAll:
    """tiktoken with the file's own pattern, which is how mistral_common reads it."""
    tiktoken = pytest.importorskip("tiktoken")
    document = json.loads(path.read_text(encoding="utf-8"))
    config = document["config"]
    n_special = config["default_num_special_tokens"]
    ranks = {
        base64.b64decode(token["token_bytes"]): token["rank"]
        for token in document["vocab"][: config["default_vocab_size"] - n_special]
    }
    encoding = tiktoken.Encoding(
        path.stem, pat_str=config["pattern"], mergeable_ranks=ranks, special_tokens={}
    )

    def encode_all(texts: Sequence[str]) -> list[list[int]]:
        found = encoding.encode_ordinary_batch(list(texts), num_threads=1)
        return [[token + n_special for token in ids] for ids in found]

    return encode_all


def _sentencepiece(path: Path) -> EncodeAll:
    sentencepiece = pytest.importorskip("sentencepiece")
    processor = sentencepiece.SentencePieceProcessor(model_file=str(path))
    return lambda texts: processor.encode(list(texts), num_threads=1)
