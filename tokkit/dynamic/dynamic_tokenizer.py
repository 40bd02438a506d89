"""`DynamicTokenizer`: a tokenizer whose vocabulary grows by what its batches repeat.

1. A batch is encoded by the tokenizer underneath and merged (`tokkit.dynamic.merging`).
2. Every merged string gets an id, which is the same in all batches.
3. An embedder gives rows for the spellings (`tokkit.dynamic.embedding`), so that a model can read
   the ids although it has no rows for them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Sequence
from operator import index
from os import PathLike
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_ids, as_plain, check_kind, check_path, refuse_single_text
from tokkit.dynamic.embedding import Embedder
from tokkit.dynamic.merge_tables import merge_tables
from tokkit.dynamic.merged_batch import MergedBatch
from tokkit.dynamic.merging import merge_batch
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.files.json_text import parse_json, want_index, want_list, want_object
from tokkit.files.reading import read_bounded
from tokkit.files.registry import write_kind
from tokkit.files.writing import write_whole
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer
from tokkit.tokenizer import Modality, Tokenizer, refuse_budget, refuse_context, refuse_seed

Text = str | bytes
_FILE = "dynamic.json"
_MAX_BYTES = 1 << 30
_LIMITS = ("n_merges", "min_count", "target_reduction", "within_words")


class DynamicTokenizer(Tokenizer[Text]):
    """A text tokenizer whose frequent pairs become one id in each batch.

    Ids below `tokenizer.vocab_size` are that tokenizer's; those from there on are merged strings,
    in the order in which they were first made. They keep their meaning until `forget` is called,
    and take some hundred bytes each.

    Encoding depends on what stands beside a text: `encode` merges a text on its own, `encode_batch`
    what the batch repeats. Decoding gives back what the tokenizer underneath gives back.

    Attributes:
        tokenizer: the one underneath.
        embedder: gives rows for spellings, or None; an `EmbeddingCache` remembers them.
        limits: of `tokkit.merge_batch`, for every batch.
    """

    def __init__(
        self,
        tokenizer: Any,
        embedder: Embedder | None,
        *,
        n_merges: int | None = None,
        min_count: int = 2,
        target_reduction: float | None = None,
        within_words: bool = True,
    ) -> None:
        """A tokenizer that has seen no batch.

        Args:
            tokenizer: whatever `load_tokenizer` takes, of text.
            embedder: of a model that reads the tokenizer's ids; None: `embed` is refused.
            n_merges: see `tokkit.merge_batch`, as the others.
            min_count: see there.
            target_reduction: see there.
            within_words: see there.

        Raises:
            ArgumentError: no text tokenizer, no embedder, or limits that are out of range.
            FormatError, UnsupportedError: the tokenizer cannot be loaded.
        """
        if embedder is not None and not callable(getattr(embedder, "rows", None)):
            raise ArgumentError(f"embedder must have a method rows, got {embedder!r:.60}")
        self.tokenizer: TextTokenizer = load_tokenizer(tokenizer)
        self.embedder = embedder
        limits: dict[str, Any] = {
            "n_merges": n_merges,
            "min_count": min_count,
            "target_reduction": target_reduction,
            "within_words": within_words,
        }
        merge_batch([], tokenizer=self.tokenizer, **limits)  # refuses what is out of range
        self.limits = as_plain(limits)
        self._marks = merge_tables(self.tokenizer).spellings.mark
        self._spellings: list[tuple[int, ...]] = []
        self._ids: dict[tuple[bytes, int, int], int] = {}

    def __repr__(self) -> str:
        return f"DynamicTokenizer({self.tokenizer!r}, {len(self._spellings)} merged strings)"

    @property
    def modality(self) -> Modality:
        """The kind of signal: "text"."""
        return "text"

    @property
    def vocab_size(self) -> int:
        """Number of ids so far: the tokenizer's, and the strings that were merged."""
        return self.tokenizer.vocab_size + len(self._spellings)

    @property
    def lossless(self) -> bool:
        """Whether the tokenizer underneath is: merged strings stand for what they replace."""
        return self.tokenizer.lossless

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of all that decides about ids; another one after new strings were merged."""
        own = json.dumps([self.limits, self._spellings]).encode()
        return hashlib.sha256(self.tokenizer.fingerprint.encode() + own).hexdigest()

    # -- encoding and decoding -----------------------------------------------------------------

    def encode(self, x: Text, /, *, budget: int | None = None, context: None = None) -> list[int]:
        """The ids of a text that is merged on its own.

        Raises:
            ArgumentError: a budget (lengths are limited by the options of the tokenizer), or a
                context.
            EncodingError: the vocabulary cannot express `x`.
        """
        refuse_budget(self, budget)
        refuse_context(self, context)
        return self.encode_batch([x])[0].tolist()

    def encode_batch(self, texts: Sequence[Text]) -> list[NDArray[np.int32]]:
        """The ids of texts that are merged together, an int32 array each.

        Raises:
            ArgumentError: a single text.
            EncodingError: the vocabulary cannot express one.
        """
        refuse_single_text(texts, "texts")
        return self.adopt(merge_batch(texts, tokenizer=self.tokenizer, **self.limits))

    def adopt(self, batch: MergedBatch) -> list[NDArray[np.int32]]:
        """The sequences of a merged batch in the ids of this tokenizer.

        Raises:
            ArgumentError: no batch, or one that was merged with another tokenizer.
        """
        check_kind(batch, MergedBatch, "batch", "pass what merge_batch returns")
        if batch.tokenizer is not self.tokenizer:
            raise ArgumentError(
                f"the batch was merged with {batch.tokenizer!r}, expected {self.tokenizer!r}; pass "
                "that to merge_batch"
            )
        n = self.tokenizer.vocab_size
        own = np.arange(batch.vocab_size, dtype=np.int32)
        used = {token for ids in batch.sequences for token in np.unique(ids[ids >= n]).tolist()}
        for token in sorted(used):
            own[token] = self._id_of(batch.original_ids(token))
        return [own[ids] for ids in batch.sequences]

    def _id_of(self, spelling: tuple[int, ...]) -> int:
        """The id of a merged string, a new one where it is new."""
        data = b"".join(map(self.tokenizer.token_bytes, spelling))
        key = data, int(self._marks[spelling[0]]) & 1, int(self._marks[spelling[-1]]) & 2
        if key not in self._ids:
            self._ids[key] = self.vocab_size
            self._spellings.append(spelling)
        return self._ids[key]

    def spelling(self, token: int) -> tuple[int, ...]:
        """The ids of the tokenizer underneath that spell an id.

        Raises:
            ArgumentError: no whole number.
            EncodingError: an id that no batch has made.
        """
        check_kind(token, (int, np.integer), "an id")
        token = index(token)  # whose difference below would overflow in small types
        place = token - self.tokenizer.vocab_size
        if place >= len(self._spellings):
            raise EncodingError(
                f"id {token} is outside the vocabulary so far, which has the ids 0 to "
                f"{self.vocab_size - 1}; was it made before forget was called?"
            )
        if place >= 0:
            return self._spellings[place]
        self.tokenizer.token_bytes(token)  # refuses what is below 0
        return (token,)

    def expand(self, ids: Iterable[int]) -> list[int]:
        """Ids of the tokenizer underneath.

        Raises:
            EncodingError: an id that no batch has made.
        """
        return [own for token in as_ids(ids, "ids") for own in self.spelling(token)]

    def decode(self, ids: Iterable[int], *, seed: int | None = None) -> bytes:
        """The bytes that ids stand for.

        Raises:
            ArgumentError: a `seed`; nothing is drawn.
            EncodingError: an id that no batch has made.
        """
        refuse_seed(self, seed)
        return self.tokenizer.decode(self.expand(ids))

    def forget(self) -> None:
        """Drop all merged strings; their ids will mean others."""
        self._spellings.clear()
        self._ids.clear()

    # -- embeddings ----------------------------------------------------------------------------

    def embed(self, ids: Sequence[int]) -> NDArray[np.float32]:
        """The row of each id, float32 (n, width).

        Raises:
            ArgumentError: there is no embedder.
            EncodingError: an id that no batch has made.
        """
        if self.embedder is None:
            raise ArgumentError("this tokenizer has no embedder; set its attribute embedder")
        spellings = [self.spelling(token) for token in as_ids(ids, "ids")]
        return np.asarray(self.embedder.rows(spellings), np.float32)

    def embed_batch(
        self, sequences: Sequence[Sequence[int]]
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Rows of a batch, padded with zeros behind each sequence, and what is no padding.

        Returns:
            float32 (batch, longest, width), as `inputs_embeds` of transformers takes it; bool
            (batch, longest), its `attention_mask`.

        Raises:
            ArgumentError: there is no embedder.
            EncodingError: an id that no batch has made.
        """
        rows = [self.embed(ids) for ids in sequences]
        width = self.embedder.width if self.embedder is not None else 0
        longest = max(map(len, rows), default=0)
        out = np.zeros((len(rows), longest, width), np.float32)
        mask = np.zeros((len(rows), longest), np.bool_)
        for number, row in enumerate(rows):
            out[number, : len(row)] = row
            mask[number, : len(row)] = True
        return out, mask

    # -- files ---------------------------------------------------------------------------------

    def save(self, folder: str | PathLike[str]) -> None:
        """Write the tokenizer underneath, the limits and all merged strings; not the embedder.

        Raises:
            UnsupportedError: the tokenizer underneath cannot be written.
            OSError: the folder cannot be written to.
        """
        path = check_path(folder, "folder")
        self.tokenizer.save(path)
        document = {"limits": self.limits, "spellings": self._spellings}
        write_whole(path / _FILE, json.dumps(document))
        write_kind(path, "dynamic-tokenizer")

    @classmethod
    def load(cls, folder: str | PathLike[str], *, embedder: Embedder | None = None) -> Self:
        """Read what `save` wrote; the ids mean what they meant.

        Raises:
            FormatError: the folder does not hold such a tokenizer.
        """
        path = check_path(folder, "folder") / _FILE
        where = str(path)
        document = want_object(parse_json(read_bounded(path, limit=_MAX_BYTES), where), where)
        limits = want_object(document.get("limits"), f"{where}.limits")
        options: dict[str, Any] = {name: limits.get(name) for name in _LIMITS}
        try:
            made = cls(TextTokenizer.load(folder), embedder, **options)
        except ArgumentError as error:
            raise FormatError(f"{where}.limits: {error}") from error
        size = made.tokenizer.vocab_size
        for number, spelling in enumerate(
            want_list(document.get("spellings"), f"{where}.spellings")
        ):
            place = f"{where}.spellings[{number}]"
            ids = tuple(want_index(token, place, size) for token in want_list(spelling, place))
            if len(ids) < 2 or made._id_of(ids) != size + number:
                raise FormatError(f"{place}: {ids!r:.60}, expected two ids or more, a new string")
        return made
