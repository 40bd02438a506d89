"""The tables of what transfers cost, as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from benchmarks.shared.records import Record, Records

REFERENCES = "references"
FVT = "mean"
_LEAST_GAP = 0.02  # bits per byte
_COLUMNS = ("method", "bits per byte", "closed", "seconds", "peak GB")
_SUMMARY = ("method", "pairs", "mean gain", "worst gain", "at", "closed of all")


def pair_table(records: Records) -> str:
    """The table of one pair; *closed* is the share of the gap between FVT and the control."""
    rows, given = _rows(records)
    fvt = rows.get(FVT, {}).get("bits", float("nan"))
    lines = [
        "Before {before:.3f}, control {control:.3f} bits per byte, of {n_bytes:,} bytes; "
        "{bytes_per_token_before:.2f} and {bytes_per_token_after:.2f} bytes a token; {new:.0%} of "
        "the text's tokens are new.".format(**given)
    ]
    lines += ["", *_heads(_COLUMNS)]
    for name, row in sorted(rows.items(), key=lambda item: -item[1]["bits"]):
        closed = _closed(fvt - row["bits"], fvt - given["control"])
        cells = (name, f"{row['bits']:.3f}", closed)
        lines.append(_line((*cells, f"{row['seconds']:.0f}", f"{row['peak']:.1f}")))
    return "\n".join([*lines, "", "```", records.header, "```"])


def summary(pairs: Mapping[str, Records]) -> str:
    """Of each method the gain over FVT, in bits per byte, and the share of all gaps that it closes.

    A gap may be next to nothing, and a share of it anything; so shares are of the sum of the gaps,
    and of none below `_LEAST_GAP`.

    Args:
        pairs: name -> results.
    """
    gains: dict[str, dict[str, float]] = {}
    gaps: dict[str, float] = {}
    for pair, records in pairs.items():
        rows, given = _rows(records)
        if FVT not in rows:
            continue
        gaps[pair] = rows[FVT]["bits"] - given["control"]
        for name, row in rows.items():
            gains.setdefault(name, {})[pair] = rows[FVT]["bits"] - row["bits"]
    lines = _heads(_SUMMARY)
    for name, found in sorted(gains.items(), key=lambda item: _mean(item[1].values())):
        worst = min(found, key=found.__getitem__)
        closed = _closed(sum(found.values()), sum(gaps[pair] for pair in found))
        cells = (f"{_mean(found.values()):+.3f}", f"{found[worst]:+.3f}", worst, closed)
        lines.append(_line((name, str(len(found)), *cells)))
    return "\n".join(lines)


def _closed(gain: float, gap: float) -> str:
    """The share of a gap that is closed; nothing where there is next to no gap."""
    return f"{gain / gap:.0%}" if gap >= _LEAST_GAP else ""


def _rows(records: Records) -> tuple[dict[str, Record], Record]:
    rows = {record["key"]: record for record in records}
    return rows, rows.pop(REFERENCES)


def _heads(names: tuple[str, ...]) -> list[str]:
    return [_line(names), f"|{'---|' * len(names)}"]


def _line(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(cells)} |"


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
