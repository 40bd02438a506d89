"""`AllEncodingsState`: the pushforward of the *unmodified* token model to bytes, by beam.

P(x ...) is the sum of p(t) over cover(x), the token sequences whose last token is the first to
reach the end of x, canonical or not (Vieira et al., "From Language Models over Tokens to Language
Models over Characters", ICML 2025, section 3; Phan et al., ICLR 2025). The sum is exponential, so
a beam (`tokkit.bytelm.encodings.encoding_beam`) evaluates few heads, and says how much the others
can weigh.

Where this deviates from the beam of Vieira et al. (section 4):

- A head that has been evaluated is kept until no token fits it: only heads that would cost a model
  call compete.
- What is left out is bounded, and the bound is part of the state. Where the caller names a bound to
  reach, the text is gone through again with beams twice as wide each time until it is kept.
- Control tokens are masked out at every step, and the rest renormalised (`encoding_beam.absorb`).

What is known of the text ahead saves model calls (`tokkit.bytelm.encodings.known_text`).
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.encodings.context_limit import refuse_too_long
from tokkit.bytelm.encodings.encoding_beam import EncodingBeam, Row, absorb
from tokkit.bytelm.encodings.evaluation import rows_in_calls
from tokkit.bytelm.encodings.heads import Tally
from tokkit.bytelm.encodings.known_text import KnownText
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.side_by_side import Parts, parts_of
from tokkit.bytelm.token_models.protocol import Node, Session
from tokkit.errors import EncodingError, ModelError
from tokkit.text.tokenizer import TextTokenizer

DEFAULT_BEAM = 8

MAX_BEAM = 4096
"""No beam is widened beyond this to reach a bound."""
WINDOW = 256  # bytes whose calls are grouped


class AllEncodingsState(ByteState):
    """The state of a `ByteLM` with `encodings="all"`; made by `ByteLM.open`.

    `prefix_logprob` and `logprobs` are those of the heads that were kept; the first is never above
    the exact value.

    Attributes:
        session: the tree of contexts that the state grows in.
        n_calls: calls of the model so far, by this state and those that it was forked from.
        n_evaluated: heads evaluated so far, likewise.
    """

    def __init__(
        self,
        tokenizer: TextTokenizer,
        vocabulary: ByteVocabulary,
        session: Session,
        start: Node,
        *,
        beam: int,
        tolerance: float,
        given: bytes,
        bound: float | None = None,
    ) -> None:
        """Start from the empty text.

        Args:
            tokenizer: of the model.
            vocabulary: shared by all states of a model.
            session: the tree of contexts to grow in.
            start: the context that the text begins after.
            beam: a head is evaluated only if it is among so many that carry the most mass.
            tolerance: share of the mass that may be left out at each byte besides.
            given: bytes before the text that are a condition; nothing is left out over them.
            bound: that `next_byte_bound` keeps at every position asked for; None: none.
        """
        self.session = session
        self._tokenizer = tokenizer
        self._vocabulary = vocabulary
        self._start = start
        self._given = given
        self._bound = bound
        self._tolerance = tolerance
        self._width = beam
        self.n_calls = 0
        self.n_evaluated = 0
        self._begin(beam)

    def _begin(self, width: int) -> None:
        """Go back to the empty text, with a beam of some width."""
        self._text = b""
        self._beam = EncodingBeam(
            self._vocabulary, self._start, width=width, tolerance=self._tolerance
        )
        self._tally: Tally | None = None
        self._log_given = 0.0
        for byte in self._given:
            self._evaluated()
            self._beam.step(byte, self.session.extend)
            self._tally = None
        if self._given and self._evaluated().log_total > -np.inf:
            self._log_given = self._evaluated().log_total

    @property
    def n_heads(self) -> int:
        """Heads that are alive."""
        return len(self._beam.live)

    @property
    def prefix_logprob(self) -> float:
        """Log-probability, nats, that a text starts with the prefix: a lower bound."""
        return self._evaluated().log_total - self._log_given

    @property
    def log_left_out(self) -> float:
        """Log of the weight of all heads left out, nats; minus infinity if nothing was."""
        return self._beam.log_left_out - self._log_given

    @property
    def logprob_bounds(self) -> tuple[float, float]:
        """The exact log-probability of the prefix, nats, lies between these two."""
        low = self.prefix_logprob
        return low, float(np.logaddexp(low, self.log_left_out))

    @property
    def next_byte_bound(self) -> float:
        """The total variation between `logprobs` and the exact next-byte law is at most this."""
        return self._share_left_out(self._evaluated())

    @property
    def dropped_mass(self) -> float:
        """The sum over the bytes of the share of the mass that was left out at each.

        In expectation it bounds the total variation between the law of a text that is sampled so
        and the exact one.
        """
        return self._beam.dropped_mass

    @property
    def log_text_share(self) -> float:
        """What the mask of control tokens changed, nats, at most 0.

        `prefix_logprob + log_text_share` is the log-probability (of the heads kept) if control
        tokens stay in the softmax, and a sequence with one of them is another text.
        """
        self._evaluated()
        masses = self._beam.log_masses()
        if not len(masses) or masses.max() == -np.inf:
            return 0.0
        texts = np.array([head.log_text for head in self._beam.live])
        return float(np.logaddexp.reduce(masses + texts) - np.logaddexp.reduce(masses))

    @property
    def prefix_bytes(self) -> bytes | None:
        """See `ByteState.prefix_bytes`."""
        return self._text if self._start is self.session.root else None

    @property
    def law(self) -> object:
        """See `ByteState.law`."""
        return self._vocabulary.law, self._tolerance, self._width, self._bound

    @property
    def is_evaluated(self) -> bool:
        """See `ByteState.is_evaluated`."""
        return self._tally is not None or not self._beam.missing()

    @property
    def cache(self) -> Session:
        """See `ByteState.cache`."""
        return self.session

    def evaluate_with(self, others: Sequence[Self]) -> None:
        """See `ByteState.evaluate_with`."""
        missing = {state: state._beam.missing() for state in (self, *others)}
        nodes = list({head.node: None for heads in missing.values() for head in heads})
        found: dict[Node, Row] = {}
        n_calls = 0
        session = self.session
        for chunk, rows in rows_in_calls(self._vocabulary, session, session.logprobs, nodes):
            for node, row in zip(chunk, rows, strict=True):
                found[node] = absorb(self._vocabulary, row)
            n_calls += 1
        for state, heads in missing.items():
            state._beam.fill(found)
            state.n_calls += n_calls if heads else 0
            state.n_evaluated += len(heads)

    @property
    def parts(self) -> Parts:
        """See `ByteState.parts`."""
        return parts_of(self._vocabulary.token_lm)

    def logprobs(self) -> NDArray[np.float64]:
        """See `ByteState.logprobs`.

        Raises:
            ModelError: the model returned NaN.
        """
        return self._evaluated().logprobs()

    def push(self, data: str | bytes) -> None:
        """Add bytes. Runs the model for all but the last, as weights decide what is kept."""
        self._advance(as_bytes(data), None)

    def fork(self) -> Self:
        """An independent copy; the model's cache is shared. Evaluates what is pending."""
        self._evaluated()
        twin = copy(self)
        twin._beam = self._beam.copy()
        return twin

    def score(self, data: str | bytes) -> NDArray[np.float64]:
        """See `ByteState.score`."""
        return np.stack([tally.logprobs() for tally in self.tallies(as_bytes(data))])

    def tallies(self, data: bytes) -> list[Tally]:
        """Push `data`; the masses of the next symbol at its len(data) + 1 positions.

        Raises:
            ModelError: the model returned NaN, or the widest beam does not keep the bound.
        """
        refuse_too_long(self._vocabulary, self, data)
        if self._bound is not None:
            self._evaluated()
        before = self._text
        while True:
            tallies: list[Tally] = []
            if self._advance(data, tallies):
                tallies.append(self._asked())
                if self._keeps_bound(tallies[-1]):
                    return tallies
            self._widen(before)

    def _share_left_out(self, tally: Tally) -> float:
        """The weight left out over all that there may be; `tally` is that of the beam as it is."""
        left_out = self._beam.log_left_out
        high = float(np.logaddexp(tally.log_total, left_out))
        return float(np.exp(left_out - high)) if high > -np.inf else 0.0

    def _keeps_bound(self, tally: Tally) -> bool:
        return self._bound is None or self._share_left_out(tally) <= self._bound

    def _widen(self, text: bytes) -> None:
        """Go to `text` again, with a beam twice as wide.

        Raises:
            ModelError: the beam is as wide as it may be.
        """
        width = 2 * self._beam.width
        if width > MAX_BEAM:
            raise ModelError(
                f"a beam of {self._beam.width} encodings does not bound what is left out by "
                f"{self._bound} after {len(self._text)} bytes; allow a larger bound, or score "
                "canonical encodings, which are exact"
            )
        self._begin(width)
        self._advance(text, None)

    def _evaluated(self) -> Tally:
        """Masses of the next symbol at the current position, within the bound."""
        tally = self._asked()
        while not self._keeps_bound(tally):
            self._widen(self._text)
            tally = self._asked()
        return tally

    def _asked(self) -> Tally:
        """Masses of the next symbol, as the beam has them."""
        if self._tally is None:
            self.evaluate_with(())
            self._tally = self._beam.tally()
        return self._tally

    def _advance(self, data: bytes, tallies: list[Tally] | None) -> bool:
        """Push bytes; append the masses at the position before each, if asked for.

        Returns:
            Whether the bound was kept at those positions. If it was not, the rest is not pushed.
        """
        is_kept = True

        def note() -> None:
            nonlocal is_kept
            if tallies is not None and is_kept:
                tallies.append(self._beam.tally())
                is_kept = self._keeps_bound(tallies[-1])

        refuse_too_long(self._vocabulary, self, data)
        for start in range(0, len(data), WINDOW):
            window = data[start : start + WINDOW]
            known = KnownText(self._vocabulary, self.session, self._beam, window)
            self._text += window
            guess = self._canonical_heads(known) if len(window) > 1 else {}
            known.push(guess, None if tallies is None else note)
            self.n_calls += known.n_calls
            self.n_evaluated += known.n_evaluated
            self._tally = None
            if not is_kept:
                return False
        return True

    def _canonical_heads(self, known: KnownText) -> dict[Node, int]:
        """The contexts along the canonical encoding of the text, from a live head on.

        Returns:
            Each with the number of bytes that it spells; none if no live head lies on the way.
        """
        try:
            ids = self._tokenizer.encode(self._text, normalize=False)
        except EncodingError:
            return {}
        ends = np.cumsum([0, *(len(self._tokenizer.token_bytes(token)) for token in ids)]).tolist()
        if ends[-1] != len(self._given) + len(self._text):
            return {}
        index_of = {end: k for k, end in enumerate(ends)}
        latest = max(
            (
                (index_of[head.start], head.node)
                for head in self._beam.live
                if head.start in index_of and self._spells(head.node, ids[: index_of[head.start]])
            ),
            key=lambda found: found[0],
            default=None,
        )
        if latest is None:
            return {}
        k, node = latest
        heads: dict[Node, int] = {}
        for token, end in zip(ids[k:], ends[k + 1 :], strict=True):
            node = known.child(node, token)
            heads[node] = end
        return heads

    def _spells(self, node: Node, ids: Sequence[int]) -> bool:
        """Whether the context consists of these tokens, after what the text starts from."""
        for token in reversed(ids):
            if node is self._start or node.token != token or node.parent is None:
                return False
            node = node.parent
        return node is self._start
