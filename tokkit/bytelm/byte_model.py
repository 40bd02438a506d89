"""What every byte-level model offers, whether it is one language model or an ensemble of several.

A model needs only `open`; scoring, sampling and streaming follow from the state that it returns.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, Unpack

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_kind, check_whole, refuse_single_text
from tokkit.bytelm.drawing.constraint_set import Constraints
from tokkit.bytelm.drawing.patterns import Grammar
from tokkit.bytelm.drawing.sampling import Sampler, Sampling, SamplingOptions, StopMatcher
from tokkit.bytelm.encodings.cover import END
from tokkit.bytelm.side_by_side import Parts
from tokkit.bytelm.windows import cut_windows
from tokkit.errors import ArgumentError, ModelError

MAX_BYTES = 1 << 30


def as_bytes(data: str | bytes) -> bytes:
    """Bytes as they are, `str` as UTF-8.

    Raises:
        ArgumentError: neither, or a `str` with lone surrogates.
    """
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without types
        try:
            return data.encode()
        except UnicodeEncodeError as error:
            raise ArgumentError(
                f"the text holds a lone surrogate at character {error.start}; pass bytes instead"
            ) from None
    raise ArgumentError(f"expected bytes or str, got {type(data).__name__}")


def as_stops(stop: str | bytes | Sequence[str | bytes]) -> list[bytes]:
    """Stop strings as bytes; a single one stands for itself, not for its characters.

    Raises:
        ArgumentError: one is neither bytes nor `str`.
    """
    if isinstance(stop, str | bytes):
        return [as_bytes(stop)]
    check_kind(stop, Iterable, "stop", "pass a string, or a list of strings")
    return [as_bytes(text) for text in stop]


def check_model(lm: object) -> None:
    """Refuse what is no byte-level model.

    Raises:
        ArgumentError: a name, a path, or a model over tokens.
    """
    check_kind(lm, ByteModel, "the model", "load one with load_lm, or wrap a token model in ByteLM")


class ByteState(ABC):
    """A byte prefix under a model: ask for the next byte, add bytes, branch off."""

    @abstractmethod
    def logprobs(self) -> NDArray[np.float64]:
        """float64 (257,), nats: the next byte; index 256 is end of text.

        All minus infinity if the model gives the prefix itself no mass.
        """

    @abstractmethod
    def push(self, data: str | bytes) -> None:
        """Add bytes to the prefix."""

    @abstractmethod
    def fork(self) -> Self:
        """An independent copy; what has been computed is shared."""

    @abstractmethod
    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """Push `data`, and say what was expected at every position on the way.

        Returns:
            float64 (len(data) + 1, 257), nats: row k is the next byte before `data[k]`.
        """

    @property
    @abstractmethod
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix."""

    @property
    def prefix_bytes(self) -> bytes | None:
        """The prefix itself; None where that is not known, or not all that the state follows."""
        return None

    @property
    def is_evaluated(self) -> bool:
        """Whether `logprobs` and `prefix_logprob` are known to need no model call."""
        return False

    @property
    def parts(self) -> Parts | None:
        """What the state uses of its models; see `tokkit.bytelm.side_by_side`. None: not known."""
        return None


