"""`TransformersLM`: a causal model of Hugging Face transformers as a `TokenLM`.

What precedes the text, and what ends it: see `tokkit.bytelm.token_models.starting_ids`.

Vocabularies. A model often has more columns than its tokenizer has ids (padding to a round
number). Such columns stay in the softmax and are then cut off, so that rows may sum to slightly
less than 1: the numbers are those of the model as it is. Fewer columns than ids, or many more,
mean that model and tokenizer do not belong together.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch

from tokkit.arguments import check_flags, check_name, check_whole
from tokkit.bytelm.token_models.protocol import SessionLM
from tokkit.bytelm.token_models.starting_ids import boundary_ids
from tokkit.bytelm.token_models.tokenizer_option import check_columns, check_tokenizer
from tokkit.bytelm.token_models.transformers.backbone import Backbone
from tokkit.bytelm.token_models.transformers.trial.self_check import Choice, find_way
from tokkit.bytelm.token_models.transformers.trial.ways import (
    WAYS,
    Evaluator,
    TransformersSession,
    Way,
)
from tokkit.bytelm.token_models.transformers.whole_model import WholeModel
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.text.tokenizer import TextTokenizer


class TransformersLM(SessionLM):
    """A causal model with its tokenizer. Puts the model into evaluation mode.

    Args:
        model: from `AutoModelForCausalLM`, or any model with its interface.
        tokenizer: whose ids the model reads.
        bos_ids: ids that precede every text, in place of the default; see there.
        eos_ids: ids that end a text, in place of the tokenizer's; may be empty.
        max_batch_tokens: tokens in one forward pass; bounds memory, changes no result.
        name: for messages; default, what the configuration says.
        self_check: find out by small trials which way of evaluation gives what plain passes give,
            and refuse a model that is not causal (see
            `tokkit.bytelm.token_models.transformers.trial.self_check`). Without it the fastest way
            that the configuration seems to permit is taken, right or wrong.
        way: take this way, if it is right for the model. In half precision it may round by more
            than is permitted by default (see
            `tokkit.bytelm.token_models.transformers.trial.half_precision`).

    Attributes:
        name: for messages.
        way: how contexts are evaluated: `tree`, `states`, `steps` or `passes`, from fast to slow
            (see `tokkit.bytelm.token_models.transformers.trial.ways`).
        rejected_ways: for each faster way, why it is not right for this model.

    Raises:
        ArgumentError: there is no such `way`.
        ModelError: the vocabularies do not fit, there is nothing to start from, a plain pass fails
            or tells nothing.
        UnsupportedError: the model is not causal, or `way` is not right for it.
        EncodingError: `bos_ids` or `eos_ids` outside the vocabulary.
    """

    def __init__(
        self,
        model: Any,
        tokenizer: TextTokenizer,
        *,
        bos_ids: Sequence[int] | int | None = None,
        eos_ids: Sequence[int] | int | None = None,
        max_batch_tokens: int = 512,
        name: str | None = None,
        self_check: bool = True,
        way: Way | None = None,
    ) -> None:
        if way is not None and way not in WAYS:
            raise ArgumentError(f"way is {way!r}, expected one of {', '.join(WAYS)}")
        if not callable(getattr(model, "forward", None)):
            raise ArgumentError(f"expected a model of transformers, got {model!r:.60}")
        check_tokenizer(tokenizer)
        check_whole("max_batch_tokens", max_batch_tokens, 1)
        check_name(name)
        check_flags(self_check=self_check)
        self._model = model.eval()
        self.tokenizer = tokenizer
        self.name = name or getattr(model.config, "_name_or_path", "") or type(model).__name__
        self._whole = WholeModel(model, name=self.name)
        columns = min(self._whole.n_logits, self._whole.n_embeddings)
        check_columns(self.name, columns, self.vocab_size)
        self.bos_ids, self.eos_ids = boundary_ids(
            tokenizer, bos_ids=bos_ids, eos_ids=eos_ids, name=self.name, config=self._whole.config
        )
        backbone, why = _backbone(model, self.name)
        self._evaluator = Evaluator(
            self._whole, backbone, self.bos_ids, tokenizer.vocab_size, max_batch_tokens
        )
        self._backbone = backbone
        if self_check:
            choice = find_way(self._evaluator, why, way)
        elif way == "tree" and backbone is None:
            raise UnsupportedError(f"{self.name}: way='tree' is not possible: {why}")
        else:
            choice = Choice(way or ("states" if backbone is None else "tree"))
        self.way: Way = choice.way
        self.rejected_ways = choice.rejected

    def __repr__(self) -> str:
        return f"TransformersLM({self.name!r}, way={self.way!r})"

    @property
    def runs_alongside(self) -> bool:
        """Whether another model can compute at the same time, as far as processors go."""
        on_cpu = self._whole.device.type == "cpu"
        return on_cpu and 2 * torch.get_num_threads() <= (os.cpu_count() or 1)

    @property
    def shared_parts(self) -> tuple[object, ...]:
        """What another `TransformersLM` may have been made of, too."""
        return (self._model,)

    @property
    def max_context(self) -> int | None:
        """The longest context, BOS not counted; None where the model sets no limit."""
        limit = self._whole.max_positions
        return None if limit is None else limit - len(self.bos_ids)

    def session(self) -> TransformersSession:
        """A new tree of contexts with a cache of its own."""
        return self._evaluator.open(self.way)


def _backbone(model: Any, name: str) -> tuple[Backbone | None, str]:
    """The halves of a model where it has two, else why not."""
    try:
        return Backbone(model, name=name), ""
    except (ModelError, UnsupportedError) as error:
        return None, str(error)
