"""Sample whole tokens from a byte prefix: one exact draw across its end, then one token at a time.

The law is that of the canonical token model, given that the bytes of its tokens start with the
prefix x. By the representation lemma (see `tokkit.bytelm.encodings.cover`) every text that starts
with x leaves it in exactly one step: from a live head h, by a token t that starts with the bytes of
x after h, or by the end of the text. So (h, t), drawn jointly in proportion to P(h) P(t | h), is
the beginning of the conditional token sequence, and the rest follows by P(next token | h t ...),
masked and renormalised as always. Nothing is approximated: the bytes have the same distribution as
if they had been drawn one by one (`docs/concepts/healing-and-fim.md` has the proof), at one model
evaluation a token. SewoongLab's byte-sampler goes on in tokens after a healed prompt, too; there
the draw at the boundary is over bytes until a token is certain.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tokkit.bytelm.byte_state import END
from tokkit.bytelm.drawing.sampling import Sampler
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.evaluation import evaluate
from tokkit.bytelm.encodings.heads import Head, LiveHead, Stem
from tokkit.text.canonical.automaton import CanonicalAutomaton


class TokenWalk:
    """A byte prefix that grows by whole tokens.

    It takes over where a state stands and leaves the state as it is; of the heads it keeps only
    those that the next draw needs.
    """

    def __init__(self, state: CoverState) -> None:
        """Start where `state` stands.

        Raises:
            ModelError: the model returned NaN.
        """
        state.logprobs()  # evaluates the heads, and drops what the tolerance lets go
        self._vocabulary = state.vocabulary
        self._session = state.session
        self._length = state.cover.length
        self._live = list(state.cover.live)

    def draw(self, sampler: Sampler) -> bytes | None:
        """Draw a token; the bytes that it adds to the prefix, at least one, or None for the end.

        Raises:
            ModelError: nothing has any mass, or the model returned NaN.
        """
        self._evaluate()
        with np.errstate(divide="ignore"):
            scores = [
                live.head.log_weight + np.log(live.head.mass(live.low, live.high))
                for live in self._live
            ]
            ends = [
                live.head.log_weight + np.log(live.head.end_probability)
                for live in self._live
                if live.head.start == self._length
            ]
        end = np.logaddexp.reduce(np.array(ends)) if ends else -np.inf
        choice = sampler.draw(np.concatenate([*scores, [end]]))
        for live, row in zip(self._live, scores, strict=True):
            if choice < len(row):
                return self._take(live.head, live.low + choice)
            choice -= len(row)
        return None

    def _evaluate(self) -> None:
        everything = len(self._vocabulary.trie)
        heads = [live.head for live in self._live if live.head.weights is None]
        for _ in evaluate(
            self._vocabulary, self._session, heads, dict.fromkeys(heads, (0, everything))
        ):
            pass

    def _take(self, head: Head, position: int) -> bytes:
        """Go on from `head` with the token at `position` in the order of bytes."""
        vocabulary = self._vocabulary
        token = int(vocabulary.trie.order[position])
        spelling = vocabulary.trie.tokens[position]
        fresh = spelling[self._length - head.start :]
        state = vocabulary.canonical.advance(head.state, token)
        assert state != CanonicalAutomaton.DEAD
        self._length += len(fresh)
        node = self._session.extend(head.node, token)
        # Its weight is that of the only head; what lies before it is needed no longer.
        following = Head(Stem(self._length, state, node), None, log_weight=0.0)
        self._live = [LiveHead(following, 0, len(vocabulary.trie))]
        return fresh


def draw_by_token(state: CoverState, sampler: Sampler) -> Iterator[int]:
    """Endless symbols after `state`, drawn a token at a time; `END` is the last if it comes.

    `state` stays where it is. A token is drawn when its first byte is asked for.

    Raises:
        ModelError: nothing has any mass, or the model returned NaN.
    """
    walk = TokenWalk(state)
    while (data := walk.draw(sampler)) is not None:
        yield from data
    yield END
