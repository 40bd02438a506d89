"""Tokenization that adapts to its text: what is frequent in a batch becomes one token.

`merging` merges the pairs of a batch, with the tables of `merge_tables`, to a `merged_batch`;
`dynamic_tokenizer` does so batch after batch, and `embedding` gives rows for what was merged.
`prefill` lets a decoder read a merged prompt, and `vocabulary_index` has the logits of a vocabulary
with many merged strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tokkit.exports import exported

if TYPE_CHECKING:
    from tokkit.dynamic.dynamic_tokenizer import DynamicTokenizer
    from tokkit.dynamic.embedding import Embedder, EmbeddingCache, SubtokenEmbedder
    from tokkit.dynamic.vocabulary_index import VocabularyIndex

__all__ = [
    "DynamicTokenizer",
    "Embedder",
    "EmbeddingCache",
    "SubtokenEmbedder",
    "VocabularyIndex",
]

_HOMES = {
    "DynamicTokenizer": ".dynamic_tokenizer",
    "Embedder": ".embedding",
    "EmbeddingCache": ".embedding",
    "SubtokenEmbedder": ".embedding",
    "VocabularyIndex": ".vocabulary_index",
}


def __getattr__(name: str) -> Any:
    """Import a public name at its first use (PEP 562)."""
    return exported(__name__, _HOMES, name)
