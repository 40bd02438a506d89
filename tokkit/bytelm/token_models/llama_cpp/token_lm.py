"""`LlamaCppLM`: a GGUF model evaluated by llama.cpp, as a `TokenLM`.

The weights stay quantised: a model takes as much memory as its file, and needs no torch. The
tokenizer is tokkit's own, read from the same file.

What the numbers are. llama.cpp multiplies quantised weights with activations that it quantises to
8 bits on the way, so its log-probabilities are not those of the dequantised model that
`TransformersLM` runs in float32. They are those of a slightly different model, and every law of
`ByteLM` holds for it. docs/backends.md gives the measured differences.

Rounding. The same context does not get the same bits twice: kernels round differently for passes of
other sizes, sums over the cache depend on where its cells lie, and the quantisation of activations
magnifies both. So a text that is scored at once and the same text read byte by byte differ by more
than float32 would explain (docs/backends.md has figures), and the chain rule across calls holds to
that noise only. Within one call of `logprob` or `byte_logprobs` it holds to rounding. Weights are
not repacked and passes are short (`max_batch_tokens`), which keeps the noise smaller.

The cache. `TreeSession` (tokkit.bytelm.token_models.llama_cpp.sessions) shares one cache among all
branches, for models with full or sliding-window attention. Recurrent and hybrid models get a
`LinearSession`, which evaluates each context from the longest prefix that it shares with the one
before.
"""

from __future__ import annotations

import os
import weakref
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import MAX_THREADS, check_flags, check_kind, check_name, check_whole
from tokkit.bytelm.token_models.llama_cpp.native import NativeContext, NativeModel
from tokkit.bytelm.token_models.llama_cpp.sessions import LinearSession, SessionLimits, TreeSession
from tokkit.bytelm.token_models.protocol import SessionLM
from tokkit.bytelm.token_models.starting_ids import boundary_ids
from tokkit.bytelm.token_models.tokenizer_option import check_columns, given_tokenizer
from tokkit.errors import UnsupportedError
from tokkit.files.gguf_layout import read_layout, require_gguf
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

MAX_SEQUENCES = 256
"""llama.cpp's own limit, `LLAMA_MAX_SEQ`."""
_SPARE_CELLS = 256
"""Cells beyond the longest context, for the branches beside it."""
_MAX_IDLE = 2
"""Contexts that are kept for the next session."""
_SIMILAR = 0.05
"""Rounding and quantised activations change probabilities by less, a wrong mask by more."""


@dataclass(frozen=True)
class LlamaCppOptions:
    """How llama.cpp evaluates.

    Attributes:
        n_ctx: the longest context, BOS included; at most what the model was trained with is used.
            Each session that is alive has a cache of this size.
        threads: default, as many as there are processors.
        n_gpu_layers: layers on a GPU, if llama.cpp was built for one; -1 for all.
        max_sequences: leaves of a tree of contexts that are kept at once, 2 to 256; fewer cost
            less memory, and more work where many branches are alive.
        max_batch_tokens: tokens in one pass. More are faster on long texts, and noisier.
        self_check: compare a tiny tree with plain passes, so that a model whose cache cannot be
            shared is refused rather than wrong.

    Raises:
        ArgumentError: a value out of range.
    """

    n_ctx: int = 2048
    threads: int | None = None
    n_gpu_layers: int = 0
    max_sequences: int = 64
    max_batch_tokens: int = 4
    self_check: bool = True

    def __post_init__(self) -> None:
        """Check the ranges."""
        check_flags(self_check=self.self_check)
        for name, low, high in (
            ("n_ctx", 8, 1 << 24),
            ("threads", 1, MAX_THREADS),
            ("n_gpu_layers", -1, 1 << 16),
            ("max_sequences", 2, MAX_SEQUENCES),
            ("max_batch_tokens", 1, 4096),
        ):
            if getattr(self, name) is not None or name != "threads":
                check_whole(name, getattr(self, name), low, high)


