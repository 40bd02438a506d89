"""BPE over words whose tokens tell where they stand: `WordBpeModel` (CLIP, GPT-1, subword-nmt).

Such a vocabulary writes the last token of a word otherwise than the others (`a</w>` beside `a`), or
the tokens that go on with one (`##a`). What merges start from depends on the place, then: each byte
or character has up to four tokens. Everything after that is BPE over tokens, and the theory of
`tokkit.kernels.bpe.merge_forest` holds as it stands, since it speaks of tokens and not of their
bytes.

Where the pretokenizer drops white space, the bytes of a word-final token end in a space (or those
of a token that begins a word begin with one), so that decoding is joining. Here a piece is the word
*without* that space, and the ends of tokens are offsets in the words.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.kernels.bpe import merge_forest, merge_pieces, spines
from tokkit.text.segment_models.base import (
    Encoded,
    Places,
    SegmentModel,
    Text,
    check_bounds,
    check_ids,
)
from tokkit.text.segment_models.bpe_tables import checked_merges, grow_from, hang_spines, states
from tokkit.text.segment_models.prefix_encoders import inexpressible
from tokkit.text.segment_models.vocabulary import is_character, pack
from tokkit.text.spec import TokenizerSpec, TokenKind

_UNKNOWN = -1


def words_of(spec: TokenizerSpec) -> tuple[bytes, ...]:
    """The bytes of each token (then of the unlisted) as they stand in a word, without its space.

    Raises:
        FormatError: flags that are not one for each id, or a token without that space.
    """
    if spec.word_space == "none":
        return spec.token_bytes + spec.unlisted
    after = spec.word_space == "after"
    beside = _flags(spec, spec.word_final if after else spec.continuing) ^ (not after)
    words = [*spec.token_bytes, *spec.unlisted]
    for token in np.flatnonzero(beside & (_kinds(spec) == TokenKind.NORMAL)).tolist():
        data = words[token]
        words[token] = data[:-1] if after else data[1:]
        if (data[-1:] if after else data[:1]) != b" ":
            raise FormatError(
                f"token {token} of {spec.name!r} is {data[:40]!r}; expected a space "
                f"{spec.word_space} the word"
            )
    return tuple(words)


class WordBpeModel(SegmentModel):
    """Byte-pair encoding of words by tokens that know their place.

    `reachable` tells of a token whether it is what its own bytes become at its place in a word.
    """

    def __init__(self, spec: TokenizerSpec) -> None:
        """Build the tables.

        Args:
            spec: of family "word_bpe", with merges, and with `word_final` or `continuing`.

        Raises:
            ArgumentError: not such a tokenizer.
            FormatError: flags that are not one for each id, a token without the space beside its
                word, or merges that contradict the tokens.
        """
        if spec.family != "word_bpe" or spec.merges is None:
            raise ArgumentError(f"{spec.name!r} is {spec.family}; expected word_bpe, with merges")
        self._spec = spec
        self.vocab_size = spec.vocab_size
        self.context_length = 1
        self._final = _flags(spec, spec.word_final)
        self._inside = _flags(spec, spec.continuing)
        kinds = _kinds(spec)
        self._words = words_of(spec)
        blob = pack(self._words)
        pieces = replace(spec, token_bytes=self._words, kinds=kinds)
        merges = checked_merges(pieces, spec.merges, blob)
        units = self._find_units(kinds)
        self._table = self._place_units(units)
        atoms = np.array(sorted(units.values()), dtype=np.int64)
        self._forest = grow_from(atoms, (), merges, blob.lengths)
        self._spines = hang_spines(self._forest, merges)
        reached = (states(self._forest) != merge_forest.UNREACHABLE) & (kinds == TokenKind.NORMAL)
        self.reachable = reached[: self.vocab_size]
        self.reachable.setflags(write=False)
        self._may_begin = self.reachable & ~self._inside[: self.vocab_size]
        self._may_begin.setflags(write=False)

    def _find_units(self, kinds: NDArray[np.uint8]) -> dict[tuple[bytes, bool, bool], int]:
        """(bytes, goes on with a word, ends one) -> token; of those alike the lowest id."""
        chosen: dict[tuple[bytes, bool, bool], int] = {}
        for token in np.flatnonzero(kinds == TokenKind.NORMAL).tolist():
            word = self._words[token]
            if is_character(word) if self._spec.char_units else len(word) == 1:
                key = (word, bool(self._inside[token]), bool(self._final[token]))
                chosen.setdefault(key, token)
        return chosen

    def _place_units(self, units: dict[tuple[bytes, bool, bool], int]) -> NDArray[np.int32]:
        """int32 (4, u), as of `merge_pieces.find_atoms`."""
        chars = self._spec.char_units
        numbers = {word: ord(word.decode()) if chars else word[0] for word, _, _ in units}
        table = np.full((4, max(numbers.values(), default=0) + 1), _UNKNOWN, dtype=np.int32)
        for place in range(4):
            inside = place >= 2 and self._spec.continuing is not None
            final = place % 2 == 1 and self._spec.word_final is not None
            for word, number in numbers.items():
                table[place, number] = units.get((word, inside, final), _UNKNOWN)
        return table

    # -- encoding ----------------------------------------------------------------------------

    def encode(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode`."""
        atoms, ends, atom_bounds = self._atoms(text, bounds)
        unknown = np.flatnonzero(atoms == _UNKNOWN)
        if len(unknown):
            offset = int(ends[unknown[0] - 1]) if unknown[0] else 0
            raise inexpressible(int(text[offset]), offset, self._spec.name)
        ids, ends = self._merged(atoms, ends, atom_bounds)
        unlisted = np.flatnonzero(ids >= self.vocab_size)
        if len(unlisted):
            piece = self._words[ids[unlisted[0]]]
            raise EncodingError(
                f"{piece[:40]!r}, which ends at offset {ends[unlisted[0]]}, is a piece of "
                f"{self._spec.name} that no id stands for; remove or replace the word"
            )
        return ids, ends

    def encode_with_unknown(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode_with_unknown`."""
        atoms, ends, atom_bounds = self._atoms(text, bounds)
        if self._spec.fuse_unk:
            # Of unknown atoms side by side in a piece the last one stands for all.
            dropped = np.zeros(len(atoms), dtype=np.bool_)
            dropped[:-1] = (atoms[:-1] == _UNKNOWN) & (atoms[1:] == _UNKNOWN)
            dropped[atom_bounds[1:][atom_bounds[1:] > 0] - 1] = False
            kept_before = np.concatenate([[0], np.cumsum(~dropped)]).astype(np.int64)
            atoms, ends, atom_bounds = atoms[~dropped], ends[~dropped], kept_before[atom_bounds]
        ids, ends = self._merged(atoms, ends, atom_bounds)
        assert self._spec.unk_id is not None
        ids[(ids == _UNKNOWN) | (ids >= self.vocab_size)] = self._spec.unk_id
        return ids, ends

    def _atoms(self, text: Text, bounds: Places) -> tuple[Places, Places, Places]:
        text, bounds = check_bounds(text, bounds)
        atoms, ends = np.empty((2, len(text)), dtype=np.int64)
        atom_bounds = np.empty(len(bounds), dtype=np.int64)
        n = merge_pieces.find_atoms(
            text, bounds, self._table, self._spec.char_units, atoms, ends, atom_bounds
        )
        return atoms[:n], ends[:n], atom_bounds

    def _merged(self, atoms: Places, ends: Places, atom_bounds: Places) -> Encoded:
        ids = np.empty(len(atoms), dtype=np.int32)
        last = np.empty(len(atoms), dtype=np.int64)
        forest = self._forest
        n = merge_pieces.merge_pieces(forest.slots, forest.bitmap, atoms, atom_bounds, ids, last)
        return ids[:n].copy(), ends[last[:n]]

    # -- neighbours --------------------------------------------------------------------------

    def pair_valid(self, a: int, b: int) -> bool:
        """Whether b may follow a within a word.

        Raises:
            ArgumentError: an id out of range.
        """
        check_ids((a, b), self.vocab_size)
        if not (self.reachable[a] and self.reachable[b]) or self._final[a]:
            return False
        if self._spec.continuing is not None and not self._inside[b]:
            return False
        return bool(merge_forest.stays_apart(self._forest, a, b))

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`."""
        check_ids(ids, self.vocab_size)
        if not ids:
            return self._may_begin
        last = ids[-1]
        if not self.reachable[last] or self._final[last]:
            return np.zeros(self.vocab_size, dtype=np.bool_)
        invalid = np.zeros(len(self._words), dtype=np.bool_)
        spines.mark_invalid(self._forest, self._spines, last, invalid)
        mask = self.reachable & ~invalid[: self.vocab_size]
        if self._spec.continuing is not None:
            mask &= self._inside[: self.vocab_size]
        return mask


def _flags(spec: TokenizerSpec, flags: NDArray[np.bool_] | None) -> NDArray[np.bool_]:
    """Flags of each token, then of the unlisted."""
    size = spec.vocab_size + len(spec.unlisted)
    if flags is None:
        return np.zeros(size, dtype=np.bool_)
    if flags.shape != (size,):
        raise FormatError(f"{spec.name!r} has {flags.shape} flags for {size} tokens")
    return flags


def _kinds(spec: TokenizerSpec) -> NDArray[np.uint8]:
    """Kinds of each token, then of the unlisted, which take part in merges."""
    unlisted = np.full(len(spec.unlisted), TokenKind.NORMAL, dtype=np.uint8)
    return np.concatenate([spec.kinds, unlisted])
