"""`ByteLevelCausalLM`: a byte-level model, or an ensemble of several, as a model of transformers.

The logits are next-byte log-probabilities, already normalised: `softmax(logits)` is what
`ByteModel.next_byte_logprobs` gives, under the semantics of the model behind it (for `ByteLM`,
canonical unless told otherwise). Generation, its logits processors, stopping criteria and beams are
those of transformers. Where it deviates from an ordinary causal model:

- The symbols are bytes, end of text, and the blank (`tokkit.hf.symbols`).
- There are no weights here: the models behind the view keep theirs, and a saved view names them.
  Nothing can be trained through it.
- Generation samples from the whole distribution unless told otherwise (`top_k=0`, where
  transformers' own default is 50).
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import (
    GenerationConfig,
    GenerationMixin,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedModel,
    StoppingCriteriaList,
)
from transformers.modeling_outputs import CausalLMOutputWithPast

from tokkit.arguments import check_kind, check_real
from tokkit.bytelm.byte_lm import Encodings
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.ensemble import ByteEnsemble, Combine
from tokkit.bytelm.loading import load_lm
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.files.sources import full_name
from tokkit.hf.cache import ByteCache
from tokkit.hf.configuration import SOURCE_OPTIONS, ByteLevelConfig
from tokkit.hf.generation_options import StopStrings, refuse_options
from tokkit.hf.symbols import BLANK_ID, END_ID, VOCAB_SIZE

IGNORED_LABEL = -100
_IMPLIED = {"cache_position", "position_ids", "tokenizer"}  # what generation passes on to anyone
_HUB_OPTIONS = {
    *("adapter_kwargs", "cache_dir", "code_revision", "force_download", "local_files_only"),
    *("resume_download", "revision", "subfolder", "token", "trust_remote_code"),
    *("_commit_hash", "_from_auto", "_from_pipeline"),
}


class ByteLevelCausalLM(PreTrainedModel, GenerationMixin):
    """A byte-level model behind the interface of transformers; for inference only.

    Attributes:
        config: what the view is.
        byte_model: the model behind it.
    """

    config_class = ByteLevelConfig
    config: ByteLevelConfig
    main_input_name = "input_ids"
    base_model_prefix = ""
    _is_stateful = True  # the cache cannot be rolled back: no assisted generation

    def __init__(self, config: ByteLevelConfig, byte_model: ByteModel | None = None) -> None:
        """Look through a model.

        Args:
            config: what the view is.
            byte_model: the model; by default, the sources of the configuration are loaded.

        Raises:
            ArgumentError: neither a model nor a source.
            TokkitError: see `tokkit.load_lm`.
        """
        super().__init__(config)
        self.byte_model = byte_model if byte_model is not None else load_sources(config)
        # Says where the logits go; the models behind the view stay where they were loaded.
        self.register_buffer("_place", torch.empty(0, device="cpu"), persistent=False)
        self.generation_config = GenerationConfig(
            bos_token_id=BLANK_ID, eos_token_id=END_ID, pad_token_id=BLANK_ID
        )
        self.post_init()
        self.eval()

    # -- loading and saving --------------------------------------------------------------------

    @classmethod
    def wrap(cls, byte_model: ByteModel, *, logits_dtype: str = "float32") -> Self:
        """A view of a model in memory; it cannot be saved.

        Args:
            byte_model: a `ByteLM`, a `ByteEnsemble`, or any other.
            logits_dtype: `float32` or `float64`.
        """
        check_model(byte_model)
        return cls(ByteLevelConfig(logits_dtype=logits_dtype), byte_model)

    @classmethod
    def from_source(
        cls,
        source: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
        *,
        encodings: Encodings = "canonical",
        combine: Combine = "mixture",
        weights: Sequence[float] | None = None,
        logits_dtype: str = "float32",
        **options: Any,
    ) -> Self:
        """Load one model, or several as an ensemble.

        Args:
            source: what `tokkit.load_lm` loads, or a list of such.
            encodings: see `tokkit.ByteLM`.
            combine: see `tokkit.ByteEnsemble`.
            weights: see `tokkit.ByteEnsemble`.
            logits_dtype: `float32` or `float64`.
            **options: see `tokkit.load_lm`; they are those of every source.

        Raises:
            TokkitError: see `tokkit.load_lm`.
        """
        single = isinstance(source, (str, os.PathLike))
        check_kind(source, Iterable if not single else object, "source", "pass a path or a name")
        places = [full_name(part) for part in ([source] if single else source)]
        tolerance = check_real("tolerance", options.pop("tolerance", 0.0))
        if weights is not None:
            check_kind(weights, Iterable, "weights")
            weights = [check_real("each of weights", weight) for weight in weights]
        config = ByteLevelConfig(
            source=places[0] if single else places,
            encodings=encodings,
            tolerance=tolerance,
            combine=combine,
            weights=weights,
            source_options={k: options.pop(k) for k in SOURCE_OPTIONS if k in options} or None,
            logits_dtype=logits_dtype,
        )
        return cls(config, load_sources(config, **options))

    @classmethod
    def from_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        cls,
        pretrained_model_name_or_path: str | os.PathLike[str],
        *,
        config: ByteLevelConfig | None = None,
        **options: Any,
    ) -> Self:
        """Load a saved view: its configuration, and then the sources that it names.

        Args:
            pretrained_model_name_or_path: the folder that `save_pretrained` wrote.
            config: in place of the one in the folder.
            **options: how the sources run; see `tokkit.load_lm` (`threads`, `device`, `dtype`,
                `allow_download`, …). Unless `allow_download=True`, nothing is downloaded. A `dtype`
                of "auto" is that of the configuration.

        Raises:
            TokkitError: see `tokkit.load_lm`.
        """
        hub = {key: options.pop(key) for key in _HUB_OPTIONS & options.keys()}
        if config is None:
            hub = {key: hub[key] for key in ("revision", "subfolder", "token") if key in hub}
            hub["local_files_only"] = not options.get("allow_download", False)
            config = ByteLevelConfig.from_pretrained(pretrained_model_name_or_path, **hub)
        options = {key: value for key, value in options.items() if value is not None}
        options["dtype"] = str(options.get("dtype", "auto")).removeprefix("torch.")
        if options["dtype"] == "auto":
            del options["dtype"]
        moved = {key: options.pop(key) for key in SOURCE_OPTIONS if key in options}
        if moved:
            config.source_options = {**(config.source_options or {}), **moved}
        return cls(config, load_sources(config, **options))

    def save_pretrained(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, save_directory: str | os.PathLike[str], **options: Any
    ) -> None:
        """Write what the view is: its configuration, which names the models. No weights.

        Args:
            save_directory: made if it is not there.
            **options: of transformers; those about weights have no meaning here.

        Raises:
            ArgumentError: the view is of a model in memory, which has no name.
            UnsupportedError: `push_to_hub=True`.
        """
        if options.get("push_to_hub"):
            raise UnsupportedError("save_pretrained does not upload; call model.push_to_hub(...)")
        if not self.config.sources:
            raise ArgumentError(
                f"{self.byte_model.name} is a model in memory, and a saved view only names models; "
                "make the view with ByteLevelCausalLM.from_source"
            )
        Path(save_directory).mkdir(parents=True, exist_ok=True)
        self.config.architectures = [type(self).__name__]
        self.config.save_pretrained(save_directory)
        self.generation_config.save_pretrained(save_directory)

    # -- the model -----------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where generation puts its inputs; the models behind have devices of their own."""
        return cast(torch.Tensor, self._place).device

    @property
    def dtype(self) -> torch.dtype:
        """Of the logits."""
        return torch.float64 if self.config.logits_dtype == "float64" else torch.float32

    def forward(
        self,
        input_ids: torch.Tensor,
        attention_mask: torch.Tensor | None = None,
        past_key_values: ByteCache | None = None,
        labels: torch.Tensor | None = None,
        use_cache: bool | None = None,
        logits_to_keep: int = 0,
        return_dict: bool | None = None,
        **unsupported: Any,
    ) -> CausalLMOutputWithPast | tuple[Any, ...]:
        """Next-byte log-probabilities after every symbol.

        Args:
            input_ids: int (batch, length), 0 to 257: bytes, end of text, blanks.
            attention_mask: (batch, at least length), 0 where a symbol is to be treated as a blank;
                the last `length` columns are those of `input_ids`.
            past_key_values: what an earlier call returned; it is changed in place. `input_ids` then
                are the symbols after it.
            labels: int (batch, length), usually the `input_ids`; blanks and -100 are left out.
            use_cache: whether to return the cache.
            logits_to_keep: 1 computes the last position only; all rows then share one call of each
                model. 0 gives all positions, each row in one pass.
            return_dict: False for a tuple.
            **unsupported: refused by name, unless None or False.

        Returns:
            `logits`: (batch, length or logits_to_keep, 258), nats, in the dtype of the
            configuration. After end of text, or bytes that the model gives no mass, only the blank
            is possible. `loss`: the mean of -log P, nats, of `labels[:, 1:]` after `input_ids[:,
            :-1]`; NaN if there is none. `past_key_values`: a `ByteCache`.

        Raises:
            ArgumentError: inputs of the wrong shape or type.
            UnsupportedError: an argument that means nothing here.
            ModelError: a model behind the view returned NaN.
        """
        _refuse(unsupported)
        symbols = _symbols(input_ids, attention_mask)
        cache = self._cache(past_key_values, len(symbols))
        if logits_to_keep == 1 and labels is None and input_ids.shape[1]:
            scored = cache.push(symbols)
        else:
            scored = cache.score(symbols)
        loss = None if labels is None else self._loss(scored, labels, input_ids)
        if logits_to_keep:
            scored = scored[:, -logits_to_keep:]
        use_cache = self.config.use_cache if use_cache is None else use_cache
        output = CausalLMOutputWithPast(
            loss=cast(Any, loss),
            logits=cast(Any, torch.from_numpy(scored).to(input_ids.device, self.dtype)),
            past_key_values=cache if use_cache else None,
        )
        return cast(Any, output.to_tuple()) if return_dict is False else output

    def _cache(self, past: ByteCache | None, batch_size: int) -> ByteCache:
        if past is None:
            return ByteCache.open(self.byte_model, batch_size)
        if not isinstance(past, ByteCache):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ArgumentError(
                f"past_key_values must be what this model returned, got {type(past).__name__}"
            )
        if not all(self.byte_model.may_have_opened(row.state) for row in past.rows):
            raise ArgumentError(
                f"past_key_values are of another model than {self.byte_model.name}; pass what this "
                "one returned, or none"
            )
        if len(past.rows) != batch_size:
            raise ArgumentError(
                f"input_ids have {batch_size} rows and past_key_values {len(past.rows)}"
            )
        return past

    def _loss(
        self, scored: NDArray[np.float64], labels: torch.Tensor, input_ids: torch.Tensor
    ) -> torch.Tensor:
        """Mean of -log P over the labels, shifted by one."""
        if labels.shape != input_ids.shape:
            raise ArgumentError(
                f"labels must have the shape of input_ids, {tuple(input_ids.shape)}; got "
                f"{tuple(labels.shape)}"
            )
        targets = labels.cpu().numpy()[:, 1:].astype(np.int64)
        counted = (targets != IGNORED_LABEL) & (targets != BLANK_ID)
        chosen = targets[counted]
        if ((chosen < 0) | (chosen > END_ID)).any():
            raise ArgumentError(
                f"labels must be between 0 and {BLANK_ID}, or {IGNORED_LABEL}; got "
                f"{chosen[(chosen < 0) | (chosen > END_ID)][0]}"
            )
        steps = scored[:, :-1][counted][np.arange(len(chosen)), chosen]
        mean = -float(steps.mean()) if len(steps) else float("nan")
        return torch.tensor(mean, dtype=self.dtype, device=input_ids.device)

    # -- generation ----------------------------------------------------------------------------

    @classmethod
    def _supports_default_dynamic_cache(cls) -> bool:  # pyright: ignore[reportIncompatibleMethodOverride]
        """No: the first call makes the cache."""
        return False

    def generate(  # pyright: ignore[reportIncompatibleMethodOverride]
        self,
        inputs: torch.Tensor | None = None,
        generation_config: GenerationConfig | None = None,
        logits_processor: Sequence[Any] | None = None,
        **options: Any,
    ) -> Any:
        """Generate bytes; see `transformers.GenerationMixin.generate`.

        `max_new_tokens` counts bytes. Prompts may be empty. `stop_strings` may hold any characters
        or bytes, and need no tokenizer.

        Args:
            inputs: int (batch, length), the prompts; rows are filled up with blanks on either side.
            generation_config: see there.
            logits_processor: see there.
            **options: see there.

        Raises:
            ModelError: the model gives a prompt no mass, a prompt has ended, or nothing is left of
                what may follow it.
            UnsupportedError: a way to generate that a byte-level view cannot do.
            ArgumentError: stop strings that are none.
        """
        name = "input_ids" if inputs is None else "inputs"
        prompts = inputs if inputs is not None else options.get("input_ids")
        if prompts is not None and prompts.ndim == 2 and not prompts.shape[1]:
            options[name] = prompts.new_full((len(prompts), 1), BLANK_ID)
            options["attention_mask"] = torch.ones_like(options[name])
        elif inputs is not None:
            options["inputs"] = inputs
        config = cast(Any, deepcopy(generation_config or self.generation_config))
        refuse_options(options, config)
        samples = options.get("do_sample", config.do_sample)
        if config.top_k is None and "top_k" not in options and samples:
            config.top_k = 0
        stops = options.pop("stop_strings", config.stop_strings)
        config.stop_strings = None
        if stops is not None:
            criteria = options.pop("stopping_criteria", None) or ()
            options["stopping_criteria"] = StoppingCriteriaList([*criteria, StopStrings(stops)])
        processors = LogitsProcessorList([*(logits_processor or ()), _OnlyBlanksFollow()])
        return cast(Any, super()).generate(
            generation_config=config, logits_processor=processors, **options
        )


