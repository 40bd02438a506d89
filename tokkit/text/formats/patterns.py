"""Pretokenizers that files leave out: those of tiktoken's encodings.

The patterns are those of the original tokenizers (tokenizer.json files, `tiktoken_ext`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def cl100k(digits: str) -> str:
    """GPT-4's pattern, with its own way to cut numbers."""
    return (
        r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|"
        + digits
        + r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


def _o200k(digits: str, contractions: str, *, letters: str = "", marks: str = r"[\r\n/]*") -> str:
    head = r"[^\r\n\p{L}\p{N}]?"
    upper = rf"[\p{{Lu}}\p{{Lt}}\p{{Lm}}\p{{Lo}}\p{{M}}{letters}]"
    lower = rf"[\p{{Ll}}\p{{Lm}}\p{{Lo}}\p{{M}}{letters}]"
    return (
        f"{head}{upper}*{lower}+{contractions}|{head}{upper}+{lower}*{contractions}|{digits}"
        rf"| ?[^\s\p{{L}}\p{{N}}]+{marks}|\s*[\r\n]+|\s+(?!\S)|\s+"
    )


CL100K = cl100k(r"\p{N}{1,3}")
QWEN2 = cl100k(r"\p{N}")
O200K = _o200k(r"\p{N}{1,3}", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?")
TEKKEN = _o200k(r"\p{N}", "")
KIMI = r"[\p{Han}]+|" + _o200k(
    r"\p{N}{1,3}", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", letters=r"&&[^\p{Han}]", marks=r"[\r\n]*"
)


@dataclass(frozen=True)
class TiktokenEncoding:
    """A tiktoken encoding: what its rank file leaves out.

    Attributes:
        n_ranks: how many ranks its file holds.
        last: the token of the highest rank, which together with `n_ranks` tells encodings apart,
            or b"": `code` tells.
        pattern: cut, isolated.
        special_tokens: text -> id.
        nfc: text is normalised to NFC first.
        code: the module of the tokenizer that tokenizer_config.json names, of encodings that come
            with one.
    """

    n_ranks: int
    last: bytes
    pattern: str
    special_tokens: Mapping[str, int]
    nfc: bool = False
    code: str = ""


_END = "<|endoftext|>"
_FIM = ("<|fim_prefix|>", "<|fim_middle|>", "<|fim_suffix|>")


def _numbered(first: int, *names: str) -> dict[str, int]:
    return {name: first + i for i, name in enumerate(names)}


_O200K_SPECIAL = {_END: 199_999, "<|endofprompt|>": 200_018}
_HARMONY = {f"<|reserved_{i}|>": i for i in range(200_000, 201_088)}
_HARMONY_NAMED = {200_002: "return", 200_003: "constrain", 200_005: "channel", 200_006: "start",
                  200_007: "end", 200_008: "message", 200_012: "call"}  # fmt: skip
_HARMONY_SPECIAL = {
    "<|startoftext|>": 199_998,
    _END: 199_999,
    **{f"<|{_HARMONY_NAMED[i]}|>" if i in _HARMONY_NAMED else name: i
       for name, i in _HARMONY.items()},
}  # fmt: skip
_LLAMA3_SPECIAL = _numbered(
    128_000, "<|begin_of_text|>", "<|end_of_text|>",
    *(f"<|reserved_special_token_{i}|>" for i in range(4)),
    "<|start_header_id|>", "<|end_header_id|>", "<|reserved_special_token_4|>", "<|eot_id|>",
    *(f"<|reserved_special_token_{i}|>" for i in range(5, 251)),
)  # fmt: skip

TIKTOKEN: dict[str, TiktokenEncoding] = {
    "gpt2": TiktokenEncoding(50_256, b" gazed", GPT2, {_END: 50_256}),
    "r50k_base": TiktokenEncoding(50_256, b" gazed", GPT2, {_END: 50_256}),
    "p50k_base": TiktokenEncoding(50_280, b" " * 25, GPT2, {_END: 50_256}),
    "p50k_edit": TiktokenEncoding(
        50_280, b" " * 25, GPT2, {_END: 50_256, **_numbered(50_281, *_FIM)}
    ),
    "cl100k_base": TiktokenEncoding(
        100_256,
        b" Conveyor",
        CL100K,
        {**_numbered(100_257, _END, *_FIM), "<|endofprompt|>": 100_276},
    ),
    "o200k_base": TiktokenEncoding(199_998, b" cocos", O200K, _O200K_SPECIAL),
    "o200k_harmony": TiktokenEncoding(199_998, b" cocos", O200K, _HARMONY_SPECIAL),
    "llama3": TiktokenEncoding(128_000, b"\xe9\x94\xa6", CL100K, _LLAMA3_SPECIAL),
    "qwen": TiktokenEncoding(
        151_643,
        b"\xe2\xbd\x97",
        QWEN2,
        _numbered(
            151_643, _END, "<|im_start|>", "<|im_end|>", *(f"<|extra_{i}|>" for i in range(205))
        ),
        nfc=True,
    ),
    "kimi": TiktokenEncoding(163_584, b"", KIMI, {}, code="tokenization_kimi"),
}
"""Encodings by name. A rank file is recognised as the first one that fits it."""


def recognise_tiktoken(n_ranks: int, last: bytes, code: str = "") -> str | None:
    """Name of the first encoding with this many ranks and this last token or code, or None."""
    for name, encoding in TIKTOKEN.items():
        told = code == encoding.code if encoding.code else last == encoding.last
        if encoding.n_ranks == n_ranks and told:
            return name
    return None
