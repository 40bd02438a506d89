"""The byte-level models that `speed.py` compares: one adapter each, around the same torch model.

genlm-bytes comes from the package index. SewoongLab's byte-sampler is no package: set BYTE_SAMPLER
to a checkout of it. It was written for an older transformers, whose cache had `key_cache` and
`value_cache`; `_old_cache_names` gives the present one these names.
"""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from abc import ABC, abstractmethod
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, cast

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")

import numpy as np
import torch

import tokkit
from benchmarks.shared.smollm2_tokenizer import load_smollm2_tokenizer
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.encodings.canonical_state import CoverState


class MissingPeerError(Exception):
    """A peer cannot run here; the message says why, and how to install it."""


class Peer(ABC):
    """A byte-level model to be measured.

    Attributes:
        semantics: what its probabilities are of, for the table.
        modes: what is measured of it, in this order, on each text.
    """

    semantics: str
    modes: tuple[str, ...] = ("streaming",)

    @abstractmethod
    def stream(self, text: bytes) -> float:
        """Ask for the next byte at every position; log-probability of the text, nats."""

    def score(self, text: bytes) -> float:
        """Log-probability of a known text, nats, as fast as the library can."""
        return self.stream(text)

    def n_asked(self) -> int | None:
        """Token evaluations of the last run without padding, where they can be told apart."""
        return None


class Ours(Peer):
    """tokkit's canonical byte-level model."""

    def __init__(self, lm: ByteLM, *, tolerance: float = 0.0) -> None:
        self.semantics = f"canonical, tolerance {tolerance:g}" if tolerance else "canonical, exact"
        # Scoring needs no tolerance. The first time, the tables of what may follow are filled.
        first = ("streaming, new text",) if tolerance else ("scoring, new text", "scoring")
        self.modes = (*first, "streaming")
        self._lm = ByteLM(lm.token_lm, tolerance=tolerance)
        self._session: Any = None

    def stream(self, text: bytes) -> float:
        """See `Peer.stream`."""
        state = self._lm.open()
        assert isinstance(state, CoverState)
        self._session = state.session
        total = 0.0
        for k, byte in enumerate(text):
            total += float(state.logprobs()[byte])
            state.push(text[k : k + 1])
        return total

    def score(self, text: bytes) -> float:
        """See `Peer.score`."""
        state = self._lm.open()
        self._session = state.session
        rows = state.score(text)
        return float(rows[np.arange(len(text)), list(text)].sum())

    def n_asked(self) -> int | None:
        """See `Peer.n_asked`."""
        return self._session.n_evaluated


class GenlmBytes(Peer):
    """genlm-bytes: a beam over all encodings."""

    def __init__(self, model: Any, tokenizer: Any, eos: list[bytes], k: int, prune: float) -> None:
        if find_spec("genlm") is None or find_spec("genlm.bytes") is None:
            raise MissingPeerError("genlm-bytes is not installed; pip install genlm-bytes")
        backend = import_module("genlm.backend.llm.hf")
        self._genlm: Any = import_module("genlm.bytes")
        self.semantics = f"all encodings, beam of {k}" + (f", pruned at {prune}" if prune else "")
        self._llm = backend.AsyncTransformer(model, tokenizer)
        self._params = self._genlm.BeamParams(K=k, prune_threshold=prune, eos_byte_strings=eos)

    def stream(self, text: bytes) -> float:
        """See `Peer.stream`."""
        self._llm.clear_cache()
        return asyncio.run(self._stream(text))

    async def _stream(self, text: bytes) -> float:
        state: Any = await self._genlm.ByteBeamState.initial(self._llm, self._params)
        total = 0.0
        try:
            for byte in text:
                total += float((await state.logp_next()).ps[byte])
                state = await (state.prune() << byte)
                if not len(state):
                    return -np.inf
        finally:
            await state.cleanup()
        return total


class ByteSampler(Peer):
    """byte-sampler: valid covering trees, the last token's successors unmasked."""

    semantics = "valid covers, last token unmasked"

    def __init__(self, model: Any, tokenizer: Any) -> None:
        folder = os.environ.get("BYTE_SAMPLER")
        if not folder:
            raise MissingPeerError(
                "set BYTE_SAMPLER to a checkout of SewoongLab/byte-sampler, and install its "
                "dependencies: pip install pysimdjson ahocorasick-rs pyicu-wheels"
            )
        sys.path.insert(0, str(Path(folder) / "src"))
        try:
            byte_sampling: Any = import_module("byte_sampling")
        except ImportError as error:
            raise MissingPeerError(
                f"byte-sampler cannot be imported ({error}); "
                "pip install pysimdjson ahocorasick-rs pyicu-wheels"
            ) from error
        _old_cache_names()
        self._conditioning: Any = byte_sampling.ByteConditioning(model, tokenizer)

    def stream(self, text: bytes) -> float:
        """See `Peer.stream`."""
        with torch.inference_mode():
            sampler = self._conditioning.get_bytewise_sampler(batch_size=1)
            total = 0.0
            for k, byte in enumerate(text):
                total += float(torch.log_softmax(sampler.get_dists()[0], -1)[byte])
                sampler.add_context([text[k : k + 1]])
            return total


def _old_cache_names() -> None:
    """Let `DynamicCache` answer to `key_cache` and `value_cache`, which byte-sampler assigns."""
    from transformers import DynamicCache

    def names(part: str) -> property:
        def read(cache: Any) -> list[Any]:
            return [getattr(layer, part) for layer in cache.layers]

        def write(cache: Any, tensors: list[Any]) -> None:
            for layer, tensor in zip(cache.layers, tensors, strict=True):
                setattr(layer, part, tensor)

        return property(read, write)

    cache_class = cast(Any, DynamicCache)
    cache_class.key_cache = names("keys")
    cache_class.value_cache = names("values")


def transformers_tokenizer(token_lm: Any) -> Any:
    """SmolLM2's tokenizer for transformers, with the Digits pretokenizer that its GGUF drops."""
    from transformers import PreTrainedTokenizerFast

    backend = load_smollm2_tokenizer().backend_tokenizer
    with tempfile.TemporaryDirectory(prefix="tokkit-") as folder:
        backend.save(f"{folder}/tokenizer.json")
        return PreTrainedTokenizerFast(
            tokenizer_file=f"{folder}/tokenizer.json",
            bos_token=backend.id_to_token(token_lm.bos_ids[0]),
            eos_token=backend.id_to_token(token_lm.eos_ids[0]),
        )


TOLERANCE = 1e-9
PEERS = ("tokkit", "tokkit-tolerant", "tokkit-gemma3", "byte-sampler", "genlm-k5", "genlm-k10")


def open_peer(name: str) -> tuple[Peer, Any]:
    """A peer and the torch model under it; float32, one thread.

    Raises:
        MissingPeerError: it cannot run here.
    """
    model_name = "gemma3" if name == "tokkit-gemma3" else "smollm2"
    lm = tokkit.load_lm(model_name, threads=1, packed=name.startswith("tokkit"))
    token_lm: Any = lm.token_lm
    model = token_lm._model
    if name.startswith("tokkit"):
        return Ours(lm, tolerance=TOLERANCE if name == "tokkit-tolerant" else 0.0), model
    tokenizer = transformers_tokenizer(token_lm)
    if name == "byte-sampler":
        return ByteSampler(model, tokenizer), model
    eos = [tokenizer.eos_token.encode()]
    k, prune = (5, 0.05) if name == "genlm-k5" else (10, 0.0)
    return GenlmBytes(model, tokenizer, eos, k, prune), model
