"""Models that turn one piece of text into ids.

Read `base`, then `bpe`, `unigram`, `wordpiece`, or what is simpler: `greedy`, `plain_bytes`,
`whole_words`. `word_bpe` is BPE whose tokens know their place in a word. `prefix_encoders` encode a
piece that arrives byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable

from tokkit.text.segment_models.base import SegmentModel
from tokkit.text.segment_models.bpe import BpeModel
from tokkit.text.segment_models.greedy import GreedyModel
from tokkit.text.segment_models.plain_bytes import PlainBytesModel
from tokkit.text.segment_models.unigram import UnigramModel
from tokkit.text.segment_models.whole_words import WholeWordModel
from tokkit.text.segment_models.word_bpe import WordBpeModel
from tokkit.text.segment_models.wordpiece import WordPieceModel
from tokkit.text.spec import Family, TokenizerSpec

_MODELS: dict[Family, Callable[[TokenizerSpec], SegmentModel]] = {
    "bpe": BpeModel,
    "unigram": UnigramModel,
    "wordpiece": WordPieceModel,
    "word_bpe": WordBpeModel,
    "words": WholeWordModel,
    "greedy": GreedyModel,
    "bytes": PlainBytesModel,
}


def make_segment_model(spec: TokenizerSpec) -> SegmentModel:
    """The model that the family of `spec` names.

    Raises:
        FormatError: the tables of `spec` contradict each other.
    """
    return _MODELS[spec.family](spec)
