"""What a text tokenizer is, as plain data: the one shape that every file format is read into.

Readers (`tokkit.text.formats`) produce a `TokenizerSpec`; the engine (`tokkit.text.tokenizer`)
consumes one. Everything here is in *byte space*: the GPT-2 byte alphabet, SentencePiece's U+2581
for a space and `##` of WordPiece have been undone, so `token_bytes` holds the bytes that a token
stands for in the text.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Family = Literal["bpe", "unigram", "wordpiece", "word_bpe", "words", "greedy", "bytes"]
Behavior = Literal["isolated", "removed", "merged_with_previous", "merged_with_next", "contiguous"]
Dialect = Literal["oniguruma", "rust"]
PrefixSpace = Literal["never", "always", "unless_space"]
WordSpace = Literal["none", "before", "after"]
Unknown = Literal["raise", "use"]
"""What becomes of text that the vocabulary cannot express: an error, or the unknown token."""
PrefixUnit = Literal["normalized", "stretch", "first_stretch"]


class TokenKind(IntEnum):
    """How a token comes to stand in an encoding."""

    NORMAL = 0
    """Produced by the model (merges, Viterbi, longest match)."""
    BYTE = 1
    """Byte fallback: stands for one byte of a character that the vocabulary lacks."""
    LITERAL = 2
    """Cut out of the text before the model runs: user-defined symbols and added tokens."""
    SPECIAL = 3
    """A control token: zero bytes, matched in text only on request (`specials=True`)."""
    UNUSED = 4
    """An id without bytes that no text produces: a hole in the id space, or `<unk>`."""
    DECODE_ONLY = 5
    """Stands for its bytes in decoding, and no text produces it: its spelling holds characters that
    are none of the vocabulary's alphabet, as `™` in a file that writes bytes in GPT-2's."""


class Normalizer(Protocol):
    """A text normalizer, applied to maximal runs of valid UTF-8 before anything else."""

    @property
    def name(self) -> str:
        """For messages and reports, as `"NFC"`."""
        ...

    def __call__(self, text: str) -> str:
        """Normalise one run of text."""
        ...


@dataclass(frozen=True)
class SplitRule:
    """One stage of a pretokenizer: where `pattern` matches, the text is cut.

    `isolated`: matches and the gaps between them are each a piece. `removed`: matches are dropped.
    `merged_with_previous` / `merged_with_next`: a match is glued to the gap on that side.
    `contiguous`: adjacent matches form one piece. `invert`: gaps and matches change roles.
    `space`: the character that the pattern sees where a text in byte space has a space.
    `sees_bytes`: the pattern sees each byte as its character of GPT-2's byte alphabet, and may cut
    between the bytes of a character. After such a rule come no others.
    """

    pattern: str
    behavior: Behavior = "isolated"
    invert: bool = False
    dialect: Dialect = "oniguruma"
    space: str = " "
    sees_bytes: bool = False


@dataclass(frozen=True)
class AddedToken:
    """How a token is cut out of a text: leftmost first, and of those the longest.

    Attributes:
        content: what is looked for; in the *normalised* text if `normalized`.
        id: the token. If it is SPECIAL, it is cut out on request only.
        normalized: it is looked for in what the normaliser made of the text between the tokens
            that are not; the spelling is normalised already, a space put before the text included.
        lstrip: white space before it goes with it.
        rstrip: white space after it goes with it.
        single_word: only where no word character stands beside it.
    """

    content: str
    id: int
    normalized: bool = False
    lstrip: bool = False
    rstrip: bool = False
    single_word: bool = False


@dataclass(frozen=True)
class MergeTable:
    """BPE merges: `left[k] + right[k] -> result[k]`, the lowest `rank[k]` first, leftmost on ties.

    Merges by rank of the result (tiktoken, SentencePiece) list every way in which two tokens
    concatenate to a third; such entries share the rank of their result.
    """

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    result: NDArray[np.int32]
    rank: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.left)


@dataclass(frozen=True)
class TokenizerSpec:
    """A text tokenizer as data. Arrays are indexed by id; `len(token_bytes)` is `vocab_size`.

    Attributes:
        name: where it came from, for messages.
        family: which model turns a piece into tokens.
        token_bytes: the bytes of each token; `b""` for SPECIAL and UNUSED ids.
        kinds: uint8 (vocab_size,), values of `TokenKind`.
        special_tokens: text of each control token -> id.
        merges: BPE only.
        ignore_merges: BPE only; a whole piece that is a token is that token, whatever the merges.
        char_units: BPE only; merges start from characters (SentencePiece), not from bytes. A
            character that is no token falls back to BYTE tokens, if there are any.
        scores: Unigram only; float64 (vocab_size,), log-probabilities of the pieces.
        unk_score: Unigram only; the score of a character that no piece covers.
        float32_paths: Unigram only; scores of paths are rounded to float32, as SentencePiece does,
            which decides near-ties far into a text.
        continuing: WordPiece and word BPE; bool (vocab_size,), tokens written with `##`, which go
            on with a word.
        word_final: word BPE only; bool (vocab_size,), tokens written with `</w>`: the last token of
            a word is one, and no other. None: the vocabulary does not tell them apart.
        unlisted: word BPE only; bytes of what merges make on the way and no id stands for. In
            `merges`, `word_final` and `continuing` they follow the ids, from `vocab_size` on. What
            ends up as one of them is unknown.
        word_space: word BPE only; where the pretokenizer drops white space, the bytes of the first
            token of a word hold the space "before" it, or those of the last the one "after" it.
            It is no part of the word.
        max_word_chars: WordPiece only; longer words are unknown.
        normalizer: applied first, or None for the identity.
        renaming: applied to each stretch once all added tokens are cut out: what a pretokenizer
            does to characters (Metaspace). Only where added tokens are looked for in normalised
            text; else it is the last step of `normalizer`.
        splits: pretokenizer stages, applied in order, each within the pieces of the one before.
        prefix_space: whether a space is put before a text (SentencePiece's dummy prefix), if the
            text is not empty.
        prefix_unit: what counts as a text there. "normalized": what the normaliser is given, which
            is what lies between added tokens that are not normalised. "stretch": what lies between
            added tokens of any kind. "first_stretch": that, where it begins with the first byte.
        prefix_alone: whether the space is put, too, where the normaliser leaves nothing of a text.
        bos_ids: ids that the model expects before any text.
        eos_ids: ids that end a text.
        added_tokens: how LITERAL and SPECIAL tokens are cut out of the text. Those that are not
            here are cut out without further ado, SPECIAL tokens before normalisation, LITERAL ones
            after it, where their bytes stand. A token of the model may be here too: `▁▁` in the
            raw text, where the token's `▁▁` means two spaces. No canonical encoding holds that one
            for the sake of such a text; only the reference's ids do.
        also_model: LITERAL ids that the model makes too, of text that is not cut out (made by the
            normaliser, within the name of a control token, beside a word); ascending.
        runtime_ids: ids at which a common reader places a token that the file declares elsewhere.
        unmarked_ids: control tokens that the file does not declare as such, in ascending order;
            they are SPECIAL all the same.
        unk_id: what the reference makes of text that the vocabulary cannot express, with zero
            bytes; an encoding holds it only on request (`unk="use"`). None: there is no such id.
        fuse_unk: whether unknown characters that stand side by side in a piece are one such id.
    """

    name: str
    family: Family
    token_bytes: tuple[bytes, ...]
    kinds: NDArray[np.uint8]
    special_tokens: Mapping[str, int] = field(default_factory=dict[str, int])
    merges: MergeTable | None = None
    ignore_merges: bool = False
    char_units: bool = False
    scores: NDArray[np.float64] | None = None
    unk_score: float = 0.0
    float32_paths: bool = False
    continuing: NDArray[np.bool_] | None = None
    word_final: NDArray[np.bool_] | None = None
    word_space: WordSpace = "none"
    unlisted: tuple[bytes, ...] = ()
    max_word_chars: int = 100
    normalizer: Normalizer | None = None
    renaming: Normalizer | None = None
    splits: tuple[SplitRule, ...] = ()
    prefix_space: PrefixSpace = "never"
    prefix_unit: PrefixUnit = "normalized"
    prefix_alone: bool = False
    bos_ids: tuple[int, ...] = ()
    eos_ids: tuple[int, ...] = ()
    added_tokens: tuple[AddedToken, ...] = ()
    also_model: tuple[int, ...] = ()
    runtime_ids: Mapping[int, int] = field(default_factory=dict[int, int])
    unmarked_ids: tuple[int, ...] = ()
    unk_id: int | None = None
    fuse_unk: bool = False

    @property
    def model_kinds(self) -> NDArray[np.uint8]:
        """`kinds` as the model sees them: the ids of `also_model` are NORMAL."""
        kinds = self.kinds.copy()
        kinds[list(self.also_model)] = TokenKind.NORMAL
        return kinds

    @property
    def vocab_size(self) -> int:
        """Number of ids, holes included."""
        return len(self.token_bytes)


def vocabulary_hash(spec: TokenizerSpec, n_tokens: int) -> str:
    """Of the bytes of the first tokens, each with its length."""
    digest = hashlib.sha256()
    for data in spec.token_bytes[:n_tokens]:
        digest.update(len(data).to_bytes(8, "little"))
        digest.update(data)
    return digest.hexdigest()
