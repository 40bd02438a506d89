"""Pretokenizers that GGUF files only name: `tokenizer.ggml.pre`, said in `pretokenizers.toml`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokkit.errors import UnsupportedError
from tokkit.files.shipped import shipped_table
from tokkit.text.formats.patterns import PATTERNS
from tokkit.text.spec import SplitRule


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


_TABLE = shipped_table("pretokenizers.toml", "tokkit.text.formats.gguf")
_PATTERNS: dict[str, str] = PATTERNS | _TABLE["patterns"]


def _kinds(
    names: Sequence[str], patterns: Sequence[str], **flags: bool
) -> dict[str, NamedPretokenizer]:
    kind = NamedPretokenizer(tuple(_PATTERNS[pattern] for pattern in patterns), **flags)
    return dict.fromkeys(names, kind)


GGUF_PRETOKENIZERS = {
    name: kind for said in _TABLE["kinds"] for name, kind in _kinds(**said).items()
}
"""By name."""


def gguf_pretokenizer(name: str, where: str) -> NamedPretokenizer:
    """The pretokenizer that `tokenizer.ggml.pre` names.

    Raises:
        UnsupportedError: an unknown name; guessing would silently cut text in other places.
    """
    try:
        return GGUF_PRETOKENIZERS[name]
    except KeyError:
        raise UnsupportedError(
            f"{where}: tokenizer.ggml.pre is {name[:80]!r}, which tokkit does not know; it knows "
            f"{', '.join(GGUF_PRETOKENIZERS)}. Load the original model's tokenizer.json instead"
        ) from None
