"""How encoding time grows with the size of a text, for tokkit and for the tokenizer's own library.

Each family of texts is encoded at doubling sizes. Growth is superlinear if two things hold at the
largest: the slope of log time over log size through the last three doublings is above 1.5 (linear
is 1, quadratic 2), and a byte costs more than 8 times what it costs at the size where it is
cheapest. The first alone would call it superlinear when tables outgrow a cache, which happens once
and costs a factor of 2 or 3; a size that leaves doubt is doubled further. CPU time is measured, and
the least of several runs counts where it matters, so that the verdict does not depend on what else
the machine does. Libraries also get a megabyte of white space, once, which some do not survive.
Times are returned here and never become part of a report, which must not change
from run to run.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.reference.own_library import Reference
from tokkit.audit.rules import Severity
from tokkit.audit.rules.safety import REFERENCE_FAILS, SUPERLINEAR_TIME
from tokkit.audit.safety.adversarial import TextFamily, text_families
from tokkit.errors import EncodingError, SandboxError
from tokkit.report.section import Column, Table
from tokkit.text.tokenizer import TextTokenizer

Verdict = Literal["linear", "superlinear", "timed out", "failed", "not encodable"]

FIRST_SIZE = 16
LAST_SIZE = 1 << 17
LARGEST_SIZE = 1 << 22
"""Where there is doubt."""
SUPERLINEAR = 1.5
COLLAPSE = 8.0
"""How many times more a byte costs at the largest size than where it is cheapest."""
N_DOUBLINGS = 3
ENOUGH_SECONDS = 0.4
"""A family is not made larger once it takes this long."""
MIN_SECONDS = 0.02
"""What takes less at the largest size is called linear: its growth cannot be measured."""
SURVIVAL_SIZE = 1 << 20
LIMIT_SECONDS = 5.0
"""The library is stopped after this long on one text."""
MAX_SLOW = 3
"""An engine that is not linear on this many families is not tried on more."""
_DOUBTFUL_SLOPE, _DOUBTFUL_COLLAPSE = 1.3, 3.0
_LEAST_SECONDS = 1e-6
_WITNESS_BYTES = 256


@dataclass(frozen=True)
class GrowthCurve:
    """Times of one engine on one family of texts.

    Attributes:
        family: of texts.
        engine: `"tokkit"`, or the package of the reference.
        n_bytes: size of each text that was encoded.
        seconds: CPU seconds that each took.
        verdict: `"timed out"` and `"failed"` are of the size after the last one.
        failure: what happened there; empty otherwise.
        failed_size: what the family was asked for when it timed out or failed, bytes; 0 otherwise.
    """

    family: str
    engine: str
    n_bytes: tuple[int, ...]
    seconds: tuple[float, ...]
    verdict: Verdict
    failure: str = ""
    failed_size: int = 0

    @property
    def exponent(self) -> float:
        """Slope of log time over log size through the last doublings."""
        return slope(self.n_bytes, self.seconds)

    @property
    def collapse(self) -> float:
        """How many times more a byte costs at the largest size than where it is cheapest."""
        return collapse(self.n_bytes, self.seconds)


def time_growth(
    tokenizer: TextTokenizer, reference: Reference | None = None
) -> tuple[GrowthCurve, ...]:
    """Time adversarial texts of growing size; not deterministic, but for its verdicts.

    Args:
        tokenizer: is timed in this process.
        reference: is timed in its own; a text that it does not survive costs only that text.
    """
    return tuple(_curves(tokenizer, reference))


def _curves(tokenizer: TextTokenizer, reference: Reference | None) -> Iterator[GrowthCurve]:
    timers: dict[str, Callable[[str, int], float]] = {"tokkit": partial(_ours, tokenizer)}
    if reference is not None:
        timers[reference.name] = partial(_theirs, reference)
    slow: Counter[str] = Counter()
    for family in text_families(tokenizer.spec):
        for engine, seconds_of in timers.items():
            if slow[engine] < MAX_SLOW:
                survives = family.is_space and engine != "tokkit"
                curve = measure(family, engine, seconds_of, survives=survives)
                slow[engine] += curve.verdict not in ("linear", "not encodable")
                yield curve


def _ours(tokenizer: TextTokenizer, text: str, repeats: int) -> float:
    times: list[float] = []
    for _ in range(repeats):
        start = time.thread_time()
        tokenizer.encode(text)
        times.append(time.thread_time() - start)
    return min(times)


def _theirs(reference: Reference, text: str, repeats: int) -> float:
    return reference.seconds_to_encode(text, repeats=repeats, limit=LIMIT_SECONDS)


def measure(
    family: TextFamily,
    engine: str,
    seconds_of: Callable[[str, int], float],
    *,
    survives: bool = False,
) -> GrowthCurve:
    """The growth of one engine on one family.

    Args:
        family: of texts.
        engine: its name.
        seconds_of: CPU seconds that a text takes, the least of this many runs.
        survives: whether to try a text of a megabyte too.
    """
    runner = _Runner(family, seconds_of)
    verdict: Verdict = "linear"
    failure, failed_size = "", 0
    try:
        runner.time(FIRST_SIZE)  # compiles, fills caches
        while runner.next_size <= LAST_SIZE and runner.last_seconds < ENOUGH_SECONDS:
            runner.run()
        if _is_superlinear(runner):
            verdict = "superlinear"
        elif survives:
            runner.time(SURVIVAL_SIZE)
    except EncodingError:
        verdict = "not encodable"
    except SandboxError as error:
        verdict, failure = _verdict_of(error)
        failed_size = 0 if verdict == "not encodable" else runner.asked
    sizes, seconds = tuple(runner.sizes), tuple(runner.seconds)
    return GrowthCurve(family.name, engine, sizes, seconds, verdict, failure, failed_size)


def _is_superlinear(runner: _Runner) -> bool:
    """Decide, on larger texts where there is doubt."""
    try:
        while runner.in_doubt:
            runner.run_again()
            if runner.last_seconds >= ENOUGH_SECONDS or runner.next_size > LARGEST_SIZE:
                break
            if runner.in_doubt:
                runner.run()
    except SandboxError as error:
        # Only what fails at a size that every run comes to is a failure in its own right.
        return error.reason == "timed out"
    return runner.in_doubt and runner.grows(SUPERLINEAR, COLLAPSE)


def _verdict_of(error: SandboxError) -> tuple[Verdict, str]:
    if error.reason == "refused":
        return "not encodable", ""
    return ("timed out", "") if error.reason == "timed out" else ("failed", error.reason)


class _Runner:
    """Runs one family at doubling sizes."""

    def __init__(self, family: TextFamily, seconds_of: Callable[[str, int], float]) -> None:
        self._family = family
        self._seconds_of = seconds_of
        self.next_size = FIRST_SIZE
        self.asked = 0
        self.sizes: list[int] = []
        self.seconds: list[float] = []

    @property
    def last_seconds(self) -> float:
        return self.seconds[-1] if self.seconds else 0.0

    def grows(self, by_slope: float, by_collapse: float) -> bool:
        """Whether the times grow by more than that, in both ways."""
        steep = slope(self.sizes, self.seconds) > by_slope
        return steep and collapse(self.sizes, self.seconds) > by_collapse

    @property
    def in_doubt(self) -> bool:
        """Whether growth may be superlinear, and can be measured."""
        measurable = self.last_seconds >= MIN_SECONDS
        return measurable and self.grows(_DOUBTFUL_SLOPE, _DOUBTFUL_COLLAPSE)

    def run(self) -> None:
        """Time the next size."""
        text = self._family.make(self.next_size)
        self.seconds.append(self.time(self.next_size))
        self.sizes.append(len(text.encode()))
        self.next_size *= 2

    def time(self, size: int, repeats: int = 1) -> float:
        """CPU seconds of a text of about this many bytes; `asked` tells where it failed."""
        self.asked = size
        return self._seconds_of(self._family.make(size), repeats)

    def run_again(self) -> None:
        """Take the least of more runs of the last sizes."""
        for k in range(max(0, len(self.sizes) - N_DOUBLINGS - 1), len(self.sizes)):
            again = self.time(FIRST_SIZE << k, repeats=3)
            self.seconds[k] = min(self.seconds[k], again)


def collapse(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """How many times more a byte costs at the last size than where it is cheapest; at least 1."""
    costs = [max(value, _LEAST_SECONDS) / size for size, value in zip(sizes, seconds, strict=True)]
    return costs[-1] / min(costs) if costs else 1.0


def slope(sizes: Sequence[int], seconds: Sequence[float]) -> float:
    """Least-squares slope of log seconds over log size through the last doublings; 0 of less."""
    points = list(zip(sizes, seconds, strict=True))[-N_DOUBLINGS - 1 :]
    if len(points) < 2:
        return 0.0
    xs = [math.log(size) for size, _ in points]
    ys = [math.log(max(value, _LEAST_SECONDS)) for _, value in points]
    middle, level = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle) ** 2 for x in xs)
    return sum((x - middle) * (y - level) for x, y in zip(xs, ys, strict=True)) / spread


def growth_findings(tokenizer: TextTokenizer, curves: tuple[GrowthCurve, ...]) -> Iterator[Finding]:
    """A finding for each engine and verdict that is not linear."""
    makers = {family.name: family.make for family in text_families(tokenizer.spec)}
    for engine in dict.fromkeys(curve.engine for curve in curves):
        for verdict in ("timed out", "superlinear", "failed"):
            found = [c for c in curves if c.engine == engine and c.verdict == verdict]
            if found:
                polynomial = verdict == "superlinear" and engine != "tokkit"
                huge = verdict == "failed" and min(c.failed_size for c in found) > LAST_SIZE
                rule = REFERENCE_FAILS if verdict == "failed" else SUPERLINEAR_TIME
                yield Finding(
                    rule,
                    f"{engine} {_described(verdict, found)}.",
                    count=len(found),
                    witnesses=tuple(_witness(c, makers[c.family]) for c in found),
                    graded=Severity.WARNING if polynomial or huge else None,
                )


def _described(verdict: str, found: list[GrowthCurve]) -> str:
    if verdict == "superlinear":
        names = "; ".join(curve.family for curve in found)
        return f"takes disproportionately longer as texts of these kinds grow: {names}"
    texts = "; ".join(f"{curve.failed_size:,} bytes of {curve.family}" for curve in found)
    if verdict == "timed out":
        return f"takes more than {LIMIT_SECONDS:g} seconds for {texts}"
    failures = " or ".join(sorted({curve.failure for curve in found}))
    return f"fails ({failures}) on {texts}"


def _witness(curve: GrowthCurve, make: Callable[[int], str]) -> Witness:
    """The text itself where it is short, and a shorter one of its kind otherwise."""
    at = f"of {curve.failed_size:,} bytes" if curve.failed_size else "and longer"
    if 0 < curve.failed_size <= _WITNESS_BYTES:
        return Witness("encode", make(curve.failed_size).encode(), note=curve.family)
    note = f"{curve.family}; the same {at}"
    return Witness("encode", make(_WITNESS_BYTES).encode(), note=note)


def growth_table(curves: tuple[GrowthCurve, ...]) -> Table:
    """Verdicts by family and engine, without times."""
    engines = tuple(dict.fromkeys(curve.engine for curve in curves))
    verdicts = {(curve.family, curve.engine): _cell(curve) for curve in curves}
    return Table(
        "growth",
        "Encoding time against the size of the text",
        (Column("family", "text"), *(Column(f"time_{e}", e) for e in engines)),
        tuple(
            (family, *(verdicts.get((family, engine), "not tried") for engine in engines))
            for family in dict.fromkeys(curve.family for curve in curves)
        ),
        note=(
            f"Texts from {FIRST_SIZE} bytes to {LAST_SIZE // 1024} kB, doubled; libraries also get "
            "a megabyte of white space. Superlinear: time grows faster than size to the power of "
            f"{SUPERLINEAR}, and a byte costs over {COLLAPSE:g} times what it does in a short "
            "text. Each text is encoded whole, canonically."
        ),
    )


def _cell(curve: GrowthCurve) -> str:
    return f"{curve.verdict}: {curve.failure}" if curve.failure else curve.verdict