class LlamaCppLM(SessionLM):
    """A GGUF model run by llama.cpp.

    Args:
        path: a GGUF file. It is checked by tokkit's own readers before llama.cpp sees it.
        tokenizer: in place of the one in the file.
        bos_ids: ids that precede every text; default, see
            `tokkit.bytelm.token_models.starting_ids`.
        eos_ids: ids that end a text, in place of the tokenizer's; may be empty.
        name: for messages; default, the file's name.
        options: see `LlamaCppOptions`.

    Raises:
        MissingExtraError: llama-cpp-python or gguf is not installed.
        FormatError: a missing, damaged or truncated file.
        ModelError: llama.cpp cannot load it, or the vocabularies do not fit.
        UnsupportedError: an encoder-decoder, or a model that failed the self-check.
        EncodingError: `bos_ids` or `eos_ids` outside the vocabulary.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        tokenizer: TextTokenizer | None = None,
        bos_ids: Sequence[int] | int | None = None,
        eos_ids: Sequence[int] | int | None = None,
        name: str | None = None,
        options: LlamaCppOptions | None = None,
    ) -> None:
        check_kind(path, (str, os.PathLike), "path")
        check_name(name)
        path = self._path = Path(path)
        self.name = name or path.name
        self.options = options or LlamaCppOptions()
        given = given_tokenizer(tokenizer)
        self.tokenizer = load_tokenizer(path, format="gguf") if given is None else given
        require_gguf(extra="llamacpp")
        read_layout(path)  # checks every length and place; llama.cpp may abort on a bad one
        self.bos_ids, self.eos_ids = boundary_ids(
            self.tokenizer, bos_ids=bos_ids, eos_ids=eos_ids, name=self.name
        )
        self._model = NativeModel(path, n_gpu_layers=self.options.n_gpu_layers, repack=False)
        if self._model.has_encoder:
            raise UnsupportedError(f"{self.name}: an encoder-decoder; expected a causal model")
        check_columns(self.name, self._model.vocab_size, self.vocab_size)
        self._idle: list[NativeContext] = []
        self._limits = SessionLimits(
            name=self.name,
            bos_ids=self.bos_ids,
            vocab_size=self.vocab_size,
            n_ctx=min(self.options.n_ctx, self._model.n_ctx_train or self.options.n_ctx),
            max_batch_tokens=self.options.max_batch_tokens,
        )
        if self.options.self_check and self._model.forkable:
            self._self_check()

    def __repr__(self) -> str:
        return f"LlamaCppLM({self.name!r}, {self.vocab_size} ids)"

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled as its file and options: another process opens the file again."""
        options = {
            "tokenizer": self.tokenizer,
            "bos_ids": self.bos_ids,
            "eos_ids": self.eos_ids,
            "name": self.name,
            "options": self.options,
        }
        return partial(type(self), **options), (self._path,)

    @property
    def max_context(self) -> int:
        """The longest context, BOS not counted."""
        return self._limits.n_ctx - len(self.bos_ids)

    def session(self) -> TreeSession | LinearSession:
        """A new tree of contexts with a cache of its own, which is reused when it is dropped."""
        return self._open(TreeSession if self._model.forkable else LinearSession)

    # -- contexts ----------------------------------------------------------------------------

    def _open(self, kind: type[TreeSession | LinearSession]) -> TreeSession | LinearSession:
        context = self._idle.pop() if self._idle else self._new_context()
        session = kind(context, self._limits)
        weakref.finalize(session, _give_back, self._idle, context)
        return session

    def _new_context(self) -> NativeContext:
        return NativeContext(
            self._model,
            n_cells=self._limits.n_ctx + _SPARE_CELLS,
            n_sequences=self.options.max_sequences if self._model.forkable else 1,
            n_batch=self.options.max_batch_tokens,
            threads=self.options.threads or os.cpu_count() or 1,
        )

    # -- checks ------------------------------------------------------------------------------

    def _probe(self, kind: type[TreeSession | LinearSession]) -> NDArray[np.float32]:
        """Probabilities after two contexts of arbitrary ids that fork.

        The ids differ, so that a cell that is seen from the wrong branch shows.
        """
        session = self._open(kind)
        ids = [k % self.vocab_size for k in (5, 11, 17, 23, 29, 31)]
        *_, trunk, _, left = session.path(session.root, ids[:5])
        right = session.extend(trunk, ids[5])
        return np.exp(np.concatenate([session.logprobs([left]), session.logprobs([right, left])]))

    def _self_check(self) -> None:
        gap = float(np.abs(self._probe(TreeSession) - self._probe(LinearSession)).max())
        if not gap <= _SIMILAR:
            raise UnsupportedError(
                f"{self.name}: llama.cpp gives other probabilities in a shared cache than in a "
                f"plain pass (they differ by {gap:.2g}); use the transformers backend"
            )


def _give_back(idle: list[NativeContext], context: NativeContext) -> None:
    if len(idle) < _MAX_IDLE:
        idle.append(context)
