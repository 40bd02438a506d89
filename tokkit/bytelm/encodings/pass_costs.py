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
_FIRST_REST, _LONGEST_REST = 64, 1 << 10  # symbols
_REST_AFTER_FAILURE = 256


class Rest:
    """Symbols for which nothing is proposed, since it did not pay; longer each time.

    Attributes:
        left: symbols until it is tried again.
    """

    def __init__(self) -> None:
        self.left = 0
        self._next = 0

    def judge(self, spent: float, saved: float) -> None:
        """After a trial: rest if it has cost more than it saved, for twice as long each time."""
        if spent > saved:
            self._next = min(max(_FIRST_REST, 2 * self._next), _LONGEST_REST)
            self.left = self._next
        else:
            self._next = 0

    def pass_symbol(self) -> None:
        """One symbol fewer."""
        self.left -= self.left > 0


class PassCosts:
    """Seconds of a call with n contexts, `first + (n - 1) * further`.

    Attributes:
        n_calls: that were measured.
        rests: whether proposals rest, by how the model is used: by itself, among how many members
            of an ensemble, beside other texts. What did not pay in one may in another.
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
        self.rests: dict[object, Rest] = {}
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

    def rest(self, use: object) -> Rest:
        """The rest of a use; the same object each time."""
        return self.rests.setdefault(use, Rest())

    def fail(self) -> None:
        """A pass with proposals could not be computed: propose nothing for a while."""
        for rest in self.rests.values():
            rest.left = _REST_AFTER_FAILURE

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
