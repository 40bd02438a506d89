"""The tokenizer of a GGUF file: `tokenizer.ggml.*`.

The inverse of `tokkit.text.formats.gguf.tokenizer`. Two kinds can be written: `gpt2` (byte-level
BPE), whose pretokenizer a file only names, and `llama` (SentencePiece BPE), which has none. A
pretokenizer that no name means is refused: llama.cpp would cut text in other places, silently.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from tokkit.errors import UnsupportedError
from tokkit.hypernets.tokenizer_export.model_node import merges_in_order
from tokkit.hypernets.tokenizer_export.spelling import is_byte_level, spellings
from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.formats.gguf.pretokenizers import GGUF_PRETOKENIZERS
from tokkit.text.normalizers import Chain, LibraryNormalizer, SpaceMark
from tokkit.text.regex.rule_tree import rule_tree
from tokkit.text.sentencepiece_normalizer import MARK, SentencePieceNormalizer
from tokkit.text.spec import Normalizer, SplitRule, TokenizerSpec, TokenKind

_NORMAL, _UNKNOWN, _CONTROL, _USER_DEFINED, _UNUSED, _BYTE = range(1, 7)
_TYPES = {
    TokenKind.NORMAL: _NORMAL,
    TokenKind.BYTE: _BYTE,
    TokenKind.LITERAL: _USER_DEFINED,
    TokenKind.SPECIAL: _CONTROL,
    TokenKind.UNUSED: _UNUSED,
    TokenKind.DECODE_ONLY: _NORMAL,
}
_ROLES = {"bos": "bos", "eos": "eos", "unk": "unknown", "pad": "padding"}
_NFC_NOTE = "the tokenizer normalises text to NFC, which llama.cpp leaves to the caller"
_OTHER_ENDS = ("<|eot_id|>", "<|im_end|>", "<end_of_turn>", "<|end|>")


@dataclass(frozen=True)
class TokenizerMetadata:
    """What `tokenizer.ggml.*` hold.

    Attributes:
        model: `gpt2` or `llama`.
        pre: the name of the pretokenizer.
        tokens: spelling of each id.
        types: type of each id, 1 to 6.
        scores: of each id (`llama`), or None.
        merges: pairs of spellings (`gpt2`), or None.
        flags: further keys, as `add_bos_token`.
        ids: further keys, as `bos_token_id`.
        notes: what llama.cpp does in another way, a sentence each.
    """

    model: str
    pre: str
    tokens: list[str]
    types: list[int]
    scores: list[float] | None
    merges: list[str] | None
    flags: dict[str, bool]
    ids: dict[str, int]
    notes: tuple[str, ...]


def tokenizer_metadata(spec: TokenizerSpec, fast: Any, size: int) -> TokenizerMetadata:
    """The metadata of a tokenizer.

    Args:
        spec: the tokenizer.
        fast: the same as a fast tokenizer of transformers, for the parts of its control tokens.
        size: rows of the model; ids beyond the tokenizer's are unused.

    Raises:
        UnsupportedError: a tokenizer that a GGUF file cannot say exactly, named.
    """
    _refuse_flags(spec)
    by_bytes = is_byte_level(spec) and spec.family == "bpe"
    if not by_bytes and not (spec.family == "bpe" and spec.char_units):
        raise _refused(spec, f"is of the family {spec.family!r}; only BPE can be written")
    mark = "" if by_bytes else MARK
    tokens = spellings(spec, mark=mark)
    types = [_TYPES[TokenKind(kind)] for kind in spec.kinds.tolist()]
    if spec.unk_id is not None and types[spec.unk_id] == _UNUSED:
        types[spec.unk_id] = _UNKNOWN
    for token in range(len(tokens), size):
        tokens.append(f"[PAD{token}]")
        types.append(_UNUSED)
    flags = {"add_bos_token": bool(spec.bos_ids), "add_eos_token": False}
    ids = _special_ids(spec, fast)
    if by_bytes:
        pre, notes = _named_pretokenizer(spec)
        merges = [" ".join(pair) for pair in merges_in_order(spec, tokens)]
        flags["add_space_prefix"] = False
        return TokenizerMetadata("gpt2", pre, tokens, types, None, merges, flags, ids, notes)
    flags["add_space_prefix"] = _sentencepiece_prefix(spec)
    scores = _scores(spec, size)
    return TokenizerMetadata("llama", "default", tokens, types, scores, None, flags, ids, ())


def _refused(spec: TokenizerSpec, what: str) -> UnsupportedError:
    return UnsupportedError(
        f"{spec.name}: the tokenizer {what}, and llama.cpp would give other ids; no GGUF file is "
        "written. Save the model with save_pretrained, or use another tokenizer"
    )


def _refuse_flags(spec: TokenizerSpec) -> None:
    for token in all_added_tokens(spec):
        if token.lstrip or token.rstrip or token.single_word:
            raise _refused(
                spec, f"cuts out {token.content[:60]!r} by what stands beside it (lstrip, rstrip)"
            )
    if spec.renaming is not None:
        raise _refused(spec, "changes text after its added tokens are cut out")


def _named_pretokenizer(spec: TokenizerSpec) -> tuple[str, tuple[str, ...]]:
    """The name that means the spec's cuts, and what it leaves out."""
    if spec.prefix_space != "never":
        raise _refused(spec, "puts a space before a text")
    nfc = _is_nfc(spec.normalizer)
    if spec.normalizer is not None and not nfc:
        raise _refused(spec, f"normalises by {spec.normalizer.name}")
    for name, kind in GGUF_PRETOKENIZERS.items():
        if (kind.nfc, kind.ignore_merges) == (nfc, spec.ignore_merges) and _same_cuts(
            spec.splits, kind.splits
        ):
            notes = ()
            if nfc:
                notes = (
                    "the tokenizer normalises text to NFC, which llama.cpp leaves to the caller",
                )
            return name, notes
    cuts = ", ".join(repr(rule.pattern[:80]) for rule in spec.splits) or "none"
    raise _refused(spec, f"has cuts that no name of a pretokenizer stands for ({cuts})")


