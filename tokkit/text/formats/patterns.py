"""Pretokenizers that files only name: tiktoken's encodings, and GGUF's `tokenizer.ggml.pre`.

The patterns are those of the original tokenizers (tokenizer.json files, `tiktoken_ext`), which the
GGUF names stand for. llama.cpp rewrites some of them for its own regex engine; where the two differ
the original is what the model was trained with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokkit.errors import UnsupportedError
from tokkit.text.spec import SplitRule

GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def _cl100k(digits: str) -> str:
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


CL100K = _cl100k(r"\p{N}{1,3}")
QWEN2 = _cl100k(r"\p{N}")
O200K = _o200k(r"\p{N}{1,3}", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?")
TEKKEN = _o200k(r"\p{N}", "")
KIMI = r"[\p{Han}]+|" + _o200k(
    r"\p{N}{1,3}", "(?i:'s|'t|'re|'ve|'m|'ll|'d)?", letters=r"&&[^\p{Han}]", marks=r"[\r\n]*"
)
_DEEPSEEK_V3 = (
    r"\p{N}{1,3}",
    "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]+",
    (
        r"[!\"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+"
        r"| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    ),
)
_DEEPSEEK_CODER = (
    r"[\r\n]",
    r"\s?\p{L}+",
    r"\s?\p{P}+",
    "[\u4e00-\u9fa5\u0800-\u4e00\uac00-\ud7ff]+",
    r"\p{N}",
)
_FALCON = (r"[\p{P}\$\+<=>\^~\|`]+", GPT2, "[0-9][0-9][0-9]")
_DEFAULT = (r"[\p{P}\$\+<=>\^~\|]+", GPT2, r"\p{N}+", "[0-9][0-9][0-9]")
_DIGITS_GPT2 = (r"\p{N}", GPT2)
_BLOOM = (r" ?[^(\s|.,!?…。，、।۔،)]+",)


@dataclass(frozen=True)
class NamedPretokenizer:
    """What a `tokenizer.ggml.pre` name stands for.

    Attributes:
        patterns: cuts, in order, each isolated.
        ignore_merges: a whole piece that is a token is that token.
        adds_bos: BOS is put before a text unless the file says otherwise.
        nfc: the original tokenizer normalises to NFC, which GGUF does not record.
    """

    patterns: tuple[str, ...]
    ignore_merges: bool = False
    adds_bos: bool = False
    nfc: bool = False

    @property
    def splits(self) -> tuple[SplitRule, ...]:
        """The cuts as rules."""
        return tuple(SplitRule(pattern) for pattern in self.patterns)


_LLAMA3 = NamedPretokenizer((CL100K,), ignore_merges=True, adds_bos=True)
_GGUF: dict[str, NamedPretokenizer] = {
    "default": NamedPretokenizer(_DEFAULT),
    "gpt-2": NamedPretokenizer((GPT2,)),
    "llama-bpe": _LLAMA3,
    "llama3": _LLAMA3,
    "llama-v3": _LLAMA3,
    "falcon3": _LLAMA3,
    "pixtral": _LLAMA3,
    "dbrx": NamedPretokenizer((CL100K,)),
    "smaug-bpe": NamedPretokenizer((CL100K,)),
    "chatglm-bpe": NamedPretokenizer((CL100K,)),
    "glm4": NamedPretokenizer((CL100K,)),
    "qwen2": NamedPretokenizer((QWEN2,), nfc=True),
    "stablelm2": NamedPretokenizer((QWEN2,)),
    "gpt-4o": NamedPretokenizer((O200K,)),
    "llama4": NamedPretokenizer((O200K,)),
    "tekken": NamedPretokenizer((TEKKEN,), ignore_merges=True, adds_bos=True),
    "deepseek-v3": NamedPretokenizer(_DEEPSEEK_V3),
    "hunyuan-dense": NamedPretokenizer(_DEEPSEEK_V3),
    "deepseek-coder": NamedPretokenizer(_DEEPSEEK_CODER),
    "falcon": NamedPretokenizer(_FALCON),
    "starcoder": NamedPretokenizer(_DIGITS_GPT2),
    "refact": NamedPretokenizer(_DIGITS_GPT2),
    "command-r": NamedPretokenizer(_DIGITS_GPT2, nfc=True),
    "smollm": NamedPretokenizer(_DIGITS_GPT2),
    "codeshell": NamedPretokenizer(_DIGITS_GPT2),
    "exaone": NamedPretokenizer(_DIGITS_GPT2),
    "minerva-7b": NamedPretokenizer(_DIGITS_GPT2),
    "mpt": NamedPretokenizer((GPT2,)),
    "olmo": NamedPretokenizer((GPT2,)),
    "jais": NamedPretokenizer((GPT2,)),
    "phi-2": NamedPretokenizer((GPT2,)),
    "roberta-bpe": NamedPretokenizer((GPT2,)),
    "bloom": NamedPretokenizer(_BLOOM),
    "poro-chat": NamedPretokenizer(_BLOOM),
    "gpt3-finnish": NamedPretokenizer(_BLOOM),
    "viking": NamedPretokenizer((*_BLOOM, r"\p{N}")),
}


def gguf_pretokenizer(name: str, where: str) -> NamedPretokenizer:
    """The pretokenizer that `tokenizer.ggml.pre` names.

    Raises:
        UnsupportedError: an unknown name; guessing would silently cut text in other places.
    """
    try:
        return _GGUF[name]
    except KeyError:
        raise UnsupportedError(
            f"{where}: tokenizer.ggml.pre is {name[:80]!r}, which tokkit does not know; it knows "
            f"{', '.join(_GGUF)}. Load the tokenizer.json of the original model instead"
        ) from None


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
