"""BPE over one piece: `BpeModel`. The theory stands in `tokkit.kernels.bpe.merge_forest`.

What takes part in merges: NORMAL tokens, and LITERAL tokens that a merge names (Gemma makes its
longer runs of newlines from shorter ones, all of them added tokens). A LITERAL never occurs in a
piece, since the pretokenizer cuts it out; it is not reachable, and `encode` would return one only
for a piece that holds its bytes all the same, as the reference implementations do.

Units are bytes, or (`char_units`) the UTF-8 characters that are tokens. Any other character, and
any byte that is not valid UTF-8, becomes BYTE tokens, one a byte; merges never touch those. BYTE
tokens are not pairwise: a run of them must not spell a character that is a token, so up to three
BYTE ids before the last one matter to what may follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.kernels.bpe import backtracking, merge_forest, short_tokens, spines, unknown_units
from tokkit.kernels.bpe.token_ends import fill_ends
from tokkit.kernels.texts.divide import divide
from tokkit.text.canonical.mask_cache import MaskCache
from tokkit.text.segment_models.base import (
    Encoded,
    Places,
    SegmentModel,
    Text,
    check_bounds,
    check_ids,
    mask_of,
)
from tokkit.text.segment_models.bpe_tables import (
    atoms,
    checked_merges,
    grow_forest,
    hang_spines,
    side_by_side,
    states,
)
from tokkit.text.segment_models.prefix_encoders import PathEncoder, inexpressible
from tokkit.text.segment_models.unknown import in_order, joined
from tokkit.text.segment_models.vocabulary import (
    build_trie,
    byte_tokens,
    bytes_side_by_side,
    pack,
)
from tokkit.text.spec import MergeTable, TokenizerSpec, TokenKind

RECENT_BITS = 15
"""Two megabytes a thread at work; with more, what is gained in hits is lost in cache misses."""
JUDGED_BITS = 12
"""Of pairs of tokens that had to be simulated."""
LONG_PIECE = 32
"""Bytes a piece, above which pieces are divided where no merge can cross."""
MAX_CHARACTER = 4
"""Bytes of the longest UTF-8 character."""


class BpeModel(SegmentModel):
    """Byte-pair encoding of pieces, and which tokens may stand side by side in one.

    `encode`, `count` and, on request, the prefix encoder obey `ignore_merges`; everything else is
    about the merges alone. Construction takes O(total merges x depth of the merge trees).
    """

    def __init__(self, spec: TokenizerSpec) -> None:
        """Build the tables.

        Args:
            spec: of family "bpe", with merges.

        Raises:
            ArgumentError: not a BPE tokenizer.
            FormatError: merges that name ids out of range, BYTE, SPECIAL or UNUSED tokens, or
                whose result is not spelt as its halves; negative ranks.
        """
        if spec.family != "bpe" or spec.merges is None:
            raise ArgumentError(f"{spec.name!r} is {spec.family}, without merges; expected BPE")
        self._spec = spec
        self.vocab_size = spec.vocab_size
        blob = pack(spec.token_bytes)
        merges = checked_merges(spec, spec.merges, blob)
        self._byte_token = (
            byte_tokens(spec) if spec.char_units else np.full(256, -1, dtype=np.int32)
        )
        self._forest = grow_forest(spec, blob, merges, self._byte_token)
        self._spines = hang_spines(self._forest, merges)

        state = states(self._forest)
        self.reachable = (state != merge_forest.UNREACHABLE) & np.isin(
            spec.kinds, (TokenKind.NORMAL, TokenKind.BYTE)
        )
        self.reachable.setflags(write=False)
        has_bytes = bool(np.any(self._byte_token >= 0))
        self.context_length = MAX_CHARACTER if has_bytes else 1

        by_merges = (state == merge_forest.PROPER) | (state == merge_forest.IMPROPER)
        self._by_merges = by_merges
        self._whole = by_merges.copy()
        members = np.flatnonzero(by_merges)
        if spec.ignore_merges:
            self._whole |= spec.kinds == TokenKind.NORMAL
            members = np.concatenate([members, np.flatnonzero(self._whole & ~by_merges)])
        units, order, next_prefix = build_trie(spec.token_bytes, members, by_merges, blob)
        shorter = next_prefix.astype(np.int64) << 32 | blob.lengths
        # Early tokens are frequent ones: entered first, they lie where a probe looks first.
        short = short_tokens.build(blob.data, blob.offsets, np.sort(order), self._whole)
        units, shorter, self._short, *of_forest = side_by_side(
            [units, shorter, short, *self._forest]
        )
        self._forest = merge_forest.MergeForest(*of_forest)
        self._lengths = blob.lengths
        self._tables = backtracking.BpeTables(
            units,
            shorter,
            by_merges,
            self._byte_token,
            self._forest,
        )
        self._apart = ~bytes_side_by_side(blob, by_merges).reshape(-1)
        self._caches: list[_Seen] = []  # those that no thread has in hand
        self._masks = MaskCache(spec.vocab_size)

    def encode(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode`."""
        ids = self.encode_ids(text, bounds)
        return ids, self._ends(ids)

    def encode_ids(self, text: Text, bounds: Places) -> NDArray[np.int32]:
        """See `SegmentModel.encode_ids`."""
        ids, n = self._encode(text, bounds, keep=True)
        return ids[:n].copy()  # so that the short result does not hold on to the long scratch

    def count(self, text: Text, bounds: Places) -> int:
        """See `SegmentModel.count`."""
        return self._encode(text, bounds, keep=False)[1]

    def encode_with_unknown(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode_with_unknown`.

        No merge crosses an unknown unit, so what lies between them is encoded on its own.
        """
        text, bounds = check_bounds(text, bounds)
        starts, stops = self._unknown_units(text, bounds)
        if not len(starts):
            return self.encode(text, bounds)
        unknown = np.zeros(len(text) + 1, dtype=np.int64)
        unknown[starts] += 1
        unknown[stops] -= 1
        known = np.cumsum(unknown[:-1]) == 0
        # Pieces without such units are encoded as ever; the parts of others are no whole pieces.
        has_unknown = np.diff(np.searchsorted(starts, bounds)) > 0
        divided = np.repeat(has_unknown, np.diff(bounds))
        cuts = np.union1d(np.union1d(bounds, starts), stops)
        if self._spec.fuse_unk:
            starts, stops = joined(starts, stops, bounds)
        return in_order(
            [
                self._encode_part(text, bounds, ~divided, merges_only=False),
                self._encode_part(text, cuts, divided & known, merges_only=True),
                (np.full(len(stops), self._spec.unk_id, dtype=np.int32), stops),
            ]
        )

    def _unknown_units(
        self, text: Text, bounds: Places
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Where units begin and end that no token expresses, but for those of whole pieces."""
        chars = self._spec.char_units
        starts, stops = np.empty((2, len(text)), dtype=np.int64)
        n = unknown_units.find(text, bounds, self._known, self._byte_token, chars, starts, stops)
        starts, stops = starts[:n], stops[:n]
        if n and self._spec.ignore_merges:
            piece_of = np.searchsorted(bounds, starts, side="right") - 1
            whole = [
                piece
                for piece in np.unique(piece_of).tolist()
                if text[bounds[piece] : bounds[piece + 1]].tobytes() in self._spelt_whole
            ]
            others = ~np.isin(piece_of, whole)
            starts, stops = starts[others], stops[others]
        return starts, stops

    @cached_property
    def _known(self) -> NDArray[np.bool_]:
        """Code points, or bytes, that are units."""
        spellings = [self._spec.token_bytes[token] for token in map(int, self.units())]
        if self._spec.char_units:
            return mask_of(0x110000, [ord(spelling.decode()) for spelling in spellings])
        return mask_of(256, [spelling[0] for spelling in spellings])

    def _encode_part(
        self,
        text: Text,
        bounds: Places,
        part: NDArray[np.bool_],
        *,
        merges_only: bool,
    ) -> Encoded:
        """Ids of the bytes in `part`, and where they end in all of `text`."""
        places = np.flatnonzero(part)
        bounds = np.concatenate([[0], np.cumsum(part, dtype=np.int64)])[bounds]
        ids, n = self._encode(text[places], bounds, keep=True, merges_only=merges_only)
        ids = ids[:n]
        return ids, places[self._ends(ids) - 1] + 1

    def _ends(self, ids: NDArray[np.int32]) -> Places:
        ends = np.empty(len(ids), dtype=np.int64)
        fill_ends(ids, self._lengths, ends)
        return ends

    def _encode(
        self,
        text: Text,
        bounds: Places,
        *,
        keep: bool,
        merges_only: bool = False,
    ) -> tuple[NDArray[np.int32], int]:
        text, bounds = check_bounds(text, bounds)
        if len(text) > LONG_PIECE * len(bounds) and not self._spec.ignore_merges:
            bounds = self._divided(text, bounds)
        # Of memory that is never written to only addresses are taken.
        dead = np.zeros(len(text) + 1, dtype=np.bool_)
        ids = np.empty(len(text), dtype=np.int32)
        if merges_only and self._spec.ignore_merges:
            # What is remembered of pieces holds for whole pieces alone.
            whole, short, seen = self._by_merges, np.zeros(2, np.int64), _nothing_seen(0, 0)
        else:
            whole, short = self._whole, self._short
            try:
                seen = self._caches.pop()
            except IndexError:
                seen = _nothing_seen(RECENT_BITS, JUDGED_BITS)
        n = backtracking.encode(self._tables, text, bounds, whole, short, *seen, dead, ids, keep)
        if whole is self._whole:
            self._caches.append(seen)
        if n < 0:
            raise inexpressible(int(text[-1 - n]), -1 - n, self._spec.name)
        return ids, int(n)

    def _divided(self, text: Text, bounds: Places) -> Places:
        """Bounds of parts of the pieces, cut where no reachable token holds the bytes beside.

        Every token that merges make on the way is reachable, so that none fires across such a cut,
        and the parts become what they become alone (`merge_forest`, lemma 1). A vocabulary whose
        tokens hold a space only in front is cut into words so, which are short and come again.
        """
        parts = np.empty(len(text) + 2, dtype=np.int64)
        return parts[: divide(text, bounds, self._apart, parts)]

    def merge_trees(self) -> MergeTable:
        """The last merge of each token that the merges reach, the lowest rank first."""
        made = np.flatnonzero(self._forest.nodes[1::2] >= 0)
        rank, halves = self._forest.nodes[2 * made] >> 8, self._forest.nodes[2 * made + 1]
        order = np.argsort(rank, kind="stable")
        columns = (halves >> 32, halves & 0xFFFFFFFF, made, rank)
        return MergeTable(*(column[order].astype(np.int32) for column in columns))

    def units(self) -> NDArray[np.int64]:
        """int64 (k,): the tokens that merges start from, single bytes or characters."""
        return atoms(self._forest)

    def pair_valid(self, a: int, b: int) -> bool:
        """Whether `encode(bytes(a) + bytes(b)) == [a, b]` under the merges.

        Both must be reachable for that. Two BYTE tokens that spell a character that is a token
        are not a valid pair; of longer runs only `successor_mask_after` knows.

        Raises:
            ArgumentError: an id out of range.
        """
        check_ids((a, b), self.vocab_size)
        if not (self.reachable[a] and self.reachable[b]):
            return False
        if self._spec.kinds[a] == TokenKind.BYTE and self._spec.kinds[b] == TokenKind.BYTE:
            return b not in self._completing_bytes((a,))
        return bool(merge_forest.stays_apart(self._forest, a, b))

    def invalid_successors(self, a: int) -> NDArray[np.int32]:
        """The reachable tokens b for which `pair_valid(a, b)` is false, in ascending order.

        Enumerated from the merge trees: the cost is that of the answer and of the merges whose
        left side is on the right spine of a.

        Returns:
            int32 (k,).

        Raises:
            ArgumentError: `a` is out of range or not reachable, so that no successor is valid.
        """
        check_ids((a,), self.vocab_size)
        if not self.reachable[a]:
            raise ArgumentError(f"token {a} is not reachable by merges; nothing can follow it")
        if self._spec.kinds[a] == TokenKind.BYTE:
            return np.array(sorted(self._completing_bytes((a,))), dtype=np.int32)
        invalid = np.zeros(self.vocab_size, dtype=np.bool_)
        spines.mark_invalid(self._forest, self._spines, a, invalid)
        return np.flatnonzero(invalid & self.reachable).astype(np.int32)

    def successor_mask(self, a: int) -> NDArray[np.bool_]:
        """The reachable b with `pair_valid(a, b)`; none if a is not reachable.

        The masks of the tokens asked for last are kept.

        Returns:
            bool (vocab_size,), the caller's own.

        Raises:
            ArgumentError: an id out of range.
        """
        check_ids((a,), self.vocab_size)
        mask = self._masks.get(a)
        if mask is None:
            mask = np.zeros(self.vocab_size, dtype=np.bool_)
            if self.reachable[a]:
                mask |= self.reachable
                mask[self.invalid_successors(a)] = False
            self._masks.put(a, mask)
        return mask

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`."""
        check_ids(ids, self.vocab_size)
        if not ids:
            return self.reachable
        mask = self.successor_mask(ids[-1])
        if self._spec.kinds[ids[-1]] == TokenKind.BYTE:
            mask[list(self._completing_bytes(ids))] = False
        return mask

    def _completing_bytes(self, ids: Sequence[int]) -> set[int]:
        """BYTE tokens that, after the BYTE tokens at the end of `ids`, spell a known character."""
        run = b""
        completing: set[int] = set()
        for token in reversed(ids[-(MAX_CHARACTER - 1) :]):
            if self._spec.kinds[token] != TokenKind.BYTE:
                break
            run = self._spec.token_bytes[token] + run
            completing |= self._completions.get(run, set())
        return completing

    @cached_property
    def _completions(self) -> dict[bytes, set[int]]:
        """All but the last byte of each character that is a unit -> BYTE ids of last bytes."""
        table: dict[bytes, set[int]] = {}
        for token in map(int, self.units()):
            spelling = self._spec.token_bytes[token]
            last = int(self._byte_token[spelling[-1]])
            if last >= 0:
                table.setdefault(spelling[:-1], set()).add(last)
        return table

    def prefix_encoder(self, *, merges_only: bool = False) -> BpePrefixEncoder:
        """A fresh encoder for one piece that arrives byte by byte.

        Args:
            merges_only: leave `ignore_merges` out, for a piece of which more is to come.
        """
        whole = {} if merges_only else self._spelt_whole
        return BpePrefixEncoder(
            self._tables, self._reversed_units, whole, self._lengths, self._spec.name
        )

    @cached_property
    def _reversed_units(self) -> NDArray[np.int64]:
        backwards = tuple(token[::-1] for token in self._spec.token_bytes)
        return build_trie(backwards, np.flatnonzero(self._by_merges), self._by_merges)[0]

    @cached_property
    def _spelt_whole(self) -> dict[bytes, int]:
        """The tokens that only a whole piece becomes, by their bytes."""
        others = np.flatnonzero(self._whole & ~self._by_merges).tolist()
        spelt = {self._spec.token_bytes[token]: token for token in reversed(others)}
        for token in np.flatnonzero(self._by_merges).tolist():
            spelt.pop(self._spec.token_bytes[token], None)
        return spelt


class BpePrefixEncoder(PathEncoder):
    """See `PrefixEncoder`; made by `BpeModel.prefix_encoder`."""

    def __init__(
        self,
        tables: backtracking.BpeTables,
        reversed_units: NDArray[np.int64],
        whole_pieces: dict[bytes, int],
        lengths: NDArray[np.int32],
        name: str,
    ) -> None:
        super().__init__(lengths, name)
        self._tables = tables
        self._reversed_units = reversed_units
        self._whole_pieces = whole_pieces
        self._longest_whole = max(map(len, whole_pieces), default=0)

    def _extend(self, start: int, stop: int) -> int:
        reached = backtracking.extend_prefixes(
            self._tables, self._reversed_units, self._text, start, stop, self._last
        )
        return reached if reached >= 0 else -1 - reached

    def last_token_at(self, length: int) -> int:
        """See `PrefixEncoder.last_token_at`."""
        token = super().last_token_at(length)
        if 0 < length <= self._longest_whole:
            return self._whole_pieces.get(self._text[:length].tobytes(), token)
        return token


_Seen = tuple[NDArray[np.int64], NDArray[np.int64]]
"""The `recent` and the `judged` of `backtracking.encode`."""


def _nothing_seen(recent_bits: int, judged_bits: int) -> _Seen:
    """What a thread remembers that has seen no piece.

    What is remembered of pieces lies in one huge page where the system has such, and each row in
    one cache line: it begins at a multiple of its size, in twice the room, half of it never used.
    """
    size = backtracking.ROW << recent_bits
    room = np.empty(2 * size, dtype=np.int64)
    begin = -room.ctypes.data % (8 * size) // 8
    recent = room[begin : begin + size]
    recent.fill(-1)
    return recent, np.full(1 << judged_bits, -1, dtype=np.int64)
