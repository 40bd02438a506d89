"""Byte-level models in the lm-evaluation-harness: the model `tokkit` (extra `harness`).

Everything is over bytes, under the semantics of the model (for `ByteLM`, canonical unless told
otherwise). So models with different vocabularies, and ensembles of them, answer the same question:

- `loglikelihood`: log P(continuation | context), nats, of the UTF-8 bytes. A continuation needs no
  space of its own, and context and continuation may meet anywhere.
- `loglikelihood_rolling`: log P(text ...), nats: that a text begins so. The harness makes
  `bits_per_byte`, `byte_perplexity` and `word_perplexity` of it.
- `generate_until`: a continuation; **`max_gen_toks` and its other names count bytes**.

Within a call, what all contexts begin with is evaluated once (chats each from their beginning),
each context once, and each continuation in one pass. The harness finds the model by its name once
this module is imported; `python -m tokkit.harness run --model tokkit ...` is the command
`lm-eval` with it imported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar, cast

import numpy as np

from tokkit.arguments import as_bytes, refuse_unknown
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.bytelm.ensemble import ByteEnsemble, Combine
from tokkit.bytelm.loading import load_lm
from tokkit.errors import ArgumentError, MissingExtraError, UnsupportedError
from tokkit.text.chat.chat_text import ChatText, chat_text, refuse_lost_chat
from tokkit.text.chat.prompt import find_template

try:
    from lm_eval.api.model import LM
    from lm_eval.api.registry import (
        register_model,  # pyright: ignore[reportUnknownVariableType]
    )
    from tqdm import tqdm
except ModuleNotFoundError as error:
    raise MissingExtraError(
        f"the evaluation harness is not installed ({error})", extra="harness"
    ) from error

T = TypeVar("T")

DEFAULT_MAX_BYTES = 256
_OF_LOADING = ("encodings", "tolerance", "dtype", "threads", "allow_download")
_LENGTHS = ("max_gen_toks", "max_new_tokens", "max_tokens", "max_completion_tokens", "max_length")
_NEUTRAL = {"num_beams": 1, "num_return_sequences": 1, "repetition_penalty": 1, "length_penalty": 1}
_GENERATION = {"do_sample", "min_p", "temperature", "top_k", "top_p", "until", *_LENGTHS, *_NEUTRAL}


@dataclass(frozen=True)
class HarnessOptions:
    """What `--model_args` may say besides `models`.

    Attributes:
        combine: see `tokkit.ByteEnsemble`.
        weights: a number for each model, as `1+2` or a list.
        encodings: see `tokkit.ByteLM`.
        tolerance: see `tokkit.ByteLM`.
        dtype: see `tokkit.load_lm`.
        device: see `tokkit.load_lm`. The harness asks for `cuda:0` unless told otherwise; where
            torch has no CUDA, that means `cpu`.
        threads: see `tokkit.load_lm`.
        allow_download: whether a hub id may be fetched.
        max_length: bytes that a model is shown at once, at least 2; longer contexts lose their
            beginning, and longer texts are scored in windows. By default there is no limit but the
            model's, which refuses what is too long.
        seed: of samples; the k-th request that is sampled takes `seed + k`.
        batch_size, max_batch_size: of the harness; they have no effect.
    """

    combine: str = "mixture"
    weights: str | float | Sequence[float] | None = None
    encodings: str = "canonical"
    tolerance: float = 0.0
    dtype: str = "float32"
    device: str = "cpu"
    threads: int | None = None
    allow_download: bool = False
    max_length: int | None = None
    seed: int = 0
    batch_size: int | str | None = None
    max_batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.max_length is not None and self.max_length < 2:
            raise ArgumentError(f"max_length is {self.max_length} bytes, expected at least 2")
        if self.seed < 0:
            raise ArgumentError(f"seed must be 0 or more, got {self.seed}")

    def numbers(self) -> list[float] | None:
        """The weights as numbers.

        Raises:
            ArgumentError: something else.
        """
        given = self.weights
        if given is None:
            return None
        parts = given.split("+") if isinstance(given, str) else given
        try:
            return [float(part) for part in (parts if isinstance(parts, Sequence) else [parts])]
        except ValueError:
            raise ArgumentError(f"weights must be numbers, as 1+2; got {given!r}") from None


class TokkitLM(LM):
    """A `ByteLM` or `ByteEnsemble` as a model of the harness.

    Attributes:
        byte_model: what answers.
        options: see `HarnessOptions`.
    """

    def __init__(self, models: str | Sequence[str] | ByteModel, **options: Any) -> None:
        """Load models, or take one in memory.

        Args:
            models: what `tokkit.load_lm` loads, several joined by `+` (`smollm2+gemma3`) or in a
                list; or a byte-level model.
            **options: see `HarnessOptions`.

        Raises:
            ArgumentError: an option that does not exist or is out of range.
            TokkitError: see `tokkit.load_lm`.
        """
        super().__init__()
        refuse_unknown(options, ("models", *HarnessOptions.__dataclass_fields__))
        self.options = HarnessOptions(**options)
        self.byte_model = models if isinstance(models, ByteModel) else _load(models, self.options)
        self._n_samples = 0
        self._template: str | None = None
        self._has_chats = False

    def loglikelihood(
        self, requests: list[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Log P(continuation | context), nats, and whether greedy bytes spell the continuation.

        Args:
            requests: their `args` are (context, continuation).
            disable_tqdm: show no progress.

        Raises:
            ModelError: a context too long for the model.
        """
        groups: dict[bytes | ChatText, dict[bytes, list[int]]] = {}
        for k, (context, continuation) in enumerate(request.args for request in requests):
            rest = as_bytes(continuation)
            shown = self._shown(context, len(rest))
            groups.setdefault(shown, {}).setdefault(rest, []).append(k)
        common = _common_beginning([each for each in groups if isinstance(each, bytes)])
        start = self.byte_model.open(common)
        answers: dict[int, tuple[float, bool]] = {}
        with self._progress(len(requests), "loglikelihood", disable_tqdm) as bar:
            for context, continuations in groups.items():
                if isinstance(context, ChatText):
                    _, state = self._open_chat(context)
                else:
                    state = start.fork()
                    state.push(context[len(common) :])
                for rest, places in continuations.items():
                    answers |= dict.fromkeys(places, _answer(state.fork(), rest))
                    bar.update(len(places))
        found = [answers[k] for k in range(len(requests))]
        for request, answer in zip(requests, found, strict=True):
            self.cache_hook.add_partial("loglikelihood", request.args, answer)
        return found

    def loglikelihood_rolling(self, requests: list[Any], disable_tqdm: bool = False) -> list[float]:
        """Log P(text ...), nats.

        With `max_length`, in windows of so many bytes; see `ByteModel.logprob`.

        Args:
            requests: their `args` are (text,).
            disable_tqdm: show no progress.

        Raises:
            ModelError: a text too long for the model.
        """
        answer = partial(self.byte_model.logprob, window=self.options.max_length)
        return self._each("loglikelihood_rolling", requests, disable_tqdm, answer)

    def generate_until(self, requests: list[Any], disable_tqdm: bool = False) -> list[str]:
        """A continuation of each context, up to a stop string or the end of the text.

        Args:
            requests: their `args` are (context, options): `until` (a string or several),
                `max_gen_toks`, `max_new_tokens`, `max_tokens` or `max_completion_tokens` (bytes;
                256), `max_length` (bytes, those of the context counted), `do_sample` (whether a
                temperature above 0 is given), `temperature`, `top_k`, `top_p`, `min_p`. Of
                `num_beams`, `repetition_penalty` and others that have no meaning over bytes, only
                the value that changes nothing is taken.
            disable_tqdm: show no progress.

        Returns:
            Texts; bytes that are not UTF-8 become U+FFFD.

        Raises:
            ArgumentError: an option that does not exist here or is out of range.
            ModelError: a context that the model gives no mass, or too long for it.
        """
        return self._each("generate_until", requests, disable_tqdm, self._generate)

    def _generate(self, context: str, options: Mapping[str, Any]) -> str:
        sampling = _sampling(options)
        max_bytes = _max_bytes(options, len(as_bytes(context)))
        shown = self._shown(context, max_bytes)
        until = options.get("until") or ()
        sample = sampling.get("temperature", 1.0) > 0
        self._n_samples += sample
        drawn: dict[str, Any] = {
            "max_bytes": max_bytes,
            "seed": self.options.seed + self._n_samples - 1 if sample else None,
            "stop": [until] if isinstance(until, str) else list(until),
            **sampling,
        }
        if isinstance(shown, ChatText):
            model, state = self._open_chat(shown)
            return b"".join(model.stream(b"", state=state, **drawn)).decode(errors="replace")
        return self.byte_model.generate(shown, **drawn).decode(errors="replace")

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """A chat in the model's template, as a text that bears it.

        What stands in a message is text, whatever it spells; the control tokens are those of the
        template.

        Args:
            chat_history: the messages.
            add_generation_prompt: False where the last message is the beginning of the reply.

        Raises:
            UnsupportedError: the model is no single one over tokens, there is no template, or
                contents cannot be told from control.
            FormatError: the template is damaged, or refuses the messages.
            EncodingError: the vocabulary cannot express the text.
        """
        tokenizer, self._has_chats = self._of_chats().tokenizer, True
        return chat_text(
            tokenizer,
            chat_history,
            is_begun=not add_generation_prompt,
            template=self._template,
        )

    @property
    def tokenizer_name(self) -> str:
        """Of the model, whose template makes texts of chats."""
        return self.byte_model.name.replace("/", "__")

    def chat_template(self, chat_template: bool | str = False) -> str:
        """The template that is asked for, by its name or as the model's own; "" for False.

        Raises:
            UnsupportedError: see `apply_chat_template`.
        """
        if not chat_template:
            return ""
        tokenizer, self._has_chats = self._of_chats().tokenizer, True
        self._template = chat_template if isinstance(chat_template, str) else None
        return find_template(tokenizer, self._template)

    def _of_chats(self) -> ByteLM:
        """The model, where it can read a chat."""
        if not isinstance(self.byte_model, ByteLM):
            raise UnsupportedError(
                f"{self.byte_model.name} is no single model over tokens, and has no chat template; "
                "leave out --apply_chat_template"
            )
        return self.byte_model

    def _open_chat(self, context: ChatText) -> tuple[ByteLM, ByteState]:
        """The model, for which a reply ends where the template ends one, and its state there."""
        model, state = self._of_chats().open_chat(context.chat)
        state.push(context.begun)
        return model, state

    def _shown(self, context: str, n_further: int) -> bytes | ChatText:
        """The end of a context that fits before so many bytes; of a chat all."""
        if isinstance(context, ChatText):
            if self.options.max_length is not None:
                raise ArgumentError(
                    "max_length cuts the beginning off a context, and a chat is whole; leave it out"
                )
            return context
        if self._has_chats:
            refuse_lost_chat(self._of_chats().tokenizer, context)
        return self._end_of(as_bytes(context), n_further)

    def _end_of(self, context: bytes, n_further: int) -> bytes:
        if self.options.max_length is None:
            return context
        room = self.options.max_length - n_further
        if room < 1:
            raise ArgumentError(
                f"max_length is {self.options.max_length} bytes, and {n_further} are to come after "
                "a context; raise max_length, or lower max_gen_toks"
            )
        return context[-room:]

    def _each(
        self, what: str, requests: list[Any], disable: bool, answer: Callable[..., T]
    ) -> list[T]:
        """What `answer` says of the `args` of each request; the harness may keep it."""
        found: list[T] = []
        with self._progress(len(requests), what, disable) as bar:
            for request in requests:
                found.append(answer(*request.args))
                self.cache_hook.add_partial(what, request.args, found[-1])
                bar.update(1)
        return found

    def _progress(self, total: int, what: str, disable: bool) -> tqdm[Any]:
        description = f"Running {what} requests"
        return tqdm(total=total, desc=description, disable=disable or self.rank != 0)


