"""The part of llama.cpp that tokkit calls, with types: `NativeModel` and `NativeContext`.

Bindings: llama-cpp-python (0.3.36), low-level API. All its untyped calls stand in this file.

A *context* has a key-value cache of cells. A cell holds one token at one position and belongs to
any number of *sequences*; a token attends to the cells of its own sequence that are not after it.
With `kv_unified` all sequences share the cells, so copying a sequence copies nothing: it adds a
number to a set. With `swa_full` the cache of a sliding-window layer keeps what has left the window,
so that a sequence may be forked at any of its positions.

llama.cpp writes its log to standard error; once it is used from here, its errors are kept instead,
and quoted in ours. Damaged files can abort the process: check a file before it comes here.
"""

from __future__ import annotations

import ctypes
import importlib
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import MissingExtraError, ModelError

_GGML_F32 = 0
_ERROR_LEVEL = 3
NO_ROOM = 1
"""What `llama_decode` returns when the cache has no cells left; it has then changed nothing."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A token of a batch.

    Attributes:
        token: its id.
        position: how many tokens precede it.
        sequences: those that it belongs to; they must hold the same tokens before it.
        wanted: whether the log-probabilities after it are to be returned.
    """

    token: int
    position: int
    sequences: Sequence[int]
    wanted: bool


class NoRoomError(Exception):
    """The cache has no cells left for a batch; nothing was changed."""


@cache
def _library() -> Any:
    try:
        library: Any = importlib.import_module("llama_cpp")
    except (ImportError, OSError, RuntimeError) as error:  # no package, or no usable shared library
        raise MissingExtraError(
            f"the llama.cpp backend needs llama-cpp-python ({error})", extra="llamacpp"
        ) from error
    _LOG.attach(library)
    library.llama_backend_init()
    return library


class _Log:
    """Takes llama.cpp's messages, for the whole process and for good: keeps errors, drops the rest.

    Its threads and destructors write, too, so that there is no moment at which to give it back.
    """

    def __init__(self) -> None:
        self._errors: deque[str] = deque(maxlen=4)
        self._callback: Any = None

    def _take(self, level: int, text: bytes, _: Any) -> None:
        if level == _ERROR_LEVEL and text.strip():
            self._errors.append(text.decode("utf-8", "replace").strip())

    def attach(self, library: Any) -> None:
        """Replace what the binding has set, which prints."""
        self._callback = library.llama_log_callback(self._take)
        library.llama_log_set(self._callback, ctypes.c_void_p(0))

    def quoted(self) -> str:
        """The errors since the last time, in one line."""
        text = " / ".join(self._errors) or "llama.cpp gives no reason"
        self._errors.clear()
        return text


_LOG = _Log()


class NativeModel:
    """Weights, mapped from a GGUF file.

    Attributes:
        path: the file.
        vocab_size: columns of the logits.
        n_ctx_train: the longest context that the model was trained with.
        forkable: whether a sequence can be copied up to any position: true of attention, false of
            recurrent states.
        has_encoder: whether it is no plain causal model.
    """

    def __init__(self, path: Path, *, n_gpu_layers: int, repack: bool) -> None:
        """Load a file that has been checked.

        Args:
            path: the file.
            n_gpu_layers: how many layers to put on a GPU; -1 for all.
            repack: let llama.cpp rearrange weights for kernels that take several tokens at once.

        Raises:
            MissingExtraError: llama-cpp-python is not installed.
            ModelError: llama.cpp refuses the file.
        """
        library = _library()
        self.path = path
        options = library.llama_model_default_params()
        options.n_gpu_layers = n_gpu_layers
        options.use_extra_bufts = repack
        handle = library.llama_model_load_from_file(str(path).encode(), options)
        if not handle:
            raise ModelError(
                f"{path}: llama.cpp cannot load it ({_LOG.quoted()}); use a version of "
                "llama-cpp-python that knows this architecture, or the transformers backend"
            )
        self.handle: Any = handle
        weakref.finalize(self, library.llama_model_free, handle)
        self.vocab_size = int(library.llama_vocab_n_tokens(library.llama_model_get_vocab(handle)))
        self.n_ctx_train = int(library.llama_model_n_ctx_train(handle))
        recurrent = library.llama_model_is_recurrent(handle)
        self.forkable = not (recurrent or library.llama_model_is_hybrid(handle))
        self.has_encoder = bool(library.llama_model_has_encoder(handle))


