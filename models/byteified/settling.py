"""Which tokens of a text are certain so far: the units of a byteified model.

The canonical encodings of a byte prefix that may still go on are its live heads (see
`tokkit.bytelm.encodings.cover`). Tokens that all of them begin with are *settled*: whatever
follows, the text's encoding begins with them. A word's tokens are settled as soon as a byte follows
that no longer token of the word could have held, mostly one byte behind its end. No boundary is
ever revoked, and every settled sequence is one that the token model was trained on.
"""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.heads import Stem, trunk_of


@dataclass(frozen=True, eq=False)
class Place:
    """What is certain of a text, and what is not.

    Attributes:
        stem: the settled tokens.
        depth: bytes of the text behind them.
        low, high: the sorted tokens, longer than that, which begin with those bytes.
        ended: the sorted tokens of which one may have ended within those bytes, or with them.
    """

    stem: Stem
    depth: int
    low: int
    high: int
    ended: tuple[int, ...]


def place_of(cover: Cover) -> Place | None:
    """Where a text stands; None where no encoding of it is left."""
    if not cover.live:
        return None
    settled = trunk_of(live.head for live in cover.live)
    low = high = 0
    ended: list[int] = []
    for live in cover.live:
        if live.head.stem is settled:
            low, high = live.low, live.high
        else:
            ended.append(_child(settled, live.head.stem).position)
    return Place(settled, cover.length - settled.start, low, high, tuple(dict.fromkeys(ended)))


def _child(ancestor: Stem, stem: Stem) -> Stem:
    """The sequence one token after an ancestor, on the way to another."""
    while stem.parent is not ancestor:
        assert stem.parent is not None, "not an ancestor"
        stem = stem.parent
    return stem