register_model("tokkit")(TokkitLM)


def _load(models: str | Sequence[str], options: HarnessOptions) -> ByteModel:
    """The models that a name joined by `+` or a list stands for."""
    names = models.split("+") if isinstance(models, str) else list(models)
    shared: Any = {name: getattr(options, name) for name in _OF_LOADING}
    shared["device"] = _available(options.device)
    members = [load_lm(name, **shared) for name in names]
    if len(members) == 1:
        return members[0]
    return ByteEnsemble(members, weights=options.numbers(), combine=cast(Combine, options.combine))


def _sampling(options: Mapping[str, Any]) -> SamplingOptions:
    """The options of a request that say how to draw; temperature 0 for greedy.

    Raises:
        ArgumentError: an option that does not exist here, or has no meaning over bytes.
    """
    unknown = sorted(set(options) - _GENERATION)
    if unknown:
        raise ArgumentError(
            f"generation option {unknown[0]!r} is not one of {', '.join(sorted(_GENERATION))}"
        )
    for name, neutral in _NEUTRAL.items():
        if options.get(name) not in (None, neutral):
            raise ArgumentError(
                f"generation option {name}={options[name]} has no meaning over bytes here; leave "
                f"it out, or override it with --gen_kwargs {name}={neutral}"
            )
    temperature = options.get("temperature")
    sample = options.get("do_sample")
    if not (temperature is not None and float(temperature) > 0 if sample is None else sample):
        return {"temperature": 0.0}
    top_k = int(options.get("top_k") or 0)
    return {
        "temperature": 1.0 if temperature is None else float(temperature),
        "top_k": top_k if top_k > 0 else None,  # 0 and -1 are its ways to say "all"
        "top_p": float(options.get("top_p") or 1.0),
        "min_p": float(options.get("min_p") or 0.0),
    }


