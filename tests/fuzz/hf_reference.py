"""The `tokenizers` library as the reference of a configuration, asked the questions of our laws."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import tokenizers

Node = dict[str, Any]
T = TypeVar("T")

# The texts are short, and other work shares the machine.
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
_LOST = "\U0010fffd lost"


class ReferenceFailureError(Exception):
    """The reference refuses a configuration or a text, or panics."""


def _guarded(call: Callable[[], T]) -> T:
    try:
        return call()
    except Exception as error:
        raise ReferenceFailureError(str(error)) from error
    except BaseException as error:
        # A panic of Rust arrives as a BaseException of the binding.
        if type(error).__name__ != "PanicException":
            raise
        raise ReferenceFailureError(f"panic: {error}") from error


def cut_pieces(document: Node, texts: Sequence[str]) -> list[str]:
    """What the normalizer and the pretokenizer of `document` make of texts, each as a whole.

    Raises:
        ReferenceFailureError: they cannot be built, or fail on a text.
    """
    model = {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}
    stages = {**document, "model": model, "post_processor": None, "added_tokens": []}
    library: Any = _guarded(lambda: tokenizers.Tokenizer.from_str(json.dumps(stages)))
    pieces: list[str] = []
    for text in texts:
        if library.normalizer is not None:
            text = _guarded(lambda text=text: library.normalizer.normalize_str(text))
        if library.pre_tokenizer is None:
            pieces.append(text)
        else:
            cut = _guarded(lambda text=text: library.pre_tokenizer.pre_tokenize_str(text))
            pieces += [piece for piece, _ in cut]
    return pieces


@dataclass(frozen=True)
class ReferenceEncoding:
    """Ids as the file declares them, and (start, end) of each in characters of the text."""

    ids: list[int]
    offsets: list[tuple[int, int]]


class HfReference:
    """The library's tokenizer for a configuration.

    Offsets are those before a post-processor trims them.
    """

    def __init__(
        self, document: Node, *, controls: frozenset[str], declared: Mapping[int, int]
    ) -> None:
        """Load a configuration.

        Args:
            document: the parsed `tokenizer.json`.
            controls: the added tokens that count as special.
            declared: the library's id -> the id of the file, where they differ.

        Raises:
            ReferenceFailureError: the library does not load it.
        """
        document = copy.deepcopy(document)
        for token in document["added_tokens"]:
            token["special"] = token["content"] in controls
        self._document = document
        self._plain = _load({**document, "post_processor": None})
        self._declared = declared

    def encode(self, text: str, *, specials: bool) -> ReferenceEncoding:
        """Ids of a text, without those of the post-processor.

        Raises:
            ReferenceFailureError: it fails on this text.
        """
        found = _encode(self._plain, text, specials=specials)
        return ReferenceEncoding([self._declared.get(i, i) for i in found.ids], found.offsets)

    def loses(self, text: str, *, specials: bool) -> bool:
        """Whether some of the text becomes the unknown token, or nothing."""
        found = _encode(self._spy, text, specials=specials)
        return self._spy.token_to_id(_LOST) in found.ids

    def prefix(self, text: str) -> list[int] | None:
        """The ids that the post-processor puts before a text; None if nothing is left of it."""
        found = _guarded(lambda: self._whole.encode(text, add_special_tokens=True))
        if 0 not in found.sequence_ids:
            return None
        ids = found.ids[: found.sequence_ids.index(0)]
        return [self._declared.get(i, i) for i in ids]

    @cached_property
    def _whole(self) -> Any:
        return _load(self._document)

    @cached_property
    def _spy(self) -> Any:
        """A twin that gives a token of its own wherever something is unknown.

        BPE without an unknown token drops what it does not know; and an unknown token can stand in
        a text that spells it.
        """
        model = self._document["model"]
        if model["type"] == "Unigram":
            if model["unk_id"] is None:
                return self._plain
            best = max(score for _, score in model["vocab"])
            vocab = [*model["vocab"], [_LOST, best]]
            model = {**model, "unk_id": len(model["vocab"]), "vocab": vocab}
        else:
            vocab = {**model["vocab"], _LOST: max(model["vocab"].values()) + 1}
            model = {**model, "unk_token": _LOST, "vocab": vocab}
        return _load({**self._document, "post_processor": None, "model": model})


def _load(document: Node) -> Any:
    return _guarded(lambda: tokenizers.Tokenizer.from_str(json.dumps(document)))


def _encode(library: Any, text: str, *, specials: bool) -> Any:
    library.encode_special_tokens = not specials
    return _guarded(lambda: library.encode(text, add_special_tokens=False))
