"""Models that turn one piece of text into ids.

Read `base`, then `bpe`, `unigram`, `wordpiece`, or what is simpler: `greedy`, `plain_bytes`,
`whole_words`. `word_bpe` is BPE whose tokens know their place in a word.
"""

from __future__ import annotations

from tokkit.text.segment_models.base import SegmentModel
from tokkit.text.spec import TokenizerSpec


def make_segment_model(spec: TokenizerSpec) -> SegmentModel:
    """The model that the family of `spec` names.

    Raises:
        FormatError: the tables of `spec` contradict each other.
    """
    match spec.family:
        case "bpe":
            from tokkit.text.segment_models.bpe import BpeModel

            return BpeModel(spec)
        case "unigram":
            from tokkit.text.segment_models.unigram import UnigramModel

            return UnigramModel(spec, single_precision=spec.float32_paths)
        case "wordpiece":
            from tokkit.text.segment_models.wordpiece import WordPieceModel

            return WordPieceModel(spec)
        case "word_bpe":
            from tokkit.text.segment_models.word_bpe import WordBpeModel

            return WordBpeModel(spec)
        case "words":
            from tokkit.text.segment_models.whole_words import WholeWordModel

            return WholeWordModel(spec)
        case "greedy":
            from tokkit.text.segment_models.greedy import GreedyModel

            return GreedyModel(spec)
        case "bytes":
            from tokkit.text.segment_models.plain_bytes import PlainBytesModel

            return PlainBytesModel(spec)
