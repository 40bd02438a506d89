"""What a call of a model costs, by the number of contexts that it evaluates: `PassCosts`.

A pass that is bound by reading weights takes hardly longer for eight contexts than for one; a model
that has no cache takes eight times as long. Which it is decides how far ahead it pays to look, so
it is measured as the model runs: a line, fitted by least squares with forgetting.
"""

from __future__ import annotations

_FORGET = 0.98
_PRIOR_WEIGHT = 4.0  # of the first guess at the slope, in squared rows
_OUTLIER = 2.0  # times what was expected; more is taken for something else that ran meanwhile
_ENOUGH = 4
_SMOOTHING = 0.2
_FIRST_REST, _LONGEST_REST = 64, 1 << 13  # symbols


class PassCosts:
    """Seconds of a call with n contexts, `first + (n - 1) * further`.

    Attributes:
        n_calls: that were measured.
        rest: symbols for which nothing is proposed now, since it did not pay; see
            `tokkit.bytelm.drawing.speculation.speculator`.
        next_rest: how long the next rest will be.
        n_plans: choices of what to propose.
        planning: seconds that it takes to choose what to propose, smoothed.
    """

    def __init__(self, row_cost: float) -> None:
        """Nothing is measured yet.

        Args:
            row_cost: what a further context adds to a call with one, as a share of it; a guess.
        """
        self._row_cost = row_cost
        self._weight = self._mean_rows = self._mean_seconds = 0.0
        self._spread = self._product = 0.0
        self.n_calls = 0
        self.rest = 0
        self.next_rest = 0
        self.n_plans = 0
        self.planning = 0.0

    def add(self, n_rows: int, seconds: float) -> None:
        """Take a measurement into account."""
        if self.n_calls >= _ENOUGH:
            first, further = self.line()
            seconds = min(seconds, _OUTLIER * (first + (n_rows - 1) * further))
        self.n_calls += 1
        self._weight = _FORGET * self._weight + 1.0
        gain = 1.0 / self._weight
        from_rows, from_seconds = n_rows - self._mean_rows, seconds - self._mean_seconds
        self._mean_rows += gain * from_rows
        self._mean_seconds += gain * from_seconds
        self._spread = _FORGET * self._spread + from_rows * (n_rows - self._mean_rows)
        self._product = _FORGET * self._product + from_rows * (seconds - self._mean_seconds)

    def plan(self, seconds: float) -> None:
        """Take into account how long it took to choose what to propose."""
        self.n_plans += 1
        if self.n_plans > _ENOUGH:  # the first ones compile kernels
            limit = max(_OUTLIER * self.planning, 1e-4)
            self.planning += _SMOOTHING * (min(seconds, limit) - self.planning)

    def judge(self, spent: float, saved: float) -> None:
        """After a trial: rest if it has cost more than it saved, for twice as long each time."""
        if spent > saved:
            self.next_rest = min(max(_FIRST_REST, 2 * self.next_rest), _LONGEST_REST)
            self.rest = self.next_rest
        else:
            self.next_rest = 0

    def line(self) -> tuple[float, float]:
        """Seconds of a call with one context, and what each further one adds.

        Before anything was measured the first is 1.
        """
        if not self.n_calls:
            return 1.0, self._row_cost
        more = max(0.0, self._mean_rows - 1.0)
        guess = self._row_cost * self._mean_seconds / (1.0 + self._row_cost * more)
        further = (self._product + _PRIOR_WEIGHT * guess) / (self._spread + _PRIOR_WEIGHT)
        further = min(max(further, 0.0), self._mean_seconds / (1.0 + more))
        return self._mean_seconds - more * further, further
