"""`check_gates`: in which ways a report fails what was demanded of it.

Four kinds of demands: no finding of a severity, at most so many of a rule, figures within bounds,
nothing beyond a baseline. A rule with a bound of its own is judged by that bound alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from tokkit.arguments import check_choice, refuse_unknown
from tokkit.audit.finding import Finding
from tokkit.audit.gates.baseline import Baseline
from tokkit.audit.gates.figures import figure
from tokkit.audit.report import AuditReport
from tokkit.audit.rules import RULES, Severity

FailOn = Literal["error", "warning", "note", "never"]
FAIL_ON: tuple[FailOn, ...] = ("error", "warning", "note", "never")


@dataclass(frozen=True)
class Demands:
    """What is demanded of a report.

    Attributes:
        fail_on: findings of this severity or a worse one fail; `"never"`: none does.
        at_most_found: rule -> how many of it are allowed, whatever its severity.
        at_least: figure -> lower bound; see `tokkit.audit.gates.figures`.
        at_most: figure -> upper bound.
        baseline: what is known, and fails no more.

    Raises:
        ArgumentError: an unknown rule or severity.
    """

    fail_on: FailOn = "error"
    at_most_found: Mapping[str, int] = field(default_factory=dict[str, int])
    at_least: Mapping[str, float] = field(default_factory=dict[str, float])
    at_most: Mapping[str, float] = field(default_factory=dict[str, float])
    baseline: Baseline | None = None

    def __post_init__(self) -> None:
        check_choice("fail_on", self.fail_on, FAIL_ON)
        for rule in self.at_most_found:
            check_rule(rule)


def check_rule(name: str) -> None:
    """Refuse a rule that does not exist.

    Raises:
        ArgumentError: there is no such rule.
    """
    refuse_unknown([name], tuple(RULES), what="rule")


@dataclass(frozen=True)
class GateFailure:
    """A demand that is not met.

    Attributes:
        gate: what was demanded, as on the command line: `"fail-on error"`.
        message: why it is not met, in one line.
        rule: the rule concerned, or None for a figure.
    """

    gate: str
    message: str
    rule: str | None = None


def check_gates(report: AuditReport, demands: Demands) -> list[GateFailure]:
    """The demands that `report` does not meet; worst findings first, then figures.

    Raises:
        ArgumentError: a bound on a figure that the report does not have.
    """
    judged = [_judge_rule(rule, found, demands) for rule, found in report.by_rule().items()]
    failures = [failure for failure in judged if failure is not None]
    for key, bound in demands.at_least.items():
        if (value := figure(report, key)) < bound:
            message = f"{key} is {value:g}, at least {bound:g} demanded"
            failures.append(GateFailure(f"at-least {key}", message))
    for key, bound in demands.at_most.items():
        if (value := figure(report, key)) > bound:
            message = f"{key} is {value:g}, at most {bound:g} allowed"
            failures.append(GateFailure(f"at-most {key}", message))
    return failures


def _judge_rule(rule: str, findings: list[Finding], demands: Demands) -> GateFailure | None:
    count = sum(finding.count for finding in findings)
    if rule in demands.at_most_found:
        allowed = demands.at_most_found[rule]
        if count <= allowed:
            return None
        return GateFailure(f"max {rule}", f"{rule}: {count:,} found, {allowed:,} allowed", rule)
    if demands.fail_on == "never":
        return None
    limit = Severity(demands.fail_on).rank
    serious = [finding for finding in findings if finding.severity.rank <= limit]
    if not serious:
        return None
    worst = min(serious, key=lambda finding: finding.severity.rank).severity
    news = demands.baseline.what_is_new(rule, findings) if demands.baseline else ""
    if news is None:
        return None
    why = f"{count:,} found, {news}" if news else f"{count:,} found"
    return GateFailure(f"fail-on {demands.fail_on}", f"{rule}: {worst.value}, {why}", rule)
