"""Small tokenizers for completion and infilling, and the same with a format's control tokens."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from tests.bytelm.toy_models import PRETOKENIZERS
from tokkit.bytelm.completion.fim_formats import FimFormat
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind

END = "<|endoftext|>"


def merged_bpe(
    symbols: list[bytes], merged: tuple[bytes, ...], name: str, **options
) -> TokenizerSpec:
    """BPE over `symbols`; each of `merged` is built from left to right, the first merges first."""
    tokens = list(symbols)
    pairs: list[tuple[int, int, int]] = []
    for spelling in merged:
        for size in range(2, len(spelling) + 1):
            if spelling[:size] not in tokens:
                left = tokens.index(spelling[: size - 1])
                pairs.append((left, tokens.index(spelling[size - 1 : size]), len(tokens)))
                tokens.append(spelling[:size])
    columns = np.array(pairs, dtype=np.int32).reshape(-1, 3).T
    return TokenizerSpec(
        name=name,
        family="bpe",
        token_bytes=(*tokens, b""),
        kinds=np.array([TokenKind.NORMAL] * len(tokens) + [TokenKind.SPECIAL], dtype=np.uint8),
        special_tokens={END: len(tokens)},
        merges=MergeTable(
            columns[0], columns[1], columns[2], np.arange(len(pairs), dtype=np.int32)
        ),
        eos_ids=(len(tokens),),
        **options,
    )


def all_bytes_with(*merged: bytes) -> TokenizerSpec:
    """Every byte, and some longer tokens, with GPT-2's pretokenizer."""
    symbols = [bytes([byte]) for byte in range(256)]
    return merged_bpe(symbols, merged, "all bytes", splits=PRETOKENIZERS["gpt2"])


WORDS = merged_bpe(
    [b"a", b"b", b" ", b"\xc3", b"\xa9"], (b"ab", b"aba", b" a", b"\xc3\xa9"), "words"
)


def with_control_tokens(spec: TokenizerSpec, *texts: str) -> TokenizerSpec:
    """The same tokenizer with more control tokens at the end of its ids."""
    fresh = [text for text in dict.fromkeys(texts) if text not in spec.special_tokens]
    first = spec.vocab_size
    return replace(
        spec,
        token_bytes=(*spec.token_bytes, *(b"" for _ in fresh)),
        kinds=np.append(spec.kinds, np.full(len(fresh), TokenKind.SPECIAL, dtype=np.uint8)),
        special_tokens={
            **spec.special_tokens,
            **{text: first + k for k, text in enumerate(fresh)},
        },
    )


def with_format(spec: TokenizerSpec, fim: FimFormat) -> TokenizerSpec:
    """The same tokenizer with the control tokens of a format."""
    template = fim.template.replace("{prefix}", "\n").replace("{suffix}", "\n")
    return with_control_tokens(spec, *(text for text in template.split("\n") if text), *fim.ends)


def without_end(spec: TokenizerSpec) -> TokenizerSpec:
    """The same tokenizer with another name for its end of text."""
    return replace(spec, special_tokens={"<|end|>": spec.special_tokens[END]})
