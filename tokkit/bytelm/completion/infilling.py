"""Fill in the middle of a text, with both borders of the gap healed.

The model is asked in the format that it was trained on (`tokkit.bytelm.completion.fim_formats`),
over bytes: `open_after` takes the control tokens and the parts of the prompt as a condition, and
what the model writes after them is a text, with the semantics of `ByteLM` (canonical). With the
frame of `tokkit.bytelm.completion.fim_frame` that text must be r m s, then end of text (any of the
format's end tokens), where r ends the prefix, s begins the suffix, and m is the middle that is
asked for:

    P(m) = P(r m s end) / sum over m' of P(r m' s end)

The beginning r is a byte prefix, which `ByteLM` conditions on exactly. The end s is met by
rejection: texts that begin with r are drawn until one ends with s and its m fits. That is exact,
too, and as costly as s is improbable, so tries are bounded. When all have failed, the last text
that was drawn is cut where P(r m[:k] s end) is largest. That cut is no sample: it is an answer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from dataclasses import replace
from typing import Unpack

import numpy as np

from tokkit.arguments import MAX_BYTES, as_bytes, check_flags, check_whole
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.completion.completion import Unit, complete, draw_completion
from tokkit.bytelm.completion.filling_options import (
    FillingOptions,
    Method,
    check_searched,
    search_middle,
)
from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.bytelm.completion.fim_formats import FimFormat, resolve_fim_format
from tokkit.bytelm.completion.fim_frame import FimFrame, Heal, check_heal, make_frame
from tokkit.bytelm.drawing.draw import check_mass
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import SamplingOptions, known
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.bytelm.drawing.stopping import until_stop
from tokkit.bytelm.drawing.valid_utf8 import ValidUtf8
from tokkit.bytelm.encodings.canonical_state import CoverState, evaluate_states
from tokkit.errors import ArgumentError, ModelError

_CUTS_AT_ONCE = 16
_MOST_TRIES = 1 << 20


def infill(
    lm: ByteModel,
    prefix: str | bytes,
    suffix: str | bytes | None = None,
    *,
    max_bytes: int,
    method: Method = "auto",
    budget: int | None = None,
    fim: str | FimFormat | None = None,
    heal: Heal = "prefix",
    context: RepositoryFiles | None = None,
    begins: str | bytes = b"",
    unit: Unit = "byte",
    seed: int | None = None,
    stop: str | bytes | Sequence[str | bytes] = (),
    speculate: bool | SpeculationOptions = True,
    draft: ByteModel | None = None,
    **sampling: Unpack[SamplingOptions],
) -> bytes:
    """Sample what stands between `prefix` and `suffix`.

    Without a suffix this is `complete`, which needs no format and takes any byte-level model.

    Args:
        lm: any byte-level model; for `method="format"` a canonical `ByteLM`, of a model that was
            trained to fill in the middle.
        prefix: before the gap; may end inside a word or a character.
        suffix: after the gap; may begin inside one. `b""` says that nothing follows, None says
            nothing about what follows.
        max_bytes: at most so many bytes; see `Infilling.stream`.
        method: `"format"` asks the model in its format (`Infilling`). `"posterior"` needs none: it
            searches for middles that the suffix follows with high probability
            (`tokkit.bytelm.completion.posterior`), and draws one of those found; of the sampling
            options it takes `temperature` alone, and 0 gives the best. `"auto"` is the format where
            one is given or the tokenizer has one, else the posterior.
        budget: of the posterior: passes of the model; see `search_middles`.
        fim: the format, by name or as it is; None finds it by the tokenizer's special tokens.
        heal: see `Infilling`.
        context: other files of the repository, for formats that show them.
        begins: what is written in the gap already; the middle goes on from there, without it.
        unit: what is drawn; see `stream_completion`.
        seed: makes the sample reproducible.
        stop: strings that end the middle; they are not part of it.
        speculate: see `ByteModel.stream`.
        draft: see `ByteModel.stream`; it is shown the prefix, and what is begun, alone.
        **sampling: see `Sampling`.

    Raises:
        ArgumentError: an option out of range, or of a middle where there is no suffix, or of a
            format where the posterior is taken; a format is asked for and none is found, or the
            model is no `ByteLM`.
        EncodingError: a part holds bytes that the vocabulary cannot express.
        ModelError: the model gives the parts no mass.
    """
    way = FillingOptions(method, budget, fim, heal, context)
    if suffix is None:
        if begins or way != FillingOptions():
            raise ArgumentError(
                "fim, heal, context, begins, method and budget are of a middle; pass suffix, too "
                "(b'' where nothing follows), or leave them out"
            )
        return complete(
            lm,
            prefix,
            max_bytes=max_bytes,
            unit=unit,
            seed=seed,
            stop=stop,
            speculate=speculate,
            draft=draft,
            **sampling,
        )
    check_model(lm)
    if way.take_format(lm):
        gap = Infilling(lm, prefix, suffix, fim=fim, heal=heal, context=context, begins=begins)
        middle = gap.stream(
            max_bytes=max_bytes,
            unit=unit,
            seed=seed,
            stop=stop,
            speculate=speculate,
            draft=draft,
            **sampling,
        )
        return b"".join(middle)
    request = Request(
        as_bytes(prefix) + as_bytes(begins),
        max_bytes=max_bytes,
        seed=seed,
        stop=stop,
        draft=draft,
        **known(sampling),
    )
    check_searched(request, unit)
    return search_middle(lm, request, as_bytes(suffix), budget)


class Infilling:
    """A gap in a text, opened once: draw several middles, or score given ones.

    Attributes:
        format: how the model is asked.
        frame: the prompt as ids, and the bytes at the borders that the model spells itself.
        lm: the model, with the format's end tokens pooled into end of text.
    """

    def __init__(
        self,
        lm: ByteModel,
        prefix: str | bytes,
        suffix: str | bytes,
        *,
        fim: str | FimFormat | None = None,
        heal: Heal = "prefix",
        context: RepositoryFiles | None = None,
        begins: str | bytes = b"",
        tries: int = 8,
    ) -> None:
        """Lay out the prompt; runs no model.

        Args:
            lm: a canonical `ByteLM`.
            prefix: before the gap.
            suffix: after the gap.
            fim: the format; None finds it.
            heal: `"none"`: prefix and suffix are encoded as they are, which is what a model saw
                that was trained on spans of characters. `"prefix"`: the last bytes of the prefix,
                up to the last certain token boundary, are the model's to spell; costs nothing.
                `"both"`: so are the first bytes of the suffix, by rejection; where there are any,
                that costs a middle for each try. The docs say which to choose.
            context: other files of the repository, shown before the gap.
            begins: what is written in the gap already, a condition: middles go on from there, and
                are told without it. Of a prefix that grows, the new part may stand here: in formats
                in which the suffix comes between prefix and middle, only that part is computed.
            tries: texts that `heal="both"` draws at most, from 1 to 2^20.

        Raises:
            ArgumentError: the model is no canonical `ByteLM`, no format is found, an option is out
                of range, or the format has no known way to show other files.
            EncodingError: a part holds bytes that the vocabulary cannot express.
        """
        check_model(lm)
        if not isinstance(lm, ByteLM) or lm.encodings != "canonical":
            raise ArgumentError(
                f"{lm.name}: a middle needs a single ByteLM with encodings='canonical', whose "
                "tokenizer has the control tokens; without a suffix any model will do"
            )
        check_heal(heal)
        check_whole("tries", tries, 1, _MOST_TRIES)
        tokenizer = lm.token_lm.tokenizer
        self.format = resolve_fim_format(fim, tokenizer)
        self.lm = lm.with_end_ids((*self.format.ids(tokenizer).ends, *lm.token_lm.eos_ids))
        self._begun = as_bytes(prefix) + as_bytes(begins)
        self.frame: FimFrame = make_frame(
            self.lm, self.format, as_bytes(prefix), as_bytes(suffix), heal, context
        )
        state = self.lm.open_after(self.frame.ids, self.frame.begins)
        assert isinstance(state, CoverState)
        state.push(as_bytes(begins))
        self._state = state
        self._tries = tries

    @property
    def state(self) -> CoverState:
        """Where a middle begins; take a fork."""
        return self._state

    def stream(
        self,
        *,
        max_bytes: int,
        unit: Unit = "byte",
        seed: int | None = None,
        stop: str | bytes | Sequence[str | bytes] = (),
        speculate: bool | SpeculationOptions = True,
        draft: ByteModel | None = None,
        **sampling: Unpack[SamplingOptions],
    ) -> Iterator[bytes]:
        """Sample a middle and yield it byte by byte; with a healed suffix, once it has been found.

        Args:
            max_bytes: at most so many bytes. A longer middle is cut; with a healed suffix it is
                rejected, so that the middles are those that end by themselves.
            unit: what is drawn; see `stream_completion`.
            seed: makes the sample reproducible.
            stop: strings that end the middle; they are not part of it.
            speculate: see `ByteModel.stream`.
            draft: see `ByteModel.stream`; it is shown the prefix, and what is begun, alone.
            **sampling: see `Sampling`. They act on each draw; the law of the middle, given that it
                meets a healed suffix, is that of the draws so changed.

        Raises:
            ArgumentError: an option out of range.
            ModelError: the model gives the parts no mass.
        """
        request = Request(
            self._begun,
            max_bytes=max_bytes,
            seed=seed,
            stop=stop,
            speculate=speculate,
            draft=draft,
            **known(sampling),
        )
        return self.draw(request, unit)

    def draw(self, request: Request, unit: Unit = "byte") -> Iterator[bytes]:
        """Sample what is asked for, byte by byte; see `stream`.

        Args:
            request: its prompt is the prefix, and what is begun in the gap.
            unit: what is drawn.
        """
        if not self.frame.ends:
            return draw_completion(self.lm, request, unit, self._state)
        self._draw(request, unit, request.seed)  # draws nothing; checks at once what is refused
        return self._stream_healed(request, unit)

    def _stream_healed(self, request: Request, unit: Unit) -> Iterator[bytes]:
        yield from until_stop(self._find_healed(request, unit), request.stops)

    def _draw(self, request: Request, unit: Unit, seed: int | None) -> Iterator[bytes]:
        """A text long enough that it has ended by itself if it leaves room for the suffix."""
        longest_character = 4  # `valid_utf8` leaves out one that does not fit
        most = min(MAX_BYTES, request.max_bytes + len(self.frame.ends) + longest_character)
        longer = replace(request, max_bytes=most, seed=seed, stop=())
        return draw_completion(self.lm, longer, unit, self._state)

    def _find_healed(self, request: Request, unit: Unit) -> bytes:
        """A middle that meets the suffix: by rejection, or else the best cut of the last try."""
        ends, max_bytes = self.frame.ends, request.max_bytes
        seeds = np.random.SeedSequence(request.seed).generate_state(self._tries).tolist()
        greedy = request.temperature == 0  # would draw the same text each time
        text = b""
        for one_seed in seeds[:1] if greedy else seeds:
            text = b"".join(self._draw(request, unit, one_seed))
            if len(text) <= max_bytes + len(ends) and text.endswith(ends):
                return text[: -len(ends)]
        return self.best_cut(text[:max_bytes], valid_utf8=request.valid_utf8)

    def best_cut(self, text: str | bytes, *, valid_utf8: bool = False) -> bytes:
        """The beginning m of `text` for which P(r m s end) is largest; the shortest on ties.

        Args:
            text: to cut.
            valid_utf8: cut nowhere where that leaves a character broken, if there is a choice.

        Raises:
            ArgumentError: no text, or no truth value.
            ModelError: it is zero for all of them.
        """
        check_flags(valid_utf8=valid_utf8)
        text, ends, state = as_bytes(text), self.frame.ends, self._state.fork()
        cuts = set(range(len(text) + 1))
        if valid_utf8:
            cuts = _whole_cuts(ValidUtf8(self._begun), text, ends) or cuts
        scores = np.full(len(text) + 1, -np.inf)
        for start in range(0, len(text) + 1, _CUTS_AT_ONCE):
            twins: dict[int, CoverState] = {}
            for k in range(start, min(start + _CUTS_AT_ONCE, len(text) + 1)):
                if k in cuts:
                    twins[k] = twin = copy(state)
                    twin.cover = state.cover.fork()
                    twin.push(ends)
                state.push(text[k : k + 1])
            # Together, for what is shared must know all that will be asked of it.
            evaluate_states([*twins.values(), state])
            for k, twin in twins.items():
                scores[k] = twin.prefix_logprob + float(twin.logprobs()[END])
        if scores.max() == -np.inf:
            raise ModelError(
                f"{self.lm.name} gives no middle that meets the suffix any mass; pass heal='prefix'"
            )
        return text[: int(scores.argmax())]

    def logprob(self, middle: str | bytes, *, end: bool = True) -> float:
        """Log-probability, nats, that the model writes `middle` in the gap.

        With a healed suffix it is that of the middle *and* of the suffix's first bytes
        (`frame.ends`), given the rest: log P(r m s end) - log P(r). The sum over all middles that
        would make it conditional has no closed form, so the figure is a lower bound.

        Args:
            middle: to score.
            end: whether the gap must be full after it; needed where the suffix is healed.

        Returns:
            Minus infinity if the model cannot produce the bytes.

        Raises:
            ArgumentError: `end=False` with a healed suffix.
            ModelError: the model gives the parts no mass.
        """
        check_flags(end=end)
        if self.frame.ends and not end:
            raise ArgumentError(
                "a beginning of a middle does not meet the suffix yet: pass end=True, or open the "
                "gap with heal='prefix'"
            )
        state = self._state.fork()
        check_mass(state.logprobs(), self.lm.name)
        tallies = state.tallies(as_bytes(middle) + self.frame.ends)
        before, after = tallies[0].log_total, tallies[-1].log_total
        if after == -np.inf:
            return -np.inf
        return after - before + (float(tallies[-1].logprobs()[END]) if end else 0.0)


def _whole_cuts(guard: ValidUtf8, text: bytes, ends: bytes) -> set[int]:
    """Sizes of beginnings of `text` that `ends` may follow, in valid UTF-8."""
    found: set[int] = set()
    for size, byte in enumerate(text):
        if guard.admits(ends):
            found.add(size)
        if not guard.admits(bytes([byte])):
            return found
        guard.push(byte)
    return found | {len(text)} if guard.admits(ends) else found
