"""Unigram segmentation by recursion over the last piece, longest first."""

from __future__ import annotations

from functools import cache

import numpy as np

from tokkit.text.spec import TokenizerSpec, TokenKind


class Unigram:
    """Segmentation of pieces by one vocabulary, with path scores in float64 or (single) float32."""

    def __init__(self, spec: TokenizerSpec, *, single: bool = False) -> None:
        assert spec.scores is not None
        self.single = single
        self.unk_score = spec.unk_score
        self.pieces: dict[bytes, tuple[int, float]] = {}
        self.fallback: dict[bytes, int] = {}
        for token, spelling in enumerate(spec.token_bytes):
            if spec.kinds[token] == TokenKind.NORMAL and spelling:
                self.pieces.setdefault(spelling, (token, float(spec.scores[token])))
            elif spec.kinds[token] == TokenKind.BYTE:
                self.fallback.setdefault(spelling, token)

    def encode(self, piece: bytes) -> list[int]:
        """Encode one piece.

        Raises:
            KeyError: an unknown character, and no BYTE tokens for its bytes.
        """
        ids: list[int] = []
        for spelling in self.segments(piece):
            if spelling in self.pieces:
                ids.append(self.pieces[spelling][0])
            else:
                ids += [self.fallback[bytes([byte])] for byte in spelling]
        return ids

    def encode_with_unknown(self, piece: bytes, unk_id: int, *, fuse: bool) -> list[int]:
        """Encode one piece; what has neither pieces nor BYTE tokens becomes `unk_id`."""
        runs: list[bytes] = []
        for spelling in self.segments(piece):
            unknown = spelling not in self.pieces
            if fuse and unknown and runs and runs[-1] not in self.pieces:
                runs[-1] += spelling
            else:
                runs.append(spelling)
        ids: list[int] = []
        for spelling in runs:
            in_bytes = [self.fallback.get(bytes([byte]), -1) for byte in spelling]
            if spelling in self.pieces:
                ids.append(self.pieces[spelling][0])
            else:
                ids += [unk_id] if min(in_bytes) < 0 else in_bytes
        return ids

    def segments(self, piece: bytes) -> list[bytes]:
        """The pieces and unknown characters of the best path, in order."""
        ends = [0]
        # A surrogate stands for a byte that is not part of valid UTF-8.
        for char in piece.decode("utf-8", "surrogateescape"):
            ends.append(ends[-1] + len(char.encode("utf-8", "surrogateescape")))
        start_of = dict(zip(ends[1:], ends, strict=False))

        @cache
        def best(end: int) -> tuple[float, int] | None:
            """Score of the best path to `end`, and where its last piece begins."""
            if end == 0:
                return 0.0, 0
            found: tuple[float, int] | None = None
            for start in range(end):
                known = self.pieces.get(piece[start:end])
                if known is None and start_of.get(end) != start:
                    continue
                before = best(start)
                if before is None:
                    continue
                score = before[0] + (self.unk_score if known is None else known[1])
                score = float(np.float32(score)) if self.single else score
                if found is None or score > found[0]:
                    found = score, start
            return found

        segments: list[bytes] = []
        end = len(piece)
        while end:
            step = best(end)
            assert step is not None
            segments.append(piece[step[1] : end])
            end = step[1]
        return segments[::-1]


def encode(spec: TokenizerSpec, piece: bytes) -> list[int]:
    """Encode one piece, with path scores in float64."""
    return Unigram(spec).encode(piece)
