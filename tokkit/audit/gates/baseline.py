"""A baseline: what an audit found at a time when that was accepted.

It holds, for each rule, how many there were, and of which tokens (their ids). A finding fails again
when its rule is not in the baseline, when there are more than there were, or when it concerns a
token that it did not concern. It is JSON, sorted, to be committed and read in a diff.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from tokkit.audit.finding import Finding
from tokkit.audit.report import AuditReport
from tokkit.errors import FormatError

_VERSION = 1
_MAX_BYTES = 64 << 20


@dataclass(frozen=True)
class Known:
    """What was known of one rule."""

    count: int
    tokens: frozenset[int]


@dataclass(frozen=True)
class Baseline:
    """What was known, by rule."""

    rules: Mapping[str, Known]

    @classmethod
    def of(cls, report: AuditReport) -> Baseline:
        """All that a report found."""
        return cls({rule: _known(found) for rule, found in report.by_rule().items()})

    def to_json(self) -> str:
        """As a file; equal baselines give equal texts."""
        rules = {
            rule: {"count": known.count, "tokens": sorted(known.tokens)}
            for rule, known in sorted(self.rules.items())
        }
        lines = [
            f"    {json.dumps(rule)}: {json.dumps(known, sort_keys=True)}"
            for rule, known in rules.items()
        ]
        body = "{\n" + ",\n".join(lines) + "\n  }" if lines else "{}"
        return f'{{\n  "tokkit_baseline": {_VERSION},\n  "rules": {body}\n}}\n'

    @classmethod
    def read(cls, path: Path) -> Baseline:
        """Read what `to_json` gave.

        Raises:
            FormatError: missing, or no baseline.
        """
        try:
            if path.stat().st_size > _MAX_BYTES:
                raise FormatError(f"{path}: longer than any baseline; give the right file")
            value: object = json.loads(path.read_bytes())
        except OSError as error:
            raise FormatError(
                f"cannot read the baseline {str(path)!r}: {error.strerror}; write one with "
                "--write-baseline"
            ) from error
        except (ValueError, RecursionError) as error:
            raise FormatError(f"{path}: the baseline is not JSON ({error})") from error
        return cls(_parse(value, path))

    def what_is_new(self, rule: str, findings: Sequence[Finding]) -> str | None:
        """In what way `findings`, all of one rule, go beyond the baseline; None if they do not."""
        now, then = _known(findings), self.rules.get(rule)
        if then is None:
            return "not in the baseline"
        if now.count > then.count:
            return f"{then.count:,} in the baseline"
        fresh = sorted(now.tokens - then.tokens)
        if fresh:
            ids = ", ".join(map(str, fresh[:5])) + (", …" if len(fresh) > 5 else "")
            return f"not in the baseline: token {ids}"
        return None


def _known(findings: Sequence[Finding]) -> Known:
    tokens = frozenset(token for finding in findings for token in finding.tokens)
    return Known(sum(finding.count for finding in findings), tokens)


def _parse(value: object, path: Path) -> dict[str, Known]:
    document = _object(value, path)
    if document.get("tokkit_baseline") != _VERSION:
        raise FormatError(
            f"{path}: no tokkit baseline of version {_VERSION}; write one with --write-baseline"
        )
    rules: dict[str, Known] = {}
    for rule, entry in _object(document.get("rules"), path).items():
        known = _object(entry, path)
        count, tokens = known.get("count"), known.get("tokens")
        if not isinstance(count, int) or not isinstance(tokens, list):
            raise FormatError(f"{path}: rule {rule!r} has no count and tokens; write it again")
        ids = cast("list[object]", tokens)
        rules[rule] = Known(count, frozenset(each for each in ids if isinstance(each, int)))
    return rules


def _object(value: object, path: Path) -> dict[str, object]:
    if not isinstance(value, dict):
        raise FormatError(f"{path}: not a baseline; write one with --write-baseline")
    return cast("dict[str, object]", value)
