"""Complete a text from wherever it is cut: inside a word, a character, or a run of white space.

Two ways to draw from the same distribution (at temperature 1, without filters):

- `unit="byte"`: one byte at a time, from any byte-level model, ensembles included;
- `unit="token"`: across the end of the prompt in one exact draw, then in whole tokens, one model
  evaluation a token (`tokkit.bytelm.completion.token_walk`). Only a single model has tokens.

Temperature and filters act on what is drawn, bytes or tokens, and so mean different laws.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice, takewhile
from typing import Literal, Unpack

from tokkit.arguments import check_choice
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, check_model, check_state
from tokkit.bytelm.byte_state import END, ByteState
from tokkit.bytelm.completion.token_walk import draw_by_token
from tokkit.bytelm.drawing.draw import check_mass
from tokkit.bytelm.drawing.patterns import Grammar
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import Sampler, SamplingOptions, known
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.bytelm.drawing.stopping import until_stop
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.errors import ArgumentError
from tokkit.text.chat.chat import Chat

Unit = Literal["byte", "token"]
UNITS: tuple[Unit, ...] = ("byte", "token")

_OF_BYTES = ("repetition_penalty", "no_repeat_ngram", "valid_utf8", "pattern", "draft")


def complete(
    lm: ByteModel,
    prompt: str | bytes | Chat,
    *,
    max_bytes: int,
    unit: Unit = "byte",
    seed: int | None = None,
    stop: str | bytes | Sequence[str | bytes] = (),
    pattern: str | Grammar | None = None,
    state: ByteState | None = None,
    speculate: bool | SpeculationOptions = True,
    draft: ByteModel | None = None,
    **sampling: Unpack[SamplingOptions],
) -> bytes:
    """Sample a continuation of `prompt`, without the prompt; see `stream_completion`."""
    lm, prompt, state = _opened(lm, prompt, state)
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
    return b"".join(draw_completion(lm, request, unit, state))


def stream_completion(
    lm: ByteModel,
    prompt: str | bytes | Chat,
    *,
    max_bytes: int,
    unit: Unit = "byte",
    seed: int | None = None,
    stop: str | bytes | Sequence[str | bytes] = (),
    pattern: str | Grammar | None = None,
    state: ByteState | None = None,
    speculate: bool | SpeculationOptions = True,
    draft: ByteModel | None = None,
    **sampling: Unpack[SamplingOptions],
) -> Iterator[bytes]:
    """Sample a continuation and yield it byte by byte, from wherever the prompt is cut.

    The prompt is taken as it is: nothing is stripped, and white space at its end is given. The
    semantics is that of the model; for a `ByteLM` the canonical one.

    Args:
        lm: any byte-level model for `unit="byte"`, a `ByteLM` for `unit="token"`.
        prompt: may be empty, and may end inside a word or a character; or a `Chat`, which a
            single `ByteLM` replies to in its template.
        max_bytes: at most so many bytes, also where that cuts a token.
        unit: what is drawn, `"byte"` or `"token"`. With `temperature=1` and no filters the bytes
            have the same law. Otherwise the options act on bytes, or on tokens: at the end of the
            prompt, on pairs of a head and a token that leads beyond it.
        seed: makes the sample reproducible; the two units draw different samples from it.
        stop: strings that end the text; they are not part of it.
        pattern: see `ByteModel.stream`; of bytes, so it needs `unit="byte"`.
        state: after `prompt`, if `lm` has opened it already; it is not changed.
        speculate: see `ByteModel.stream`; whole tokens take a pass each in any case.
        draft: see `ByteModel.stream`; of bytes, so it needs `unit="byte"`.
        **sampling: see `Sampling`. Options that speak of bytes (`repetition_penalty`,
            `no_repeat_ngram`, `valid_utf8`) need `unit="byte"`.

    Raises:
        ArgumentError: an option out of range, or tokens of a model that has none.
        ModelError: the model gives the prompt no mass.
    """
    lm, prompt, state = _opened(lm, prompt, state)
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
    return draw_completion(lm, request, unit, state)


def _opened(
    lm: ByteModel, prompt: str | bytes | Chat, state: ByteState | None
) -> tuple[ByteModel, str | bytes, ByteState | None]:
    """Model, prompt and state, of a chat those after it."""
    if not isinstance(prompt, Chat):
        return lm, prompt, state
    if not isinstance(lm, ByteLM) or state is not None:
        raise ArgumentError(
            "a chat is replied to by a single ByteLM, in the template of its tokenizer, and needs "
            "no state; pass one model, or a text"
        )
    model, opened = lm.open_chat(prompt)
    return model, b"", opened


def draw_completion(
    lm: ByteModel, request: Request, unit: Unit = "byte", state: ByteState | None = None
) -> Iterator[bytes]:
    """Sample what is asked for, byte by byte; see `stream_completion`."""
    check_model(lm)
    check_choice("unit", unit, UNITS)
    if unit == "byte":
        return lm.draw(request, state)
    if not isinstance(lm, ByteLM) or lm.encodings != "canonical":
        raise ArgumentError(
            f"{lm.name}: unit='token' needs a single ByteLM with encodings='canonical'; "
            "pass unit='byte'"
        )
    asked = [name for name in _OF_BYTES if getattr(request, name) not in (None, False)]
    if asked:
        raise ArgumentError(f"{asked[0]} is about bytes, not tokens; pass unit='byte'")
    check_state(lm, state, request.text)
    return _draw_tokens(lm, request, state)


def _draw_tokens(lm: ByteLM, request: Request, state: ByteState | None) -> Iterator[bytes]:
    if request.max_bytes == 0:
        return
    opened = lm.open(request.text) if state is None else state
    assert isinstance(opened, CoverState)
    check_mass(opened.logprobs(), lm.name)
    drawn = draw_by_token(opened, Sampler(request, seed=request.seed))
    symbols = takewhile(lambda symbol: symbol != END, islice(drawn, request.max_bytes))
    yield from until_stop(symbols, request.stops)
