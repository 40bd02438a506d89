"""Pretokenizers that files leave out: those of tiktoken's encodings.

`patterns.toml` holds the regular expressions, `tiktoken_encodings.toml` the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from tokkit.files.shipped import shipped_table

PATTERNS: dict[str, str] = shipped_table("patterns.toml", "tokkit.text.formats")
"""Regular expressions by name."""
GPT2, CL100K, QWEN2, KIMI = (PATTERNS[name] for name in ("gpt2", "cl100k", "qwen2", "kimi"))


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


def _special_tokens(
    named: Mapping[str, int], reserved: Iterable[Mapping[str, Any]]
) -> dict[str, int]:
    """Text -> id, by id: those with a name of their own, and runs of numbered ones."""
    texts = {
        run["first"] + place: run["text"].format(number)
        for run in reserved
        for place, number in enumerate(range(*run["numbers"]))
    }
    texts |= {token: text for text, token in named.items()}
    return {text: token for token, text in sorted(texts.items())}


def _encoding(said: Mapping[str, Any]) -> TiktokenEncoding:
    return TiktokenEncoding(
        said["n_ranks"],
        said["last"].encode(),
        PATTERNS[said["pattern"]],
        _special_tokens(said.get("special_tokens", {}), said.get("reserved", ())),
        said.get("nfc", False),
        said.get("code", ""),
    )


_ENCODINGS = shipped_table("tiktoken_encodings.toml", "tokkit.text.formats")
TIKTOKEN = {name: _encoding(said) for name, said in _ENCODINGS.items()}
"""Encodings by name. A rank file is recognised as the first one that fits it."""


def recognise_tiktoken(n_ranks: int, last: bytes, code: str = "") -> str | None:
    """Name of the first encoding with this many ranks and this last token or code, or None."""
    for name, encoding in TIKTOKEN.items():
        told = code == encoding.code if encoding.code else last == encoding.last
        if encoding.n_ranks == n_ranks and told:
            return name
    return None