def _free(library: Any, batch: Any, handle: Any) -> None:
    library.llama_batch_free(batch)
    library.llama_free(handle)


class NativeContext:
    """A cache of cells, and what is evaluated into it. Not thread-safe.

    Attributes:
        n_sequences: ids of sequences are 0 to n_sequences - 1.
    """

    def __init__(
        self, model: NativeModel, *, n_cells: int, n_sequences: int, n_batch: int, threads: int
    ) -> None:
        """Allocate the cache, keys and values in float32.

        Raises:
            ModelError: llama.cpp cannot, for want of memory mostly.
        """
        library = self._library = _library()
        self._model = model  # must outlive the context
        self.n_sequences = n_sequences
        options = library.llama_context_default_params()
        options.n_ctx = n_cells
        n_batch = max(n_batch, n_sequences)  # llama.cpp aborts where it is the smaller one
        options.n_batch = options.n_ubatch = n_batch
        options.n_seq_max = n_sequences
        options.n_threads = options.n_threads_batch = threads
        options.type_k = options.type_v = _GGML_F32
        options.kv_unified = options.swa_full = options.no_perf = True
        handle = library.llama_init_from_model(model.handle, options)
        if not handle:
            raise ModelError(
                f"{model.path}: llama.cpp cannot make a context of {n_cells} tokens "
                f"({_LOG.quoted()}); pass a smaller n_ctx"
            )
        self._handle: Any = handle
        self._memory: Any = library.llama_get_memory(handle)
        self._batch: Any = library.llama_batch_init(n_batch, 0, n_sequences)
        self._n_batch = n_batch
        weakref.finalize(self, _free, library, self._batch, handle)

    def decode(self, entries: Sequence[Entry]) -> NDArray[np.float32]:
        """Evaluate tokens in one pass.

        Returns:
            float32 (number of wanted entries, model.vocab_size), nats, in the order of entries.

        Raises:
            NoRoomError: there are not enough free cells.
            ModelError: llama.cpp failed; what the cache holds is then undefined.
        """
        assert 0 < len(entries) <= self._n_batch
        batch = self._batch
        batch.n_tokens = len(entries)
        for k, entry in enumerate(entries):
            batch.token[k] = entry.token
            batch.pos[k] = entry.position
            batch.n_seq_id[k] = len(entry.sequences)
            for j, sequence in enumerate(entry.sequences):
                batch.seq_id[k][j] = sequence
            batch.logits[k] = entry.wanted
        status = self._library.llama_decode(self._handle, batch)
        if status == NO_ROOM:
            raise NoRoomError
        if status:
            raise ModelError(
                f"{self._model.path}: llama.cpp failed on {len(entries)} tokens with status "
                f"{status} ({_LOG.quoted()})"
            )
        wanted = [k for k, entry in enumerate(entries) if entry.wanted]
        rows = np.empty((len(wanted), self._model.vocab_size), dtype=np.float32)
        for row, k in zip(rows, wanted, strict=True):
            logits = self._library.llama_get_logits_ith(self._handle, k)
            row[:] = np.ctypeslib.as_array(logits, row.shape)
            row -= row.max()
            row -= np.log(np.exp(row).sum(dtype=np.float64))
        return rows

    def copy(self, source: int, target: int, end: int) -> None:
        """Let `target`, which must be empty, share the positions of `source` before `end`."""
        if end > 0:
            self._library.llama_memory_seq_cp(self._memory, source, target, 0, end)

    def truncate(self, sequence: int, start: int) -> bool:
        """Drop a sequence's positions from `start` on; False if the model's cache cannot."""
        return bool(self._library.llama_memory_seq_rm(self._memory, sequence, start, -1))

    def clear(self) -> None:
        """Drop everything."""
        self._library.llama_memory_clear(self._memory, False)
