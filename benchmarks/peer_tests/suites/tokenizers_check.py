"""tokkit repeats what `tokenizers` does, as a plugin of pytest.

The library's tests go on to use the library, which trains, pads and makes pairs. Each text that
they encode tokkit encodes too, from the file that the library would write; ids and offsets must be
those of the library before its post-processor, padding and truncation. Decoding is compared where
the decoder undoes ByteLevel, since tokkit has no other decoder than that of its bytes.

Files that the suite would download are looked for in the folder that `TOKENIZERS_DATA` names.
"""

from __future__ import annotations

import importlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import huggingface_hub
import pytest
import tokenizers
import tokenizers.decoders

from benchmarks.peer_tests.suites.counting import Checks
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.tokenizer import TextTokenizer

checks = Checks("encodings", "decodings", "files refused", "texts refused")
pytest_terminal_summary = checks.pytest_terminal_summary

_real: Any = tokenizers.Tokenizer
_real_stream: Any = tokenizers.decoders.DecodeStream


@lru_cache
def _ours(document: str) -> TextTokenizer | None:
    """The tokenizer, or None where tokkit says why it does not read it."""
    try:
        return TextTokenizer(read_hf_json(json.loads(document), "the library's file"))
    except (FormatError, UnsupportedError) as error:
        checks.count("files refused", str(error))
        return None


class CheckedTokenizer:
    """`tokenizers.Tokenizer`, which cannot be subclassed, with every plain encoding repeated."""

    def __init__(self, model: Any) -> None:
        object.__setattr__(self, "_tokenizer", _real(model))

    @classmethod
    def _around(cls, tokenizer: Any) -> CheckedTokenizer:
        made = cls.__new__(cls)
        object.__setattr__(made, "_tokenizer", tokenizer)
        return made

    @classmethod
    def from_file(cls, path: str) -> CheckedTokenizer:
        """As the library's."""
        return cls._around(_real.from_file(path))

    @classmethod
    def from_str(cls, text: str) -> CheckedTokenizer:
        """As the library's."""
        return cls._around(_real.from_str(text))

    @classmethod
    def from_pretrained(cls, identifier: str, *_args: Any, **_options: Any) -> CheckedTokenizer:
        """From the folder of that name below `TOKENIZERS_DATA`."""
        return cls.from_file(_find_file(filename=f"{identifier}/tokenizer.json"))

    @classmethod
    def from_buffer(cls, data: bytes) -> CheckedTokenizer:
        """As the library's."""
        return cls._around(_real.from_buffer(data))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tokenizer, name)

    def __setattr__(self, name: str, value: Any) -> None:
        setattr(self._tokenizer, name, value)

    def __reduce__(self) -> tuple[Any, ...]:
        return CheckedTokenizer.from_str, (self._tokenizer.to_str(),)

    def __repr__(self) -> str:
        return repr(self._tokenizer)

    def __str__(self) -> str:
        return str(self._tokenizer)

    def encode(self, sequence: Any, *args: Any, **options: Any) -> Any:
        """The library's encoding, after both were compared on a text."""
        result = self._tokenizer.encode(sequence, *args, **options)
        if isinstance(sequence, str):
            self._compare(sequence)
        return result

    def encode_batch(self, input: Any, *args: Any, **options: Any) -> Any:
        """The library's encodings, after both were compared on each text."""
        result = self._tokenizer.encode_batch(input, *args, **options)
        for text in input:
            if isinstance(text, str):
                self._compare(text)
        return result

    def decode(self, ids: Any, *args: Any, **options: Any) -> str:
        """The library's text, compared where its decoder gives back bytes."""
        result: str = self._tokenizer.decode(ids, *args, **options)
        ours = _ours(self._tokenizer.to_str())
        if ours is not None and isinstance(self._tokenizer.decoder, tokenizers.decoders.ByteLevel):
            plain: str = self._tokenizer.decode(ids, skip_special_tokens=True)
            found = b"".join(map(ours.token_bytes, ids)).decode(errors="replace")
            assert found == plain, ids
            checks.count("decodings")
        return result

    def _compare(self, text: str) -> None:
        document = self._tokenizer.to_str()
        ours = _ours(document)
        if ours is None:
            return
        plain = _real.from_str(document)
        plain.no_padding()
        plain.no_truncation()
        plain.post_processor = None
        theirs = plain.encode(text, add_special_tokens=False)
        try:
            found = ours.encode_with_offsets(text, specials=True, unk=_mode(ours))
        except EncodingError as error:  # text that the library drops without a word
            checks.count("texts refused", str(error))
            return
        assert found.ids.tolist() == theirs.ids, text
        pairs = zip(found.starts.tolist(), found.ends.tolist(), strict=True)
        assert [_in_characters(text, *pair) for pair in pairs] == theirs.offsets, text
        checks.count("encodings")


class CheckedDecodeStream:
    """`DecodeStream`, for tokenizers in a wrapper."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self._stream = _real_stream(*args, **options)

    def step(self, tokenizer: CheckedTokenizer, ids: Any) -> Any:
        """As the library's."""
        return self._stream.step(tokenizer._tokenizer, ids)

    def __copy__(self) -> CheckedDecodeStream:
        made = CheckedDecodeStream()
        made._stream = self._stream.__copy__()
        return made


def _mode(tokenizer: TextTokenizer) -> Literal["raise", "use"]:
    return "raise" if tokenizer.spec.unk_id is None else "use"


def _in_characters(text: str, start: int, end: int) -> tuple[int, int]:
    """The characters that a stretch of bytes touches, which is what the library gives."""
    data = text.encode()
    first = len(data[:start].decode(errors="ignore"))
    return first, first + len(data[len(text[:first].encode()) : end].decode(errors="replace"))


def _find_file(*_args: Any, filename: str, **_options: Any) -> str:
    path = Path(os.environ.get("TOKENIZERS_DATA", "")) / filename
    if not path.is_file():
        pytest.skip(f"{filename} is not in the folder that TOKENIZERS_DATA names")
    return str(path)


def _put_in_place() -> None:
    library: Any = tokenizers
    library.Tokenizer = CheckedTokenizer
    library.decoders.DecodeStream = CheckedDecodeStream
    for name in ("base_tokenizer", "bert_wordpiece", "byte_level_bpe", "char_level_bpe"):
        importlib.import_module(f"tokenizers.implementations.{name}").__dict__["Tokenizer"] = (
            CheckedTokenizer
        )
    for name in ("sentencepiece_bpe", "sentencepiece_unigram"):
        importlib.import_module(f"tokenizers.implementations.{name}").__dict__["Tokenizer"] = (
            CheckedTokenizer
        )
    hub: Any = huggingface_hub
    hub.hf_hub_download = _find_file


_put_in_place()
