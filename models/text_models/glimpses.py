"""Next bytes that are certain without a pass of the whole model: when it pays to look for them.

A part of a model may know how likely the next byte is, but for a little mass (`glance`): the
decoder of a word, say, which knows all bytes that go on with the word, and how likely it is that
none does. Where the random number of a draw is not close to what is open, the byte is drawn from
that (`Sampler.foretell`), and the next pass reads several bytes at once. That is self-speculation
without anything to reject. Whether it is faster depends on the model, and is measured.
"""

from __future__ import annotations

from time import thread_time

from tokkit.bytelm.encodings.pass_costs import PassCosts, Rest

_TRIAL = 12  # glances after which gain and cost are compared
_LONGEST = 64  # bytes of a pass that is measured; longer ones read prompts


class Glimpses:
    """What glances of a model cost, and the passes that they save."""

    def __init__(self) -> None:
        """Nothing is measured yet."""
        self._passes = PassCosts(row_cost=0.1)
        self._rest = Rest()
        self._n = 0
        self._spent = self._saved = 0.0

    def begin(self) -> float | None:
        """When a glance begins; None: it is not worth one now."""
        if self._rest.left > 0:
            self._rest.pass_symbol()
            return None
        return thread_time()

    def end(self, began: float, *, held: bool) -> None:
        """A glance is over.

        Args:
            began: from `begin`.
            held: whether the one before it, at the byte before, made a pass superfluous.
        """
        first, further = self._passes.line()
        self._spent += thread_time() - began
        self._saved += held * (first - further)
        self._n += 1
        if self._n >= _TRIAL and self._passes.n_calls:
            self._rest.judge(self._spent, self._saved)
            self._n, self._spent, self._saved = 0, 0.0, 0.0

    def read(self, longest: int, seconds: float) -> None:
        """A pass has read some texts on.

        Args:
            longest: bytes of any of them.
            seconds: for each text.
        """
        if longest <= _LONGEST:
            self._passes.add(longest, seconds)
