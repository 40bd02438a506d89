"""The table of docs/backends.md: how each causal type of transformers is evaluated.

Written by `architectures.py --write` from its records.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from benchmarks.shared.records import Record

WAYS = {
    "tree": "one cache for all branches",
    "states": "a copy of the state for each branch",
    "steps": "the same, one token at a time",
    "passes": "a plain pass for each context",
}


def table(records: Iterable[Record], allowed: dict[str, float]) -> str:
    """Markdown: types by the way they are evaluated, and what was refused or could not be built.

    Args:
        records: one for each type.
        allowed: for each precision, the largest total variation that counts as right.
    """
    found = sorted(records, key=lambda record: record["key"])
    measured = [record for record in found if "float32" in record]
    lines = [
        "| evaluated by | types | n | " + " | ".join(allowed) + " |",
        "|---|---|---|" + "---|" * len(allowed),
    ]
    for way, words in WAYS.items():
        same = [record for record in measured if _is(record["float32"], "right", way)]
        if same:
            names = ", ".join(_name(record) for record in same)
            worst = " | ".join(_worst(same, dtype) for dtype in allowed)
            lines.append(f"| `{way}`: {words} | {names} | {len(same)} | {worst} |")
    refused = [r for r in measured if not r["causal"] and _is(r["float32"], "refused")]
    names = ", ".join(_name(record) for record in refused)
    lines.append(
        f"| refused: later tokens change earlier rows | {names} | {len(refused)} |"
        + " |" * len(allowed)
    )
    parts = [_counts(found, allowed), "\n".join(lines)]
    parts += [
        _listed(f"By `{way}` in {dtype}", [_name(r) for r in measured if _changes(r, dtype, way)])
        for dtype in allowed
        for way in WAYS
    ]
    parts.append(_above(measured, allowed))
    parts += [
        _listed(
            f"Right in float32 only, since transformers' own passes fail in {dtype}",
            [_name(r) for r in measured if _is(r["float32"], "right") and _fails(r, dtype)],
        )
        for dtype in allowed
        if dtype != "float32"
    ]
    parts += [
        _listed("Refused for another reason", [_why(r, "float32") for r in measured if _odd(r)]),
        _listed("Wrong in float32", [_name(r) for r in measured if _is(r["float32"], "wrong")]),
        _listed(
            "Not built (transformers itself fails, or sizes that matter are not known)",
            [_name(record) for record in found if "float32" not in record],
        ),
    ]
    return "\n\n".join(part for part in parts if part)


def _counts(records: list[Record], allowed: dict[str, float]) -> str:
    """How many types came out how, for each precision."""
    lines: list[str] = []
    for dtype, limit in allowed.items():
        parts = [record[dtype] for record in records if dtype in record]
        n = Counter(part["status"] for part in parts)
        lines.append(
            f"- {dtype}: {n['right']} right (total variation at most {limit:.0e}), "
            f"{n['refused']} refused by name, {n['wrong']} beyond the limit, "
            f"{n['raised']} with an untyped error, {n['not measured']} "
            "that transformers itself does not run, "
            f"{len(records) - len(parts)} not built."
        )
    return "\n".join(lines)


def _name(record: Record) -> str:
    """The type, and in brackets the variant: keys have a comma between them."""
    kind, _, variant = record["key"].partition(", ")
    return f"{kind} ({variant})" if variant else kind


def _is(part: Record, status: str, way: str | None = None) -> bool:
    return part["status"] == status and way in (None, part.get("way"))


def _changes(record: Record, dtype: str, way: str) -> bool:
    """Whether a type is evaluated so in a precision, and otherwise in float32."""
    return record.get(dtype, {}).get("way") == way != record["float32"].get("way")


def _fails(record: Record, dtype: str) -> bool:
    return dtype in record and "tv" not in record[dtype]


def _odd(record: Record) -> bool:
    return record["causal"] and record["float32"]["status"] in ("refused", "raised")


def _why(record: Record, dtype: str) -> str:
    return f"{_name(record)} ({record[dtype]['why'].split(';')[0].split(' (')[0][:240]})"


def _worst(records: list[Record], dtype: str) -> str:
    values = [r[dtype]["tv"] for r in records if "tv" in r.get(dtype, {})]
    return f"{max(values):.0e}" if values else ""


def _above(records: list[Record], allowed: dict[str, float]) -> str:
    """Types that are right in float32 and round by more than is allowed in another precision."""
    found = [
        f"{_name(r)} ({r[dtype]['tv']:.1e}; median {r[dtype]['tv_median']:.0e}; transformers' own "
        f"longer passes {r[dtype]['own']:.0e}, its fresh passes to float32 "
        f"{r[dtype]['precision']:.0e})"
        for dtype, limit in allowed.items()
        for r in records
        if _is(r["float32"], "right") and r.get(dtype, {}).get("tv", 0) > limit
    ]
    return _listed("Beyond the limit by rounding in half precision", found)


def _listed(title: str, names: list[str]) -> str:
    return f"{title}: {', '.join(names)}." if names else ""
