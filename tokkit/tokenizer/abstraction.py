"""`Tokenizer`: what is asked of the tokenizers of every modality, so that one function fits all."""

from __future__ import annotations

import hashlib
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Collection, Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Generic, Literal, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import MAX_BYTES, as_items, as_seeds, check_whole
from tokkit.errors import ArgumentError
from tokkit.tokenizer.ids import Ids, PrefixAxis, as_id_array
from tokkit.tokenizer.rate import Rate, rate_of
from tokkit.tokenizer.refusals import refuse_budget

Modality = Literal["text", "image", "graph", "speech"]

SignalT = TypeVar("SignalT")


class Tokenizer(ABC, Generic[SignalT]):
    """A signal as ids: (n,), or (n, streams) where several codes stand for each place.

    Signals are `bytes` or `str` of text, uint8 (height, width, channels) of images, float32
    (nodes, features) of graphs, float32 (samples,) of speech. What a class does not say about
    itself is what holds for the plainest one: one stream, a length that is not the caller's to
    choose, nothing drawn, and neither lossless nor streaming. It defines `vocab_sizes`, or
    `vocab_size` if there is one stream.
    """

    @property
    @abstractmethod
    def modality(self) -> Modality:
        """The kind of signal."""

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        """Number of ids of each stream, holes included."""
        return (self.vocab_size,)

    @property
    def vocab_size(self) -> int:
        """Number of ids, holes included.

        Raises:
            ArgumentError: there are several streams.
        """
        sizes = self.vocab_sizes
        if len(sizes) != 1:
            raise ArgumentError(
                f"{type(self).__name__} has {len(sizes)} streams; ask for their `vocab_sizes`"
            )
        return sizes[0]

    @property
    def streams(self) -> int:
        """How many ids stand for each place."""
        return len(self.vocab_sizes)

    @property
    def prefix_axis(self) -> PrefixAxis:
        """What a budget counts, and `truncate` shortens.

        "sequence": ids, "depth": streams, of which the first ones decode to a coarser signal;
        "none": there is no such prefix.
        """
        return "none"

    @property
    def lossless(self) -> bool:
        """Whether `decode` gives back all that `encode` takes; False where that is not certain."""
        return False

    @property
    def deterministic(self) -> bool:
        """Whether ids decode to one signal; if not, `decode` draws one where it is given a seed."""
        return True

    @property
    def streaming(self) -> bool:
        """Whether an id depends on a bounded part of the signal after its own place."""
        return False

    @property
    def needs_context(self) -> bool:
        """Whether `encode` needs a `context`, as the edges of a graph."""
        return False

    @property
    def sample_rate(self) -> int | None:
        """Samples a second, of speech; None for signals of other kinds."""
        return None

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of all that `save` writes: tokenizers that share it give the same ids."""
        digest = hashlib.sha256(type(self).__qualname__.encode())
        with tempfile.TemporaryDirectory() as folder:
            self.save(folder)
            for path in sorted(Path(folder).rglob("*")):
                if path.is_file():
                    name = path.relative_to(folder).as_posix().encode()
                    digest.update(hashlib.sha256(name).digest())
                    digest.update(hashlib.sha256(path.read_bytes()).digest())
        return digest.hexdigest()

    @abstractmethod
    def encode(self, x: SignalT, /, *, budget: int | None = None, context: Any = None) -> Ids:
        """The ids of `x`.

        Args:
            x: the signal.
            budget: at most this many along `prefix_axis`; the same as `truncate` afterwards.
            context: what else the ids depend on, if `needs_context`; of graphs int64 (2, edges).

        Raises:
            ArgumentError: a signal of another shape or type; a budget, and there is no prefix; a
                context that is not needed, or none that is.
            EncodingError: the vocabulary cannot express `x`.
        """

    @abstractmethod
    def decode(self, ids: Ids, *, seed: int | None = None) -> SignalT:
        """The signal that `ids` stand for, also those that `truncate` left.

        Args:
            ids: (n,) or (n, streams).
            seed: of what is drawn, unless `deterministic`; None draws nothing and is always the
                same.

        Raises:
            ArgumentError: ids of another shape, or a seed where nothing is drawn.
            EncodingError: an id outside the vocabulary.
        """

    def decode_many(
        self, ids: Sequence[Ids], *, seeds: Sequence[int] | None = None
    ) -> Collection[SignalT]:
        """What `decode` gives for each of many, which a tokenizer may do in less time.

        Args:
            ids: of each signal.
            seeds: of each; None draws nothing.

        Raises:
            ArgumentError: as `decode`, or another number of seeds.
            EncodingError: an id outside the vocabulary.
        """
        rows = as_items(ids, "ids", "pass those of each signal in a list")
        if seeds is None:
            return [self.decode(each) for each in rows]
        drawn = as_seeds(seeds, len(rows), "signals")
        return [self.decode(each, seed=seed) for each, seed in zip(rows, drawn, strict=True)]

    def truncate(self, ids: Ids, budget: int) -> NDArray[np.int64]:
        """The first ids along `prefix_axis`; `decode` takes them for a coarser signal.

        Args:
            ids: (n,) or (n, streams).
            budget: at most this many ids, or streams.

        Raises:
            ArgumentError: there is no prefix, a budget below 1, or ids of another shape.
            EncodingError: an id outside the vocabulary.
        """
        check_whole("budget", budget, 1)
        if self.prefix_axis == "none":
            refuse_budget(self, budget)
        array = as_id_array(ids, self.vocab_sizes, prefix_axis=self.prefix_axis)
        return array[:budget] if self.prefix_axis == "sequence" else array[:, :budget]

    def rate(self, ids: Ids) -> Rate:
        """What ids cost, as they are or truncated.

        Raises:
            ArgumentError: ids of another shape.
            EncodingError: an id outside the vocabulary.
        """
        return rate_of(
            ids, self.vocab_sizes, n_units=self.n_units(ids), prefix_axis=self.prefix_axis
        )

    def n_units(self, ids: Ids) -> float:
        """How much of a signal ids stand for: bytes of text, pixels, nodes, or seconds.

        Raises:
            ArgumentError: ids of another shape.
            EncodingError: an id outside the vocabulary.
        """
        ids = as_id_array(ids, self.vocab_sizes, prefix_axis=self.prefix_axis)
        if self.modality == "graph":
            return len(ids)
        signal: Any = self.decode(ids)
        if self.modality == "image":
            return signal.shape[0] * signal.shape[1]
        if self.modality == "text":
            return len(signal)
        assert self.sample_rate is not None, "speech has a sample rate"
        return len(signal) / self.sample_rate

    def soft_assign(self, x: SignalT, *, context: Any = None) -> NDArray[np.float32]:
        """How likely each code is, natural logarithms; the most likely ones are those of `encode`.

        A tokenizer that chooses without weighing gives its choice all of the probability.

        Args:
            x: the signal.
            context: as for `encode`.

        Returns:
            float32 (n, codes), or (n, streams, codes) with as many as the largest stream has. The
            streams after the first are given the choice in those before.

        Raises:
            ArgumentError: as `encode`, or a signal so long that this would take more than 1 GiB.
            EncodingError: as `encode`.
        """
        ids = np.asarray(self.encode(x, context=context), np.int64)
        size = max(self.vocab_sizes)
        if ids.size * size * 4 > MAX_BYTES:
            raise ArgumentError(
                f"{ids.size:,} ids of {size:,} codes are more than {MAX_BYTES:,} bytes of "
                "probabilities; pass the signal in parts"
            )
        logprobs = np.full((*ids.shape, size), -np.inf, np.float32)
        np.put_along_axis(logprobs, ids[..., None], 0.0, axis=-1)
        return logprobs

    @abstractmethod
    def save(self, folder: str | PathLike[str]) -> None:
        """Write all that `load` needs into `folder`, which is made when it is missing."""

    @classmethod
    @abstractmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        """Read what `save` wrote.

        Raises:
            FormatError: the folder does not hold such a tokenizer.
        """