def _is_nfc(normalizer: Normalizer | None) -> bool:
    return isinstance(normalizer, LibraryNormalizer) and normalizer.name == "NFC"


def _same_cuts(one: tuple[SplitRule, ...], other: tuple[SplitRule, ...]) -> bool:
    """Whether two lists of rules cut at the same places, whatever they are written like."""
    if len(one) != len(other):
        return False
    return all(
        (left.behavior, left.invert, left.sees_bytes) == ("isolated", False, False)
        and rule_tree(left) == rule_tree(right)
        for left, right in zip(one, other, strict=True)
    )


def _sentencepiece_prefix(spec: TokenizerSpec) -> bool:
    """Whether a space is put before a text, once everything else is as llama.cpp does it."""
    steps = spec.normalizer.steps if isinstance(spec.normalizer, Chain) else (spec.normalizer,)
    plain = len(steps) == 1 and (
        (isinstance(steps[0], SpaceMark) and steps[0].mark == MARK)
        or (
            isinstance(steps[0], SentencePieceNormalizer)
            and steps[0].marked
            and not (steps[0].mapping or steps[0].squeeze or steps[0].suffix)
        )
    )
    if not plain:
        name = "nothing" if spec.normalizer is None else spec.normalizer.name
        raise _refused(spec, f"normalises by {name}, and not only by marking spaces")
    if spec.splits or spec.ignore_merges:
        raise _refused(spec, "cuts text into pieces, which SentencePiece's BPE does not")
    if int((spec.kinds == TokenKind.BYTE).sum()) != 256:
        raise _refused(spec, "has no token for each byte")
    if spec.prefix_space == "unless_space" or spec.prefix_unit != "normalized":
        raise _refused(
            spec, f"puts a space before a text {spec.prefix_space!r} ({spec.prefix_unit})"
        )
    return spec.prefix_space == "always"


def _scores(spec: TokenizerSpec, size: int) -> list[float]:
    """Scores by which tokens merge in the order of their ranks; others lie below them all.

    Whether the merges are all those that the tokens allow is seen when the file is read back.
    """
    scores = np.full(size, -1e6, dtype=np.float64)
    if spec.merges is not None:
        scores[: spec.vocab_size] = -1e5
        # The first entry of a result counts: later ones never fire, or share its rank.
        for result, rank in zip(
            spec.merges.result.tolist()[::-1], spec.merges.rank.tolist()[::-1], strict=True
        ):
            scores[result] = -float(rank)
    return scores.tolist()


def _special_ids(spec: TokenizerSpec, fast: Any) -> dict[str, int]:
    found: dict[str, int] = {}
    for role, name in _ROLES.items():
        token = getattr(fast, f"{role}_token_id")
        if token is not None:
            found[f"{name}_token_id"] = int(token)
    if spec.unk_id is not None:
        found["unknown_token_id"] = spec.unk_id
    if len(spec.bos_ids) > 1:
        raise _refused(spec, f"puts {len(spec.bos_ids)} tokens before a text")
    if spec.bos_ids:
        found["bos_token_id"] = spec.bos_ids[0]
    end = found.get("eos_token_id")
    others = [token for token in spec.eos_ids if token != end]
    named = [spec.special_tokens[text] for text in _OTHER_ENDS if text in spec.special_tokens]
    turn = next((token for token in named if token in others), None)
    if turn is not None:
        found["eot_token_id"] = turn
    return found
