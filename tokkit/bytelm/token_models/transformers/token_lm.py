"""`TransformersLM`: a causal model of Hugging Face transformers as a `TokenLM`.

What precedes the text, and what ends it: see `tokkit.bytelm.token_models.starting_ids`.

Vocabularies. A model often has more columns than its tokenizer has ids (padding to a round
number). Such columns stay in the softmax and are then cut off, so that rows may sum to slightly
less than 1: the numbers are those of the model as it is. Fewer columns than ids, or many more,
mean that model and tokenizer do not belong together.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Self

import torch

from tokkit.arguments import check_choice, check_flags, check_name, check_whole
from tokkit.bytelm.token_models.protocol import SessionLM
from tokkit.bytelm.token_models.starting_ids import boundary_ids
from tokkit.bytelm.token_models.tokenizer_option import check_columns, check_tokenizer
from tokkit.bytelm.token_models.transformers.backbone import Backbone
from tokkit.bytelm.token_models.transformers.layers.packed_linear import PackedLinear
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
        reload: loads it again from its file, for pickles; None where it came from no file.

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
        check_choice("way", way, [*WAYS, None])
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
        self.reload: Callable[..., TransformersLM] | None = None
        self._asked = (max_batch_tokens, self_check, way)
        self._choose_way(*self._asked)

    def _choose_way(self, max_batch_tokens: int, self_check: bool, way: Way | None) -> None:
        """Find out how contexts are evaluated."""
        backbone, why = _backbone(self._whole)
        self._evaluator = Evaluator(
            self._whole, backbone, self.bos_ids, self.vocab_size, max_batch_tokens
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
        dtype, device = str(self._whole.dtype).removeprefix("torch."), self._whole.device
        return (
            f"TransformersLM({self.name!r}, {dtype} on {device}, {self.vocab_size} ids, "
            f"way={self.way!r})"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickled and copied as its file, or as a model; the way is not searched again."""
        options = {
            "bos_ids": self.bos_ids,
            "eos_ids": self.eos_ids,
            "max_batch_tokens": self._asked[0],
            "name": self.name,
            "self_check": False,
            "way": self.way,
        }
        rest = {"rejected_ways": self.rejected_ways, "_asked": self._asked}
        if self.reload is not None:
            return _rebuilt, (partial(self.reload, tokenizer=self.tokenizer, **options), rest)
        return _rebuilt, (partial(type(self), self._model, self.tokenizer, **options), rest)

    def to(self, *args: Any, **options: Any) -> Self:
        """Move or convert the model in place, as `torch.nn.Module.to` does, and return this object.

        How it is evaluated is then found out again. States that were opened before are of the
        model as it was, and are refused.

        Args:
            *args: a device, a dtype, or both.
            **options: see torch.

        Raises:
            UnsupportedError: a model that was laid out for the CPU (`packed`), spread over
                devices, or one that is quantised and cannot be converted.
            ArgumentError: no such device or dtype.
        """
        if any(isinstance(module, PackedLinear) for module in self._model.modules()):
            raise UnsupportedError(
                f"{self.name}: laid out for float32 on the CPU, and cannot be moved or converted; "
                "load it with packed=False, or with the device and dtype that are wanted"
            )
        if self._whole.is_spread:
            raise UnsupportedError(f"{self.name}: spread by device_map, and cannot be moved")
        try:
            self._model.to(*args, **options)
        except ValueError as error:  # what transformers says of quantised weights
            raise UnsupportedError(f"{self.name}: {error}") from error
        except (RuntimeError, AssertionError, TypeError) as error:
            raise ArgumentError(f"{self.name}: cannot be moved there: {error}") from error
        self.reload = None
        for stale in (self._whole, self._backbone):
            if stale is not None:
                stale.moved = True
        self._whole = WholeModel(self._model, name=self.name)
        self._choose_way(*self._asked)
        return self

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
    def row_cost(self) -> float:
        """What a further context adds to a pass, as a share of it, as a first guess."""
        return 0.06 if self.way == "tree" else 1.0

    @property
    def max_context(self) -> int | None:
        """The longest context, BOS not counted; None where the model sets no limit."""
        limit = self._whole.max_positions
        return None if limit is None else limit - len(self.bos_ids)

    def session(self) -> TransformersSession:
        """A new tree of contexts with a cache of its own."""
        return self._evaluator.open(self.way)


def _rebuilt(make: Callable[[], TransformersLM], rest: dict[str, Any]) -> TransformersLM:
    """What was pickled, as it was."""
    lm = make()
    vars(lm).update(rest)
    return lm


def _backbone(whole: WholeModel) -> tuple[Backbone | None, str]:
    """The halves of a model where it has two, else why not."""
    if whole.is_spread:
        return None, "its layers are on several devices"
    try:
        return Backbone(whole.model, name=whole.name), ""
    except (ModelError, UnsupportedError) as error:
        return None, str(error)
