"""Unigram over one piece: `UnigramModel`; the algorithm: `tokkit.kernels.segmentation.viterbi`.

Pieces are the NORMAL tokens that are valid UTF-8; others can never match, since paths lead over
ends of characters. A character that no path covers costs `unk_score` and becomes BYTE tokens, one
for each of its bytes; so does a byte that is not valid UTF-8. Runs of such characters are not
joined. BYTE tokens take no other part.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, FormatError, UnsupportedError
from tokkit.kernels.segmentation import unigram_successors, viterbi
from tokkit.text.segment_models.base import (
    Encoded,
    Ids,
    OneCallModel,
    Places,
    Text,
    check_bounds,
    check_ids,
    room_for,
)
from tokkit.text.segment_models.prefix_encoders import PathEncoder, inexpressible
from tokkit.text.segment_models.unknown import in_order, joined
from tokkit.text.segment_models.vocabulary import (
    build_trie,
    byte_tokens,
    is_utf8,
    longest_piece,
    pack,
)
from tokkit.text.spec import TokenizerSpec, TokenKind


class UnigramModel(OneCallModel):
    """Segmentation by the highest sum of scores."""

    def __init__(self, spec: TokenizerSpec, *, single_precision: bool | None = None) -> None:
        """Build the tables.

        Args:
            spec: of family "unigram", with scores.
            single_precision: add scores in float32, as SentencePiece does, rather than in
                float64, as Hugging Face does. It decides near-ties in long pieces. None: as the
                spec says.

        Raises:
            ArgumentError: not a Unigram tokenizer.
            FormatError: scores that are not finite numbers, one for each id.
        """
        if spec.family != "unigram" or spec.scores is None:
            raise ArgumentError(f"{spec.name!r} is {spec.family}, without scores; expected Unigram")
        if spec.scores.shape != (spec.vocab_size,):
            raise FormatError(
                f"{spec.name!r} has scores {spec.scores.shape} for {spec.vocab_size} tokens"
            )
        self._name = spec.name
        self._unk_id, self._fuse_unk = spec.unk_id, spec.fuse_unk
        self.vocab_size = spec.vocab_size
        self.context_length = None
        self._blob = pack(spec.token_bytes)
        normal = np.flatnonzero(spec.kinds == TokenKind.NORMAL)
        if not np.isfinite([*spec.scores[normal], spec.unk_score]).all():
            raise FormatError(
                f"{spec.name!r} has scores that are not finite; expected log-probabilities"
            )
        members = np.array([t for t in normal.tolist() if is_utf8(spec.token_bytes[t])], np.int64)
        units, order, _ = build_trie(spec.token_bytes, members, spec.kinds == 0, self._blob)
        self._order = order
        self._shared = unigram_successors.shared_prefixes(
            self._blob.data, self._blob.offsets, order
        )
        self._longest = longest_piece(self._blob, order)
        self._tables = viterbi.UnigramTables(
            units,
            self._blob.lengths,
            np.ascontiguousarray(spec.scores, dtype=np.float64),
            byte_tokens(spec),
            np.array([spec.unk_score], dtype=np.float64),
            np.array([spec.float32_paths if single_precision is None else single_precision]),
        )
        self._margin = np.full(spec.vocab_size, -np.inf)
        best, last = _path_scratch(self._longest)
        viterbi.margins(
            self._tables, self._blob.data, self._blob.offsets, order, best, last, self._margin
        )
        self._pieces = self._margin >= 0
        self.reachable = self._pieces.copy()
        for byte, token in enumerate(self._tables.byte_token.tolist()):
            if token >= 0:
                self.reachable[token] = self.encode_piece(bytes([byte])) == [token]
        self.reachable.setflags(write=False)

    def encode_with_unknown(self, text: Text, bounds: Places) -> Encoded:
        """See `SegmentModel.encode_with_unknown`.

        BYTE tokens spell an unknown run (a character, unless they fuse) as a whole or not at all.
        """
        ids, ends, n = self._encode(text, bounds, keep=True, whole=True)
        ids, ends = ids[:n], ends[:n]
        unknown = ids == viterbi.UNKNOWN
        if not unknown.any():
            return ids.copy(), ends.copy()
        starts, stops = np.concatenate([[0], ends[:-1]])[unknown], ends[unknown]
        if self._fuse_unk:
            starts, stops = joined(starts, stops, bounds)
        in_bytes = self._tables.byte_token[text]
        missing = np.concatenate([[0], np.cumsum(in_bytes < 0)])
        lost = missing[stops] > missing[starts]
        spelt = np.zeros(len(text) + 1, dtype=np.int64)
        np.add.at(spelt, starts[~lost], 1)
        np.add.at(spelt, stops[~lost], -1)
        places = np.flatnonzero(np.cumsum(spelt[:-1]))
        return in_order(
            [
                (ids[~unknown], ends[~unknown]),
                (in_bytes[places], places + 1),
                (np.full(int(lost.sum()), self._unk_id, dtype=np.int32), stops[lost]),
            ]
        )

    def _encode(
        self,
        text: Text,
        bounds: Places,
        *,
        keep: bool,
        whole: bool = False,
    ) -> tuple[Ids, Places, int]:
        text, bounds = check_bounds(text, bounds)
        best, last = _path_scratch(int(np.diff(bounds).max(initial=0)))
        ids, ends = room_for(text, bounds, keep=keep)
        n = viterbi.encode(self._tables, text, bounds, best, last, ids, ends, keep, whole)
        if n < 0:
            raise inexpressible(int(text[-1 - n]), -1 - n, self._name)
        return ids, ends, int(n)

    def successor_mask_after(self, ids: Sequence[int]) -> NDArray[np.bool_]:
        """See `SegmentModel.successor_mask_after`. Linear in the bytes of `ids`.

        Raises:
            UnsupportedError: scores so high that their sum is infinite, and equal to others.
        """
        check_ids(ids, self.vocab_size)
        # Room for one byte more, which `mark_bytes` tries out.
        text = np.append(self._blob.spell(ids)[0], np.uint8(0))
        n = len(text) - 1
        best, last = _path_scratch(n + 1)
        viterbi.segment(self._tables, text, 0, n, best, last)
        mask = self._pieces.copy()
        width = np.float32 if self._tables.single[0] else np.float64
        scores = self._tables.scores[self._order]
        with np.errstate(over="ignore"):  # towards minus infinity is no path, as in the encoding
            if width(best[n] + scores.max(initial=0.0)) == np.inf:
                raise UnsupportedError(
                    f"{self._name}: scores of up to {scores.max():g} have no finite sum, so which "
                    "tokens may follow is not known; expected log-probabilities"
                )
            largest = abs(best[n]) + np.abs(scores).max(initial=0.0)
            rounding = 4 * (self._longest + 1) * np.spacing(width(largest))
        walk = np.abs(self._margin) <= rounding
        unigram_successors.mark_pieces(
            self._tables, self._blob.data, self._blob.offsets, self._order, self._shared,
            walk, text, n, self._longest, best, mask,
        )  # fmt: skip
        unigram_successors.mark_bytes(self._tables, text, n, self._longest, best, last, mask)
        return mask

    def prefix_encoder(self) -> UnigramPrefixEncoder:
        """See `SegmentModel.prefix_encoder`."""
        return UnigramPrefixEncoder(self._tables, self._longest, self._name)


class UnigramPrefixEncoder(PathEncoder):
    """See `PrefixEncoder`; made by `UnigramModel.prefix_encoder`."""

    def __init__(self, tables: viterbi.UnigramTables, longest: int, name: str) -> None:
        super().__init__(tables.lengths, name)
        self._tables = tables
        self._longest = longest
        self._best = _path_scratch(64)[0]

    def _extend(self, start: int, stop: int) -> int:
        self._best = np.resize(self._best, len(self._last))
        viterbi.extend(self._tables, self._text, start, stop, self._longest, self._best, self._last)
        # No path leads into the middle of a character: its bytes stand for themselves.
        first = max(start - 2, 1)  # what `extend` redoes
        in_bytes = self._tables.byte_token[self._text[first - 1 : stop]]
        last = self._last[first : stop + 1]
        last[:] = np.where(last >= 0, last, in_bytes)
        return self._known_up_to(start, stop)


def _path_scratch(longest: int) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
    """Room for path scores and last pieces at every position of a piece."""
    return np.empty(longest + 1, dtype=np.float64), np.empty(longest + 1, dtype=np.int32)
