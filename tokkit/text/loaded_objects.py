"""Tokenizers that other libraries have loaded, as specs.

An object is asked for what its library writes to files, and that is read as the file would be, so
that both ways give the same tokenizer.
"""

from __future__ import annotations

import tempfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokkit.errors import UnsupportedError
from tokkit.files.json_text import parse_json
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.formats.sentencepiece.model_file import read_sentencepiece
from tokkit.text.formats.tiktoken import RankFileOptions, read_tiktoken
from tokkit.text.spec import TokenizerSpec

ReadFolder = Callable[[Path], TokenizerSpec]


def is_loaded(source: object) -> bool:
    """Whether an object is a tokenizer of a library that is known here."""
    return _reader_of(source) is not None


def read_loaded(source: Any, read_folder: ReadFolder) -> TokenizerSpec:
    """The spec of a loaded tokenizer.

    Args:
        source: of `tokenizers`, `transformers`, `sentencepiece` or `tiktoken`.
        read_folder: reads a folder that `transformers` saved.

    Raises:
        UnsupportedError: it asks for something that tokkit does not do, or cannot be saved.
    """
    reader = _reader_of(source)
    assert reader is not None
    return reader(source, read_folder)


def classes_of(source: object) -> list[tuple[str, str]]:
    """Library and name of each class that an object is of; no library is imported to ask."""
    return [(each.__module__.partition(".")[0], each.__name__) for each in type(source).__mro__]


def _reader_of(source: object) -> Callable[[Any, ReadFolder], TokenizerSpec] | None:
    return next((_READERS[each] for each in classes_of(source) if each in _READERS), None)


def _of_tokenizers(source: Any, _: ReadFolder) -> TokenizerSpec:
    return read_hf_json(parse_json(source.to_str().encode(), "tokenizer"), "tokenizer")


def _of_transformers(source: Any, read_folder: ReadFolder) -> TokenizerSpec:
    with tempfile.TemporaryDirectory() as folder:
        try:
            source.save_pretrained(folder)
        except Exception as error:  # each of its tokenizers raises what it likes
            raise UnsupportedError(
                f"{type(source).__name__} cannot be saved ({type(error).__name__}: {error}); give "
                "the path of its files"
            ) from error
        return read_folder(Path(folder))


def _of_processor(source: Any, read_folder: ReadFolder) -> TokenizerSpec:
    """A processor of transformers, which has a tokenizer beside what reads images or sounds."""
    if getattr(source, "tokenizer", None) is None:
        raise UnsupportedError(f"{type(source).__name__} has no tokenizer; give a tokenizer")
    return read_loaded(source.tokenizer, read_folder)


def _of_sentencepiece(source: Any, _: ReadFolder) -> TokenizerSpec:
    return read_sentencepiece(source.serialized_model_proto(), "sentencepiece model")


def _of_tiktoken(source: Any, _: ReadFolder) -> TokenizerSpec:
    ranks: dict[bytes, int] = source._mergeable_ranks
    lines = b"".join(b"%s %d\n" % (b64encode(token), rank) for token, rank in ranks.items())
    options = RankFileOptions(source._pat_str, dict(source._special_tokens))
    return read_tiktoken(lines, source.name, options=options)


_READERS: dict[tuple[str, str], Callable[[Any, ReadFolder], TokenizerSpec]] = {
    ("tokenizers", "Tokenizer"): _of_tokenizers,
    ("transformers", "PreTrainedTokenizerBase"): _of_transformers,
    ("transformers", "ProcessorMixin"): _of_processor,
    ("sentencepiece", "SentencePieceProcessor"): _of_sentencepiece,
    ("tiktoken", "Encoding"): _of_tiktoken,
}
