"""What every byte-level model offers, whether it is one language model or an ensemble of several.

A model needs only `open`; scoring, sampling and streaming follow from the state that it returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from types import NoneType
from typing import Unpack

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_flags, check_kind, refuse_single_text
from tokkit.bytelm.byte_state import END, ByteState, shortened
from tokkit.bytelm.drawing.draw import Draw
from tokkit.bytelm.drawing.patterns import Grammar
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import SamplingOptions, known
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.bytelm.drawing.together import draw_together
from tokkit.bytelm.text_view import TextView
from tokkit.bytelm.windows import cut_windows
from tokkit.errors import ArgumentError


def check_model(lm: object) -> None:
    """Refuse what is no byte-level model.

    Raises:
        ArgumentError: a name, a path, or a model over tokens.
    """
    check_kind(lm, ByteModel, "the model", "load one with load_lm, or wrap a token model in ByteLM")


def check_state(lm: ByteModel, state: ByteState | None, prompt: bytes) -> None:
    """Refuse a state of another model, or of another text, than those it is given for.

    Raises:
        ArgumentError: no state, one of another model, or one that knows its text to be another.
    """
    if state is None:
        return
    if not lm.may_have_opened(state):
        raise ArgumentError(
            f"the state is a {type(state).__name__} of another model, or of other options, than "
            f"{lm.name}; pass the state that its open(prompt) returns, or none"
        )
    prefix = state.prefix_bytes
    if prefix is not None and prefix != prompt:
        raise ArgumentError(
            f"the state is after {shortened(prefix)}, and the prompt is {shortened(prompt)}; pass "
            "the state that open(prompt) returns, or none"
        )


class ByteModel(ABC):
    """A probability distribution over byte strings.

    Attributes:
        name: for tables and messages.
    """

    name: str

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"

    @abstractmethod
    def open(self, prefix: str | bytes = b"") -> ByteState:
        """A state after `prefix`."""

    @property
    def law(self) -> object | None:
        """What its states have in `ByteState.law`; None where that is not known."""
        return None

    def may_have_opened(self, state: ByteState) -> bool:
        """Whether a state can be one of this model's: False only where it is known to be none."""
        check_kind(state, ByteState, "state", "pass what open(prompt) returns")
        return self.law is None or state.law is None or state.law == self.law

    @property
    def text(self) -> TextView:
        """The same model over `str`: characters whole, in and out."""
        return TextView(self)

    def next_byte_logprobs(self, prefix: str | bytes) -> NDArray[np.float64]:
        """float64 (257,), nats: the byte after `prefix`; index 256 is end of text."""
        return self.open(prefix).logprobs()

    def byte_logprobs(self, data: str | bytes, *, prefix: str | bytes = b"") -> NDArray[np.float64]:
        """float64 (len(data) + 1, 257), nats: the next byte at every position of `data`.

        Row k is conditional on `prefix + data[:k]`.
        """
        return self.open(prefix).score(data)

    def logprob(
        self,
        data: str | bytes,
        *,
        prefix: str | bytes = b"",
        end: bool = False,
        window: int | None = None,
        stride: int | None = None,
    ) -> float:
        """Log-probability, nats, that the text goes on with `data` after `prefix`.

        Args:
            data: the bytes to score.
            prefix: what is given.
            end: whether the text must also end after `data`.
            window: bytes that the model is shown at once, at least 2, for texts longer than its
                context: the sum over windows (see `tokkit.bytelm.windows`), in which a byte is
                given only the bytes of its window before it. A window of as many bytes as the model
                reads tokens always fits.
            stride: bytes that each window but the first adds; by default half a window.

        Returns:
            Minus infinity if the model cannot produce the bytes.

        Raises:
            ArgumentError: a window or stride out of range.
            ModelError: more tokens than the model reads, and no window.
        """
        data, prefix = as_bytes(data), as_bytes(prefix)
        check_flags(end=end)
        if window is None and stride is None:
            return self._joint_logprob(data, prefix, end)
        text = prefix + data
        return sum(
            self._joint_logprob(text[start:stop], text[context:start], end and stop == len(text))
            for context, start, stop in cut_windows(data, window, stride, prefix=prefix)
        )

    def _joint_logprob(self, data: bytes, prefix: bytes, end: bool) -> float:
        """`logprob` in one window."""
        state = self.open(prefix)
        before = state.prefix_logprob
        state.push(data)
        after = state.prefix_logprob
        if after == -np.inf:
            return -np.inf
        return after - before + (float(state.logprobs()[END]) if end else 0.0)

    def bits_per_byte(
        self,
        data: str | bytes,
        *,
        prefix: str | bytes = b"",
        window: int | None = None,
        stride: int | None = None,
    ) -> float:
        """Bits that the model needs for each byte of `data`; see `logprob`.

        Raises:
            ArgumentError: `data` is empty.
        """
        data = as_bytes(data)
        if not data:
            raise ArgumentError("bits per byte of an empty text are undefined; pass some bytes")
        logprob = self.logprob(data, prefix=prefix, window=window, stride=stride)
        return -logprob / len(data) / float(np.log(2))

    def stream(
        self,
        prompt: str | bytes,
        *,
        max_bytes: int,
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        pattern: str | Grammar | None = None,
        state: ByteState | None = None,
        speculate: bool | SpeculationOptions = True,
        draft: ByteModel | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Iterator[bytes]:
        """Sample a continuation and yield it byte by byte.

        Bytes that may be the beginning of a stop string are held back until that is known.

        Args:
            prompt: may be empty, and may end inside a word or a character.
            max_bytes: at most so many bytes are sampled; with `valid_utf8` a character that does
                not fit is left out.
            seed: makes the sample reproducible.
            stop: strings that end the text; they are not part of it.
            pattern: what the whole completion must match, a regular expression or a `Grammar`. At
                each step the bytes that no match continues with are forbidden and the others
                renormalised, so the law is not that of a text on condition that it matches. Where
                `max_bytes` or a stop string ends the text, it is the beginning of a match.
            state: after `prompt`, if this model has opened it already; it is not changed, but
                `progress` counts what is drawn from it.
            speculate: whether one pass of a model may serve several bytes: likely ones are
                evaluated before they are drawn, and a byte is drawn without a pass where what a
                pass would add cannot change it; options say how far. The text is the same: each
                byte is the one that its exact distribution and its random number give. It is the
                same bit for bit where a model gives a context the same numbers in every pass (in
                float64, say); where it rounds otherwise beside other contexts, as real models do in
                the last digit, a draw that is that close may differ.
            draft: a model that proposes besides, and must be much faster than this one.
            **sampling: `temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty`,
                `repetition_length`, `no_repeat_ngram`, `valid_utf8`: see `Sampling`.

        Raises:
            ArgumentError: an option out of range, or an unusable pattern.
            MissingExtraError: a pattern, and llguidance is not installed.
            ModelError: the model gives the prompt no mass, or none to what the options permit.
        """
        request = Request(
            prompt,
            max_bytes=max_bytes,
            seed=seed,
            stop=stop,
            pattern=pattern,
            speculate=speculate,
            draft=draft,
            **known(sampling),
        )
        return self.draw(request, state)

    def draw(self, request: Request, state: ByteState | None = None) -> Iterator[bytes]:
        """Sample what is asked for, byte by byte; see `stream`.

        Raises:
            ArgumentError, MissingExtraError: a suffix, an unusable pattern or state, at once.
        """
        check_kind(request, Request, "request")
        check_kind(request.draft, (ByteModel, NoneType), "draft", "wrap a token model in ByteLM")
        if request.suffix is not None:
            raise ArgumentError("the request has a suffix; pass it to tokkit.Batch, or use infill")
        draw = Draw(self.name, request, foretell=True)
        check_state(self, state, request.text)
        return self._drawn(draw, state)

    def _drawn(self, draw: Draw, state: ByteState | None) -> Iterator[bytes]:
        state = self.open(draw.request.text) if state is None else state.fork()
        for data in draw.run(state):
            yield from (data[k : k + 1] for k in range(len(data)))

    def generate(
        self,
        prompt: str | bytes,
        *,
        max_bytes: int,
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        pattern: str | Grammar | None = None,
        state: ByteState | None = None,
        speculate: bool | SpeculationOptions = True,
        draft: ByteModel | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> bytes:
        """Sample a continuation of `prompt`, without the prompt; see `stream`."""
        request = Request(
            prompt,
            max_bytes=max_bytes,
            seed=seed,
            stop=stop,
            pattern=pattern,
            speculate=speculate,
            draft=draft,
            **known(sampling),
        )
        return b"".join(self.draw(request, state))

    def generate_batch(
        self,
        prompts: Sequence[str | bytes],
        *,
        max_bytes: int,
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        pattern: str | Grammar | None = None,
        speculate: bool | SpeculationOptions = True,
        draft: ByteModel | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> list[bytes]:
        """Sample a continuation of each prompt, all of them with the same model calls.

        Number k is what `generate(prompts[k], seed=seed + k)` gives, but for the rounding of the
        model, which may differ between batches.

        Args:
            prompts: any number.
            max_bytes: of each continuation.
            seed: of the first prompt.
            stop: see `stream`.
            pattern: see `stream`.
            speculate: see `stream`.
            draft: see `stream`.
            **sampling: see `stream`.

        Raises:
            ArgumentError, MissingExtraError, ModelError: see `stream`.
        """
        refuse_single_text(prompts, "prompts")
        first = Request(
            b"",
            max_bytes=max_bytes,
            seed=seed,
            stop=stop,
            pattern=pattern,
            speculate=speculate,
            draft=draft,
            **known(sampling),
        )
        draws = [
            Draw(
                self.name,
                replace(first, prompt=prompt, seed=None if seed is None else seed + k),
                foretell=True,
            )
            for k, prompt in enumerate(prompts)
        ]
        return draw_together(open_together(self, len(draws)), draws)


def open_together(model: ByteModel, n: int) -> list[ByteState]:
    """`n` states of the empty text that share their caches.

    Args:
        model: a `ByteLM`, a `ByteEnsemble`, or any other; the start of the text is evaluated.
        n: 0 or more.
    """
    start = model.open()
    return [start.fork() for _ in range(n)]
