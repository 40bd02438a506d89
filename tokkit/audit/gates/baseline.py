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

from tokkit.audit.finding import Finding
from tokkit.audit.report import AuditReport
from tokkit.errors import FormatError
from tokkit.files.json_text import parse_json, want_int, want_list, want_object
from tokkit.files.reading import read_bounded

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
        where = f"the baseline {path}"
        try:
            document = want_object(parse_json(read_bounded(path, limit=_MAX_BYTES), where), where)
            version = want_int(document.get("tokkit_baseline"), where)
            rules = want_object(document.get("rules"), f"{where}: rules").items()
            known = {rule: _read(entry, f"{where}: {rule}") for rule, entry in rules}
        except FormatError as error:
            raise FormatError(f"{error}; write a baseline with --write-baseline") from error
        if version != _VERSION:
            raise FormatError(
                f"{where}: of version {version}, expected {_VERSION}; write it again with "
                "--write-baseline"
            )
        return cls(known)

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


def _read(value: object, where: str) -> Known:
    entry = want_object(value, where)
    tokens = want_list(entry.get("tokens"), f"{where}.tokens")
    ids = frozenset(want_int(token, f"{where}.tokens") for token in tokens)
    return Known(want_int(entry.get("count"), f"{where}.count"), ids)