class ByteModel(ABC):
    """A probability distribution over byte strings.

    Attributes:
        name: for tables and messages.
    """

    name: str

    @abstractmethod
    def open(self, prefix: str | bytes = b"") -> ByteState:
        """A state after `prefix`."""

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
            state: after `prompt`, if it has been opened already; it is not changed.
            **sampling: `temperature`, `top_k`, `top_p`, `min_p`, `repetition_penalty`,
                `repetition_length`, `no_repeat_ngram`, `valid_utf8`: see `Sampling`.

        Raises:
            ArgumentError: an option out of range, or an unusable pattern.
            MissingExtraError: a pattern, and llguidance is not installed.
            ModelError: the model gives the prompt no mass, or none to what the options permit.
        """
        prompt = as_bytes(prompt)
        draw = Draw.of(self.name, prompt, max_bytes, seed, stop, pattern, sampling)
        check_state(state, prompt)
        return self._stream(prompt, state, draw)

    def _stream(self, prompt: bytes, state: ByteState | None, draw: Draw) -> Iterator[bytes]:
        state = self.open(prompt) if state is None else state.fork()
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
        **sampling: Unpack[SamplingOptions],
    ) -> bytes:
        """Sample a continuation of `prompt`, without the prompt; see `stream`."""
        return b"".join(
            self.stream(
                prompt,
                max_bytes=max_bytes,
                seed=seed,
                stop=stop,
                pattern=pattern,
                state=state,
                **sampling,
            )
        )

    def generate_batch(
        self,
        prompts: Sequence[str | bytes],
        *,
        max_bytes: int,
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        pattern: str | Grammar | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> list[bytes]:
        """Sample a continuation of each prompt, all of them with one model call a byte.

        Number k is what `generate(prompts[k], seed=seed + k)` gives, but for the rounding of the
        model, which may differ between batches.

        Args:
            prompts: any number.
            max_bytes: of each continuation.
            seed: of the first prompt.
            stop: see `stream`.
            pattern: see `stream`.
            **sampling: see `stream`.

        Raises:
            ArgumentError, MissingExtraError, ModelError: see `stream`.
        """
        from tokkit.bytelm.drawing.together import draw_together

        refuse_single_text(prompts, "prompts")
        texts = [as_bytes(prompt) for prompt in prompts]
        if seed is not None:
            check_whole("seed", seed, 0)
        seeds = [None if seed is None else seed + k for k in range(len(texts))]
        draws = [
            Draw.of(self.name, text, max_bytes, own_seed, stop, pattern, sampling)
            for text, own_seed in zip(texts, seeds, strict=True)
        ]
        return draw_together(self, texts, draws)


@dataclass(frozen=True)
class Draw:
    """One continuation to be sampled: how, how long, until when.

    Attributes:
        name: of the model, for messages.
        max_bytes: at most so many symbols are drawn.
        sampler, constraints, matcher: what chooses a symbol, forbids some, and notices the end;
            they change as symbols are drawn.
    """

    name: str
    max_bytes: int
    sampler: Sampler
    constraints: Constraints
    matcher: StopMatcher

    @classmethod
    def of(
        cls,
        name: str,
        prompt: bytes,
        max_bytes: int,
        seed: int | None,
        stop: str | bytes | Sequence[str | bytes],
        pattern: str | Grammar | None,
        sampling: SamplingOptions,
    ) -> Draw:
        """Check the options; see `ByteModel.stream`."""
        law = Sampling.of(sampling)
        sampler = Sampler(law, seed=seed)
        check_max_bytes(max_bytes)
        matcher = StopMatcher(as_stops(stop), whole_characters=law.valid_utf8)
        return cls(name, max_bytes, sampler, Constraints.of(prompt, law, pattern), matcher)

    def run(self, state: ByteState) -> Iterator[bytes]:
        """Draw from `state`, which moves along.

        Yields:
            For each symbol, the bytes that are certain to be text once it is drawn; perhaps none.
        """
        for room in range(self.max_bytes, 0, -1):
            if self.constraints.must_end:
                break
            logprobs = state.logprobs()
            if room == self.max_bytes:
                check_mass(logprobs, self.name)
            symbol = self.sampler.draw(self.constraints.apply(logprobs))
            if symbol == END or not self.constraints.fits(symbol, room):
                break
            certain = b"".join(self.matcher.feed(symbol))
            if not self.matcher.stopped and room > 1:
                self.constraints.push(symbol)
                state.push(bytes([symbol]))
            yield certain
            if self.matcher.stopped:
                return
        yield b"".join(self.matcher.flush())


def check_max_bytes(max_bytes: int) -> None:
    """Check how many bytes are asked for.

    Raises:
        ArgumentError: out of range.
    """
    check_whole("max_bytes", max_bytes, 0, MAX_BYTES)


def check_state(state: ByteState | None, prompt: bytes) -> None:
    """Refuse a state of another text than the prompt that it is given for.

    Raises:
        ArgumentError: the state knows its text, and it is another.
    """
    if state is not None:
        check_kind(state, ByteState, "state", "pass what open(prompt) returns")
    prefix = None if state is None else state.prefix_bytes
    if prefix is not None and prefix != prompt:
        raise ArgumentError(
            f"the state is after {_end_of(prefix)}, and the prompt is {_end_of(prompt)}; pass the "
            "state that open(prompt) returns, or none"
        )


def _end_of(text: bytes) -> str:
    return repr(text) if len(text) <= 24 else f"{len(text):,} bytes that end with {text[-16:]!r}"


def check_mass(logprobs: NDArray[np.float64], name: str) -> None:
    """Refuse to continue a prompt that the model gives no mass.

    Raises:
        ModelError: all of `logprobs` are minus infinity.
    """
    if logprobs.max() == -np.inf:
        raise ModelError(
            f"{name} gives the prompt no mass: it holds bytes that the vocabulary "
            "cannot express; remove them, or use another model"
        )
