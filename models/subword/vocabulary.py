"""A tokenizer for texts that have none: byte-level BPE, trained by Hugging Face `tokenizers`.

The splits are GPT-2's, all 256 bytes are tokens, and `<|endoftext|>` is the first id. So any bytes
can be written, and a text ends with a token of its own. No token is longer than
those that are read here, however long a run of spaces is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from tokkit.arguments import check_whole
from tokkit.errors import needs_extra
from tokkit.files.reading import MAX_TOKEN_BYTES
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

END_OF_TEXT = "<|endoftext|>"
VOCAB_SIZE = 8192
"""Where none is given."""
_LEAST = 257
_CHUNK = 1 << 16
"""Characters that the library is given at once."""


def train_tokenizer(texts: Iterable[bytes], *, vocab_size: int = VOCAB_SIZE) -> TextTokenizer:
    """Train byte-level BPE.

    Args:
        texts: to count in; bytes that are no UTF-8 are left out of the count.
        vocab_size: ids, the 256 bytes and the end of text included; fewer where the texts have no
            more pairs to merge.

    Raises:
        ArgumentError: a size out of range.
        MissingExtraError: `tokenizers` is not installed.
    """
    check_whole("vocab_size", vocab_size, _LEAST, 1 << 20)
    with needs_extra("training a tokenizer needs tokenizers", extra="hf"):
        import tokenizers
        from tokenizers import decoders, models, pre_tokenizers, trainers
    trained: Any = tokenizers.Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trained.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        special_tokens=[END_OF_TEXT],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        max_token_length=MAX_TOKEN_BYTES,
        show_progress=False,
    )
    trained.train_from_iterator(_lines(texts), trainer)
    return load_tokenizer(trained)


def _lines(texts: Iterable[bytes]) -> Iterator[str]:
    """Texts in pieces that end where lines do, so that no word is cut but in very long lines."""
    for text in texts:
        start = 0
        while start < len(text):
            stop = min(len(text), start + _CHUNK)
            if stop < len(text):
                stop = max(text.rfind(b"\n", start, stop), stop - _CHUNK // 2)
            yield text[start:stop].decode("utf-8", errors="ignore")
            start = stop