def _max_bytes(options: Mapping[str, Any], n_context: int) -> int:
    """How many bytes to generate after a context of so many.

    Raises:
        ArgumentError: `max_length` leaves no room after the context.
    """
    name = next((name for name in _LENGTHS if options.get(name) is not None), None)
    if name is None:
        return DEFAULT_MAX_BYTES
    room = int(options[name]) - (n_context if name == "max_length" else 0)
    if name == "max_length" and room < 1:
        raise ArgumentError(
            f"generation option max_length is {options[name]} bytes, and the context has "
            f"{n_context}; raise it, or say max_gen_toks, which does not count the context"
        )
    return room


def _available(device: str) -> str:
    """The device, or `cpu` in place of CUDA where there is none."""
    import torch

    return "cpu" if device.startswith("cuda") and not torch.cuda.is_available() else device


def _answer(state: ByteState, continuation: bytes) -> tuple[float, bool]:
    """What a state says of a continuation; uses the state up."""
    rows = state.score(continuation)[: len(continuation)]
    chosen = np.frombuffer(continuation, dtype=np.uint8)
    logprob = float(rows[np.arange(len(chosen)), chosen].sum())
    return logprob, logprob > -np.inf and bool((rows.argmax(axis=1) == chosen).all())


def _common_beginning(texts: Sequence[bytes]) -> bytes:
    """What all texts begin with."""
    first, last = min(texts, default=b""), max(texts, default=b"")
    size = min(len(first), len(last))
    return first[: next((k for k in range(size) if first[k] != last[k]), size)]


def main() -> None:
    """The command `lm-eval`, which then knows the model `tokkit`."""
    from lm_eval.__main__ import cli_evaluate

    cli_evaluate()


if __name__ == "__main__":
    main()
