"""What every model of text here offers: `TextModel`, and `CachedTextModel` for those over bytes.

A `TextModel` is a torch module and a `ByteModel`: it is trained by `nats` and asked as any other
byte-level model is. How it comes to its byte probabilities is its own affair. Those that read bytes
say it by `begin` and `extend` (`CachedTextModel`), from which follow states that keep a cache and
are evaluated in batches; the subword model is a `ByteLM`, and sums over tokens.
"""

from __future__ import annotations

import math
import os
from abc import abstractmethod
from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.arguments import MAX_THREADS, as_bytes, check_whole, refuse_unknown
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import Bounds
from tokkit.bytelm.documents import Text
from tokkit.errors import ArgumentError, ModelError
from tokkit.models.blocks.evaluating import evaluating
from tokkit.models.saving.configs import Config
from tokkit.models.saving.folders import load_model
from tokkit.models.saving.in_folder import InFolder
from tokkit.models.text_models.cached_state import MOST_AT_ONCE, CachedState, refusal_of_nan
from tokkit.models.text_models.corpus import Texts
from tokkit.models.text_models.glimpses import Glimpses
from tokkit.models.text_models.learning import text_task
from tokkit.models.text_models.windows import Windows
from tokkit.models.training.tasks import Task
from tokkit.text.tokenizer import TextTokenizer


class TextModel(InFolder, torch.nn.Module, ByteModel):
    """A network that gives byte strings probabilities.

    Attributes:
        kind: what its folders say it is, a key of `tokkit.files.registry.CLASSES`.
        config_class: of `config`.
        config: its shape, a frozen dataclass.
        name: for tables and messages.
    """

    kind: ClassVar[str]
    config_class: ClassVar[type[Config]]
    config: Any

    @abstractmethod
    def nats(self, windows: Windows) -> torch.Tensor:
        """What the targets of each window cost, differentiable; padding changes nothing.

        Args:
            windows: on the device of the model.

        Returns:
            float (n,), nats: float64 where the model is in float64, else float32.
        """

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """What training minimises of each window, float (n,): `nats`, and what a model adds to it.

        Raises:
            EncodingError: a window that the model cannot express.
        """
        return self.nats(windows)

    def training_task(self, data: Texts | Text | Sequence[Text], *, seed: int) -> Task:
        """What it learns from texts; see `tokkit.models.training.train`.

        Raises:
            ArgumentError: not one byte.
            FormatError: a file cannot be read.
        """
        return text_task(self, data, seed=seed)

    def __repr__(self) -> str:
        n_parameters = sum(each.numel() for each in self.parameters())
        dtype = str(self.dtype).removeprefix("torch.")
        return f"{type(self).__name__}({n_parameters:,} parameters, {dtype} on {self.device})"

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters."""
        return next(self.parameters()).dtype

    def evaluating(self) -> AbstractContextManager[None]:
        """Within it there are no gradients, and the module is in its evaluation mode."""
        return evaluating(self)

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        dtype: str | None = None,
        device: str | None = None,
        threads: int | None = None,
        **others: Any,
    ) -> Self:
        """Read what `save` wrote.

        Args:
            folder: that it wrote.
            dtype: `"float32"`, `"float64"` or `"bfloat16"`; by default that which was saved.
            device: as `"cuda:0"`; by default the CPU.
            threads: torch's threads; a setting of the whole process.
            **others: `allow_download`, for there is nothing to fetch.

        Raises:
            ArgumentError: no path, an option that does not exist, or a value out of range.
            FormatError: a file is missing or damaged, or of another kind of model.
        """
        refuse_unknown(others, ("dtype", "device", "threads", "allow_download"))
        if threads is not None:
            check_whole("threads", threads, 1, MAX_THREADS)
            torch.set_num_threads(threads)
        return load_model(cls, folder, dtype=dtype, device=device)

    @classmethod
    def fresh(
        cls,
        config: Any,
        *,
        texts: Sequence[bytes],  # noqa: ARG003  # some read them
        tokenizer: TextTokenizer | None,
        vocab_size: int | None,
        seed: int,
    ) -> Self:
        """A model with parameters that are drawn, and whatever else it takes.

        Args:
            config: of `config_class`.
            texts: that it will learn from.
            tokenizer: for models that have one.
            vocab_size: of a tokenizer that is trained on the texts.
            seed: of the draw.

        Raises:
            ArgumentError: a tokenizer, or its size, for a model that has none.
        """
        if tokenizer is not None or vocab_size is not None:
            raise ArgumentError(f"a {cls.kind} reads bytes; leave the tokenizer out")
        return cls(config, seed=seed)


class CachedTextModel(TextModel):
    """A text model that reads bytes from left to right, and can go on after a cache.

    A cache is a value: `extend` leaves those that it is given as they are.
    """

    def __init__(self) -> None:
        """Begin a module; nothing is measured yet."""
        super().__init__()
        self.glimpses = Glimpses()

    @property
    def rows_cost_more(self) -> bool:
        """Whether the rows behind all bytes take much longer than what the bytes cost (`nats`)."""
        return False

    @abstractmethod
    def begin(self) -> tuple[Any, NDArray[np.float64]]:
        """The cache of the empty text, and float64 (257,), nats: its first symbol."""

    @abstractmethod
    def extend(
        self, caches: Sequence[Any], data: Sequence[bytes]
    ) -> tuple[list[Any], list[NDArray[np.float64]]]:
        """Read on after several caches, in one pass.

        Args:
            caches: one or more.
            data: what follows each: any piece of text, which may be empty.

        Returns:
            The caches after it, and of each float64 (len(data_k), 257), nats: row j is the symbol
            after `data_k[: j + 1]`.
        """

    def read_through(
        self, caches: Sequence[Any], data: Sequence[bytes]
    ) -> tuple[list[Any], list[NDArray[np.float64]]]:
        """As `extend`, where all that is asked of a row but the last is what follows it in `data`.

        Returns:
            The same, but that other entries of rows that are not the last of their text may be
            minus infinity.
        """
        return self.extend(caches, data)

    @property
    def glances(self) -> bool:
        """Whether `glance` may know something."""
        return False

    def glance(self, cache: Any, data: bytes) -> Bounds | None:  # noqa: ARG002  # some can
        """What is known of the next symbol without reading on; see `ByteState.bounds`.

        Args:
            cache: of a text.
            data: what follows it, not empty.
        """
        return None

    def _joint_logprob(self, data: bytes, prefix: bytes, end: bool) -> float:
        """See `ByteModel.logprob`."""
        if not self.rows_cost_more or len(prefix) + len(data) > MOST_AT_ONCE:
            return super()._joint_logprob(data, prefix, end)
        windows = Windows.of([prefix, prefix + data], ends=[False, end]).to(self.device)
        with self.evaluating():
            before, after = self.nats(windows).tolist()
        if math.isnan(after):
            raise ModelError(refusal_of_nan(self.name))
        return before - after

    @property
    def law(self) -> object:
        """See `ByteModel.law`."""
        return self.kind, id(self)

    def open(self, prefix: str | bytes = b"") -> CachedState:
        """A state after `prefix`; its caches are of the parameters as they are now."""
        state = CachedState(self)
        state.push(as_bytes(prefix))
        return state
