"""tokkit repeats what SentencePiece does, as a plugin of pytest.

The library's tests go on to use the library, whose trainer, samplers and messages tokkit does not
have. Every text that they encode, and all ids that they decode, tokkit encodes and decodes too,
from the model that the library holds; where the two differ the test fails. Two segmentations that
have one score are a tie, which each version of the library tells in its own way: tokkit follows
0.2.3, and ties that an older one tells otherwise are counted.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any, cast

import pytest
import sentencepiece

from benchmarks.peer_tests.suites.counting import Checks
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.tokenizer import TextTokenizer

checks = Checks("encodings", "ties told otherwise", "decodings")
pytest_terminal_summary = checks.pytest_terminal_summary

_Processor: Any = sentencepiece.SentencePieceProcessor
_encode, _decode = _Processor.Encode, _Processor.Decode
_UNTOLD = ("enable_sampling", "add_bos", "add_eos", "reverse")


@lru_cache
def _ours(model: bytes) -> TextTokenizer:
    return TextTokenizer(read_sentencepiece(model, "the library's model"))


def _checked_encode(self: Any, input: Any, *args: Any, **options: Any) -> Any:
    result = _encode(self, input, *args, **options)
    if not any(options.get(name, getattr(self, f"_{name}", False)) for name in _UNTOLD):
        texts = cast("list[str | bytes]", input if isinstance(input, list) else [input])
        for text in texts:
            ids: list[int] = _encode(self, text, out_type=int)
            ours = _ours(self.serialized_model_proto())
            found = ours.encode(text, unk="use")
            if found != ids:
                assert _score(ours, found) == pytest.approx(_score(ours, ids), rel=1e-6), text
                checks.count("ties told otherwise")
            checks.count("encodings")
    return result


def _score(tokenizer: TextTokenizer, ids: list[int]) -> float:
    """Of a Unigram path: versions of the library round its sums, and so tell ties, differently."""
    scores = tokenizer.spec.scores
    return float("nan") if scores is None else float(scores[ids].sum())


def _checked_decode(self: Any, input: Any, *args: Any, **options: Any) -> Any:
    result = _decode(self, input, *args, **options)
    for ids in _lists_of_ids(input):
        if self.unk_id() not in ids:  # the library writes a sign of its own for it
            text: str = _decode(self, ids)
            ours = _ours(self.serialized_model_proto()).decode(ids)
            assert ours.decode(errors="replace") == text, ids
            checks.count("decodings")
    return result


def _lists_of_ids(input: Any) -> list[list[int]]:
    """The ids among what `Decode` takes: also pieces, single ids, and batches of either."""
    items = cast("list[Any]", input if isinstance(input, list) else [])
    if items and isinstance(items[0], int):
        return [items]
    return [ids for item in items for ids in _lists_of_ids(item)]


_Processor.Encode = _Processor.encode = _checked_encode
_Processor.Decode = _Processor.decode = _checked_decode
