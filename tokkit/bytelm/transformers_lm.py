"""`TransformersLM`: a causal model of Hugging Face transformers as a `TokenLM`.

What precedes the text, and what ends it: see `tokkit.bytelm.starting_ids`.

Vocabularies. A model often has more columns than its tokenizer has ids (padding to a round
number). Such columns stay in the softmax and are then cut off, so that rows may sum to slightly
less than 1: the numbers are those of the model as it is. Fewer columns than ids, or many more,
mean that model and tokenizer do not belong together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.kv_tree import KVTreeSession
from tokkit.bytelm.protocol import grow_contexts
from tokkit.bytelm.starting_ids import boundary_ids
from tokkit.bytelm.transformers_backbone import Backbone
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.text.tokenizer import TextTokenizer

_PROBE_TOLERANCE = {torch.float32: 1e-3, torch.float64: 1e-3}
_PROBE_TOLERANCE_HALF = 0.25


class TransformersLM:
    """A causal model with its tokenizer. Puts the model into evaluation mode.

    Args:
        model: from `AutoModelForCausalLM`, or any model with its interface.
        tokenizer: whose ids the model reads.
        bos_ids: ids that precede every text, in place of the default; see there.
        eos_ids: ids that end a text, in place of the tokenizer's; may be empty.
        max_batch_tokens: tokens in one forward pass; bounds memory, changes no result.
        name: for messages; default, what the configuration says.
        self_check: compare a tiny tree with plain forward passes, so that a model that ignores
            masks or positions, or changes its logits in a way unknown here, is refused.

    Raises:
        ModelError: the vocabularies do not fit, there is nothing to start from, or the self-check
            failed.
        UnsupportedError: the model's attention takes no tree mask.
        EncodingError: `bos_ids` or `eos_ids` outside the vocabulary.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: TextTokenizer,
        *,
        bos_ids: Sequence[int] | None = None,
        eos_ids: Sequence[int] | None = None,
        max_batch_tokens: int = 512,
        name: str | None = None,
        self_check: bool = True,
    ) -> None:
        if max_batch_tokens < 1:
            raise ArgumentError(f"max_batch_tokens is {max_batch_tokens}, expected at least 1")
        self._model = model.eval()
        self._tokenizer = tokenizer
        self._max_batch_tokens = max_batch_tokens
        self.name = name or getattr(model.config, "_name_or_path", "") or type(model).__name__
        self._backbone = Backbone(model, name=self.name)
        _check_vocabularies(self._backbone, tokenizer.vocab_size)
        config = model.config.get_text_config(decoder=True)
        self.bos_ids, self.eos_ids = boundary_ids(
            tokenizer, bos_ids=bos_ids, eos_ids=eos_ids, name=self.name, config=config
        )
        if self_check:
            self._self_check()

    @property
    def tokenizer(self) -> TextTokenizer:
        """The tokenizer whose ids the model reads and predicts."""
        return self._tokenizer

    @property
    def vocab_size(self) -> int:
        """Columns of the arrays returned: the ids of the tokenizer."""
        return self._tokenizer.vocab_size

    @property
    def runs_alongside(self) -> bool:
        """Whether another model can compute at the same time, as far as processors go."""
        on_cpu = self._backbone.device.type == "cpu"
        return on_cpu and 2 * torch.get_num_threads() <= (os.cpu_count() or 1)

    @property
    def shared_parts(self) -> tuple[object, ...]:
        """What another `TransformersLM` may have been made of, too."""
        return (self._model,)

    @property
    def max_context(self) -> int | None:
        """The longest context, BOS not counted; None where the model sets no limit."""
        limit = self._backbone.max_positions
        return None if limit is None else limit - len(self.bos_ids)

    def session(self) -> KVTreeSession:
        """A new tree of contexts with a cache of its own."""
        return KVTreeSession(
            self._backbone, self.bos_ids, self.vocab_size, max_batch_tokens=self._max_batch_tokens
        )

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """Log-probabilities of the token after each context; shared prefixes are computed once.

        Args:
            contexts: n lists of ids, without BOS.

        Returns:
            float32 (n, vocab_size), nats.

        Raises:
            EncodingError: an id outside the vocabulary.
            ModelError: a context is too long, or the model returned unusable numbers.
        """
        session = self.session()
        return session.logprobs(grow_contexts(session, contexts))

    def _self_check(self) -> None:
        """A fork below the root against two plain forward passes.

        The context ids are arbitrary; they differ, so that a swapped mask row shows.
        """
        a, b, c = (i % self.vocab_size for i in (5, 11, 17))
        session = self.session()
        trunk = session.extend(session.root, a)
        fork = [session.extend(trunk, b), session.extend(session.extend(trunk, c), a)]
        try:
            plain = [
                self._backbone.reference_logprobs([*self.bos_ids, *node.ids()], self.vocab_size)
                for node in fork
            ]
        except (RuntimeError, MemoryError, TypeError, ValueError, IndexError) as error:
            raise ModelError(
                f"{self.name}: a plain forward pass failed ({type(error).__name__}: {error})"
            ) from error
        # The second call extends a cache that the first has filled.
        tree = np.concatenate([session.logprobs(fork[:1]), session.logprobs(fork[1:])])
        probabilities = np.exp(np.stack(plain))
        gap = float(np.abs(np.exp(tree) - probabilities).max())
        tolerance = _PROBE_TOLERANCE.get(self._backbone.dtype, _PROBE_TOLERANCE_HALF)
        if not gap <= tolerance:
            raise UnsupportedError(
                f"{self.name}: {type(self._model).__name__} gives other probabilities under a tree "
                f"mask than in a plain pass (they differ by {gap:.2g}); its attention, positions "
                "or logits work in a way that tokkit does not know"
            )


def _check_vocabularies(backbone: Backbone, vocab_size: int) -> None:
    columns = min(backbone.n_logits, backbone.n_embeddings)
    mismatch = "a model whose vocabulary does not match its tokenizer"
    if columns < vocab_size:
        raise ModelError(
            f"{backbone.name}: {mismatch}: the model has {columns} ids and the tokenizer "
            f"{vocab_size}; load the tokenizer that came with the model"
        )
    if columns > vocab_size * 1.1 + 1024:
        raise ModelError(
            f"{backbone.name}: {mismatch}: the model has {columns} ids, far more than the "
            f"tokenizer's {vocab_size}; load the tokenizer that came with the model"
        )
