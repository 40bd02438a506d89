"""Proposals for one text that is being drawn: `Speculator`.

What proposing gains is compared with what it costs as the text grows. With `row_cost=None` both are
measured, over some passes at a time; where proposing is the dearer one (a model for which every
context costs a call, a model faster than the search for proposals, a text that nobody foresees) it
rests, for twice as long each time, so that in the long run next to nothing is lost.
"""

from __future__ import annotations

from collections.abc import Sequence
from time import thread_time

from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.drawing.constraint_set import Constraints
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.speculation.guesses import Guesses
from tokkit.bytelm.drawing.speculation.options import MAX_ROWS, as_options
from tokkit.bytelm.drawing.speculation.proposal_tree import Budget, Member, grow_proposal
from tokkit.bytelm.drawing.speculation.repeats import RepeatedText
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.pass_costs import PassCosts, Rest

_TRIAL = 12  # passes after which gain and cost are compared


class Speculator:
    """Has likely bytes evaluated in the passes that a text needs, and counts both.

    Attributes:
        is_on: whether anything is proposed.
    """

    def __init__(self, request: Request, *, foretells: bool) -> None:
        """Begin after the prompt.

        Args:
            request: what is drawn.
            foretells: whether symbols are drawn as soon as they are certain; see `Draw`.
        """
        self._foretells = foretells
        self._request = request
        self._options = as_options(request.speculate)
        self.is_on = self._options is not None
        self._drawn = bytearray()
        self._guesses: Guesses | None = None
        self._n_guessed = 0  # drawn bytes that the guesses have seen
        self._paths: dict[bytes, float] = {}
        self._since = b""  # drawn since the last proposal, or since it was left
        self._rest: Rest | None = None
        self._n_passes = 0
        self._spent = self._saved = 0.0

    def prepare(
        self,
        state: ByteState,
        constraints: Constraints,
        room: int,
        share: float = 1.0,
        most: int = MAX_ROWS,
    ) -> None:
        """Before a pass: say what it shall evaluate besides.

        Args:
            state: after the text, not evaluated.
            constraints: after the text.
            room: bytes that may still be drawn.
            share: of the pass that is made for this text.
            most: contexts that are proposed, at most, whatever the options say.
        """
        if state.progress is not None:
            state.progress.n_passes += 1
        self._paths, self._since = {}, b""
        if self._options is None or room < 2:
            return
        pairs = zip(state.stands_on, state.shares, strict=True)
        members = [(one, share) for one, share in pairs if isinstance(one, CoverState)]
        if not members:
            return
        costs = [member.vocabulary.costs for member, _ in members]
        self._rest = costs[0].rest((len(members), share < 1))
        if self._rest.left > 0 and self._options.row_cost is None:
            for member, _ in members:
                member.foresee(())
            return
        began = thread_time()
        first, further = self._line(costs, share)
        lazy = state.foretells and self._foretells
        rows = min(self._options.max_rows, most)
        budget = Budget(lazy, first, further, rows, room - 1)
        proposal = grow_proposal(
            [Member(one.vocabulary, one.cover.ahead(), weight) for one, weight in members],
            constraints,
            self._begun_guesses(),
            self._request.stops,
            bytes(self._drawn[-self._longest_stop() :]),
            self._request.temperature,
            budget,
        )
        for (member, _), heads in zip(members, proposal.heads, strict=True):
            member.foresee(heads)
        self._paths = proposal.paths
        if state.progress is not None:
            state.progress.n_proposed += len(proposal.paths)
        costs[0].plan(thread_time() - began)
        self._spent += proposal.n_rows * further + costs[0].planning
        self._n_passes += 1
        if self._options.row_cost is None and self._n_passes >= _TRIAL:
            self._compare(self._rest, first)

    def follow(self, state: ByteState, byte: int) -> None:
        """Follow the text by one byte, before or after the state does."""
        self._drawn.append(byte)
        self._since += bytes([byte])
        held = self._since in self._paths
        self._saved += self._paths.get(self._since, 0.0)
        if state.progress is not None:
            state.progress.n_bytes += 1
            state.progress.n_held += held
        if self._rest is not None and not self._paths:
            self._rest.pass_symbol()

    def _line(self, costs: Sequence[PassCosts], share: float) -> tuple[float, float]:
        """Seconds of a pass of all models, and what a context adds in each of them."""
        assert self._options is not None
        if self._options.row_cost is not None:
            return share, self._options.row_cost / len(costs)
        lines = [cost.line() for cost in costs]
        return share * sum(first for first, _ in lines), sum(more for _, more in lines) / len(lines)

    def _compare(self, rest: Rest, first: float) -> None:
        """Rest if proposals have cost more than the passes that they saved in the last trial."""
        rest.judge(self._spent, self._saved * first)
        self._n_passes = 0
        self._spent = self._saved = 0.0

    def _begun_guesses(self) -> Guesses:
        assert self._options is not None
        if self._guesses is None:
            prompt, draft = self._request.text, self._request.draft
            self._guesses = Guesses(
                RepeatedText(prompt) if self._options.repeats else None,
                None if draft is None else draft.open(prompt),
            )
        for byte in self._drawn[self._n_guessed :]:
            self._guesses.push(byte)
        self._n_guessed = len(self._drawn)
        self._guesses.begin()
        return self._guesses

    def _longest_stop(self) -> int:
        """Bytes of a stop string that may have been drawn already; at least 1."""
        return max([1, *(len(stop) - 1 for stop in self._request.stops)])