class _OnlyBlanksFollow(LogitsProcessor):
    """Lets blanks follow where nothing else can; refuses prompts that nothing can follow."""

    def __init__(self) -> None:
        self._prompted = False

    def __call__(self, input_ids: torch.Tensor, scores: torch.Tensor) -> torch.Tensor:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Scores (rows, 258), with the blank at 0 in rows that have no other choice."""
        del input_ids
        stuck = scores[:, :BLANK_ID].amax(dim=1) == -torch.inf
        if not self._prompted and bool(stuck.any()):
            raise ModelError(
                f"nothing can follow prompt {int(stuck.nonzero()[0])}: it holds bytes that the "
                "vocabulary cannot express, or an end of text, or a logits processor forbids all "
                "that the model gives any mass; remove them"
            )
        self._prompted = True
        return torch.where(
            stuck[:, None] & (torch.arange(VOCAB_SIZE, device=scores.device) == BLANK_ID),
            torch.zeros_like(scores),
            scores,
        )


def load_sources(config: ByteLevelConfig, **options: Any) -> ByteModel:
    """The model that a configuration names.

    Args:
        config: its sources are loaded, with its own options.
        **options: see `tokkit.load_lm`.

    Raises:
        ArgumentError: the configuration names nothing.
        TokkitError: see `tokkit.load_lm`.
    """
    if not config.sources:
        raise ArgumentError(
            "the configuration names no source; use ByteLevelCausalLM.from_source(...) or "
            "ByteLevelCausalLM.wrap(byte_model)"
        )
    options = {**(config.source_options or {}), **options}
    members = [
        load_lm(
            source,
            encodings=cast(Encodings, config.encodings),
            tolerance=config.tolerance,
            **options,
        )
        for source in config.sources
    ]
    if isinstance(config.source, str):
        return members[0]
    return ByteEnsemble(members, weights=config.weights, combine=cast(Combine, config.combine))


def _refuse(unsupported: dict[str, Any]) -> None:
    for name, value in unsupported.items():
        if value is not None and value is not False and name not in _IMPLIED:
            raise UnsupportedError(
                f"{name} means nothing to a byte-level view; leave it out (there are no "
                "embeddings, attentions or hidden states to give)"
            )


def _symbols(input_ids: torch.Tensor, mask: torch.Tensor | None) -> list[list[int]]:
    """The rows as symbols, with blanks where they are masked.

    Raises:
        ArgumentError: wrong shape, type or range.
    """
    if input_ids.ndim != 2 or input_ids.is_floating_point() or not len(input_ids):
        raise ArgumentError(
            f"input_ids must be integers of shape (batch, length), batch at least 1; got "
            f"{input_ids.dtype} {tuple(input_ids.shape)}"
        )
    n_rows, length = input_ids.shape
    if length and (int(input_ids.min()) < 0 or int(input_ids.max()) >= VOCAB_SIZE):
        raise ArgumentError(
            f"input_ids must be between 0 and {BLANK_ID} (bytes, {END_ID} for end of text, "
            f"{BLANK_ID} for the blank); got {int(input_ids.min())} to {int(input_ids.max())}"
        )
    if mask is not None:
        if mask.ndim != 2 or len(mask) != n_rows or mask.shape[1] < length:
            raise ArgumentError(
                f"attention_mask must have shape ({n_rows}, {length} or more), got "
                f"{tuple(mask.shape)}"
            )
        kept = mask[:, mask.shape[1] - length :].to(input_ids.device) != 0
        input_ids = torch.where(kept, input_ids, BLANK_ID)
    return cast(list[list[int]], input_ids.tolist())
