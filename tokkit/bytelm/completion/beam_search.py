"""Beam search over bytes: the most probable continuations, not a sample of them.

The beam holds `n_beams` hypotheses. A step replaces each one that has not ended by its 257
continuations and keeps the best of all, ended ones included (Graves, 2012, "Sequence transduction
with recurrent neural networks", section 2.3, in its usual form that works by length). Hypotheses
are ranked by

    logprob / n_symbols ** length_penalty

(as transformers does it; Wu et al., 2016, section 7 have (5 + n) / 6 in place of n), where end of
text counts as a symbol. Two hypotheses that differ in bytes are different texts: unlike a search
over tokens, none is found several times under different spellings.

The search is exact if the beam never has to drop anything, and greedy with one beam. Byte strings
that share a beginning compete for the beam, so it needs to be wider than over tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import check_real, check_whole
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.byte_state import END, N_SYMBOLS, ByteState
from tokkit.bytelm.drawing.constraint_set import Constraints
from tokkit.bytelm.drawing.draw import check_mass
from tokkit.bytelm.drawing.patterns import Grammar
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.together import evaluate_together
from tokkit.errors import ModelError


@dataclass(frozen=True, slots=True)
class Beam:
    """One continuation that was found.

    Attributes:
        data: without the prompt, and without the stop string that ended it.
        logprob: nats, given the prompt: of the bytes, of the stop string, and of end of text where
            that was chosen. Never renormalised over what a constraint permits.
        ended: whether the text ends here: by end of text, by a stop string, or because the pattern
            permits nothing more. If not, `max_bytes` cut it.
    """

    data: bytes
    logprob: float
    ended: bool


@dataclass(frozen=True, slots=True)
class _Hypothesis:
    """A beam under way; `state` and `constraints` stand after `data` until it has ended."""

    data: bytes
    logprob: float
    n_symbols: int
    ended: bool
    state: ByteState
    constraints: Constraints

    def score(self, length_penalty: float) -> float:
        return self.logprob / max(1, self.n_symbols) ** length_penalty


def beam_search(
    lm: ByteModel,
    prompt: str | bytes,
    *,
    max_bytes: int,
    n_beams: int = 4,
    length_penalty: float = 0.0,
    stop: str | bytes | Sequence[str | bytes] = (),
    pattern: str | Grammar | None = None,
    valid_utf8: bool = False,
) -> list[Beam]:
    """Search for the most probable continuations of `prompt`.

    The beams of a `ByteLM`, or of an ensemble, are evaluated in one call of each token model a
    step; those of any other model one after the other. The semantics is that of the model.

    Args:
        lm: any byte-level model.
        prompt: may be empty, and may end inside a word or a character.
        max_bytes: at most so many bytes, a stop string included.
        n_beams: hypotheses that are kept, at least 1; 1 is greedy.
        length_penalty: 0 ranks by log-probability, 1 by its mean over the symbols; more favours
            longer texts.
        stop: strings that end a text; they are not part of it. The same bytes may therefore be
            found more than once, with different ends.
        pattern: a regular expression or a `Grammar` that the whole continuation must match; see
            `tokkit.bytelm.drawing.patterns`. Since nothing is renormalised, the ranking is that of
            the model on condition that the text matches.
        valid_utf8: only texts that are valid UTF-8 together with the prompt.

    Returns:
        At most `n_beams` results, the best first.

    Raises:
        ArgumentError: an option out of range, or an unusable pattern.
        MissingExtraError: a pattern, and llguidance is not installed.
        ModelError: the model gives the prompt no mass, or none to what the options permit.
    """
    check_model(lm)
    request = Request(
        prompt, max_bytes=max_bytes, stop=stop, pattern=pattern, valid_utf8=valid_utf8
    )
    check_whole("n_beams", n_beams, 1)
    check_real("length_penalty", length_penalty)
    constraints = request.constraints()
    if constraints.utf8 and constraints.utf8.n_missing > max_bytes:
        max_bytes = 0
    state = lm.open(request.text)
    if max_bytes:
        check_mass(state.logprobs(), lm.name)
    beams = [_Hypothesis(b"", 0.0, 0, constraints.must_end, state, constraints)]
    for room in range(max_bytes, 0, -1):
        if all(beam.ended for beam in beams):
            break
        beams = _step(beams, room, n_beams, length_penalty, request.stops)
        if not beams:
            raise ModelError(
                f"{lm.name} gives no mass to any text that is permitted; ask less of it, or use "
                "another model"
            )
    beams.sort(key=lambda beam: -beam.score(length_penalty))
    return [Beam(beam.data, beam.logprob, beam.ended) for beam in beams]


def _step(
    beams: list[_Hypothesis],
    room: int,
    n_beams: int,
    length_penalty: float,
    stops: Sequence[bytes],
) -> list[_Hypothesis]:
    """The best of the ended beams and of the continuations of the others.

    Args:
        beams: not all ended.
        room: bytes that may still be added, at least 1.
        n_beams: how many to keep.
        length_penalty: see `beam_search`.
        stops: strings that end a text.
    """
    ended = [beam for beam in beams if beam.ended]
    live = [beam for beam in beams if not beam.ended]
    evaluate_together([beam.state for beam in live])
    totals = np.stack([beam.logprob + _permitted(beam, room) for beam in live]).ravel()
    scores = np.concatenate(
        [
            [beam.score(length_penalty) for beam in ended],
            totals / (live[0].n_symbols + 1) ** length_penalty,
        ]
    )
    best: list[int] = np.argsort(-scores, kind="stable")[:n_beams].tolist()
    kept: list[_Hypothesis] = []
    for choice in best:
        if choice < len(ended):
            kept.append(ended[choice])
        elif scores[choice] > -np.inf:
            row, symbol = divmod(choice - len(ended), N_SYMBOLS)
            logprob = float(totals[choice - len(ended)])
            kept.append(_continued(live[row], symbol, logprob, stops))
    return kept


def _permitted(beam: _Hypothesis, room: int) -> NDArray[np.float64]:
    """float64 (257,), nats: the next symbol, minus infinity where the constraints forbid it."""
    logprobs = beam.state.logprobs() + beam.constraints.bias()
    for byte in np.flatnonzero(logprobs[:END] > -np.inf).tolist() if room < 4 else ():
        if not beam.constraints.fits(byte, room):
            logprobs[byte] = -np.inf
    return logprobs


def _continued(
    beam: _Hypothesis, symbol: int, logprob: float, stops: Sequence[bytes]
) -> _Hypothesis:
    """`beam` and one symbol more; `logprob` is that of both."""
    beam = replace(beam, logprob=logprob, n_symbols=beam.n_symbols + 1)
    if symbol == END:
        return replace(beam, ended=True)
    data = beam.data + bytes([symbol])
    for stop in stops:
        if data.endswith(stop):
            return replace(beam, data=data[: -len(stop)], ended=True)
    state, constraints = beam.state.fork(), beam.constraints.fork()
    state.push(data[-1:])
    constraints.push(symbol)
    ended = constraints.must_end
    return replace(beam, data=data, ended=ended, state=state, constraints=constraints)
