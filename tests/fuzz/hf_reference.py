"""The `tokenizers` library as the reference of a configuration, asked the questions of our laws."""

from __future__ import annotations

import copy
import json
import os
from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
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
    """What the library makes of a text, without the ids of the post-processor.

    Attributes:
        ids: as the file declares them.
        offsets: (start, end) of each in characters of the text, not trimmed.
        loses: whether some of the text became the unknown token, or nothing.
    """

    ids: list[int]
    offsets: list[tuple[int, int]]
    loses: bool


class HfReference:
    """The library's tokenizer for a configuration.

    It differs from the library in one thing, which tokkit promises: the model never makes a control
    token or the unknown token of a text that happens to spell it, so its vocabulary spells these as
    no text does. Added tokens are looked for by their own text all the same.
    """

    def __init__(self, document: Node, *, controls: frozenset[str]) -> None:
        """Load a configuration.

        Args:
            document: the parsed `tokenizer.json`.
            controls: the added tokens that count as special.

        Raises:
            ReferenceFailureError: the library does not load it.
        """
        document = copy.deepcopy(document)
        for token in document["added_tokens"]:
            token["special"] = token["content"] in controls
        self._document = document
        model, self._unk = _hide(document["model"], controls)
        self._library = _load({**document, "post_processor": None, "model": model})
        self._check_distinct()
        # The library numbers added tokens by itself.
        added = document["added_tokens"]
        self._declared = {self._library.token_to_id(t["content"]): t["id"] for t in added}

    def _check_distinct(self) -> None:
        """Of two tokens with one normalised text the library takes the one or the other, at random.

        Raises:
            ReferenceFailureError: there are such tokens.
        """
        normalizer = self._library.normalizer
        seen: set[str] = set()
        for token in self._document["added_tokens"]:
            if token["normalized"] and normalizer is not None:
                text = _guarded(lambda text=token["content"]: normalizer.normalize_str(text))
                if text in seen:
                    raise ReferenceFailureError("two added tokens with one normalised text")
                seen.add(text)

    def encode(self, text: str, *, specials: bool) -> ReferenceEncoding:
        """What the library makes of a text.

        Raises:
            ReferenceFailureError: it fails on this text.
        """
        self._library.encode_special_tokens = not specials
        found = _guarded(lambda: self._library.encode(text, add_special_tokens=False))
        lost = self._library.token_to_id(_LOST)
        kept = [i for i, token in enumerate(found.ids) if token != lost]
        return ReferenceEncoding(
            ids=[self._declared.get(found.ids[i], found.ids[i]) for i in kept],
            offsets=[found.offsets[i] for i in kept],
            loses=lost in found.ids or self._unk in found.ids,
        )

    def prefix(self, text: str) -> list[int] | None:
        """The ids that the post-processor puts before a text; None if nothing is left of it."""
        whole = _load(self._document)
        found = _guarded(lambda: whole.encode(text, add_special_tokens=True))
        if 0 not in found.sequence_ids:
            return None
        return found.ids[: found.sequence_ids.index(0)]


def _hide(model: Node, controls: frozenset[str]) -> tuple[Node, int]:
    """A model that spells its control and unknown tokens as no text does.

    BPE without an unknown token drops what it does not know, so it gets one that is `_LOST`.

    Returns:
        The model, and the id of the unknown token or -1.
    """
    if model["type"] == "Unigram":
        unk = -1 if model["unk_id"] is None else model["unk_id"]
        pieces = [piece for piece, _ in model["vocab"]]
        hidden = controls | ({pieces[unk]} if unk >= 0 else set())
        vocab = [[_hidden(piece, hidden), score] for piece, score in model["vocab"]]
        return {**model, "vocab": vocab}, unk
    known: dict[str, int] = model["vocab"]
    merged = {part for merge in model.get("merges", []) for part in (*merge, "".join(merge))}
    name = model.get("unk_token")
    hidden = (controls | ({name} if name else set())) - merged
    vocab = {_hidden(text, hidden): token for text, token in known.items()}
    if name is None:
        vocab[_LOST] = max(vocab.values()) + 1
        return {**model, "unk_token": _LOST, "vocab": vocab}, -1
    return {**model, "unk_token": _hidden(name, hidden), "vocab": vocab}, known.get(name, -1)


def _hidden(text: str, hidden: AbstractSet[str]) -> str:
    return f"\U0010fffd {text}" if text in hidden else text


def _load(document: Node) -> Any:
    return _guarded(lambda: tokenizers.Tokenizer.from_str(json.dumps(document)))
