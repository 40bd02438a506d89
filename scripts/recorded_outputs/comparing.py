"""What differs between two recordings, for a reader."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from scripts.recorded_outputs.recording import Kept, Recording

CONTEXT = 40
"""Characters that are quoted on either side of the first difference."""

Place = Literal["outputs", "presentation"]


@dataclass(frozen=True)
class Difference:
    """One output that is not the same.

    Attributes:
        name: of the output.
        before: what is quoted of it.
        after: the same place in the other recording.
    """

    name: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.name}\n    before: {self.before}\n    after:  {self.after}"


@dataclass(frozen=True)
class Comparison:
    """All that is to be said of two recordings.

    Attributes:
        n_compared: outputs that both have.
        outputs: those that differ, or that only one has.
        presentation: the same of what people read.
        remarks: what was skipped, and what else might explain a difference.
        failures: what makes the comparison worth less: crashes, and inputs that are gone.
    """

    n_compared: int
    outputs: tuple[Difference, ...]
    presentation: tuple[Difference, ...]
    remarks: tuple[str, ...]
    failures: tuple[str, ...]

    def passes(self, *, strict: bool = False) -> bool:
        """Whether the outputs are the same; with `strict` also what people read."""
        return not (self.outputs or self.failures or (strict and self.presentation))

    def text(self, *, most: int) -> str:
        """A report that quotes at most `most` differences of each kind."""
        lines = [*self.remarks, *self.failures]
        for title, differences in (
            ("outputs", self.outputs),
            ("presentation", self.presentation),
        ):
            lines += ["", f"{title}: {len(differences)} differ" if differences else ""]
            lines += [str(difference) for difference in differences[:most]]
            if len(differences) > most:
                lines.append(f"and {len(differences) - most} more (--most)")
        lines += ["", f"{self.n_compared} outputs were compared, {len(self.outputs)} differ"]
        return "\n".join(line for k, line in enumerate(lines) if line or (k and lines[k - 1]))


def compare(before: Recording, after: Recording) -> Comparison:
    """What differs. An output that only one has counts, unless the other skipped its input."""
    skipped = before.skipped.keys() | after.skipped.keys()
    crashed = [f"crashed before: {name}" for name in before.crashed]
    crashed += [
        f"crashed after: {name}: {trace.rstrip().splitlines()[-1]}"
        for name, trace in after.crashed.items()
    ]
    gone = [
        f"skipped after, but not before: {name} ({why})"
        for name, why in after.skipped.items()
        if name not in before.skipped
    ]
    return Comparison(
        n_compared=len(before.outputs.keys() & after.outputs.keys()),
        outputs=_differences(before, after, "outputs", skipped),
        presentation=_differences(before, after, "presentation", skipped),
        remarks=tuple(_remarks(before, after)),
        failures=(*crashed, *gone),
    )


def _differences(
    before: Recording, after: Recording, place: Place, skipped: set[str]
) -> tuple[Difference, ...]:
    old, new = _kept(before, place), _kept(after, place)
    found: list[Difference] = []
    for name in sorted(old.keys() | new.keys()):
        if name in old and name in new:
            if old[name] != new[name]:
                quoted = _quote(before, old[name], after, new[name])
                found.append(Difference(name, *quoted))
        elif not any(name == each or name.startswith(f"{each}/") for each in skipped):
            there = ("recorded", "nothing") if name in old else ("nothing", "recorded")
            found.append(Difference(name, *there))
    return tuple(found)


def _kept(recording: Recording, place: Place) -> Mapping[str, Kept]:
    return recording.outputs if place == "outputs" else recording.presentation


def _quote(before: Recording, old: Kept, after: Recording, new: Kept) -> tuple[str, str]:
    one, other = before.text_of(old), after.text_of(new)
    if one is None or other is None:
        return _told(old), _told(new)
    return excerpts(one, other)


def _told(kept: Kept) -> str:
    if isinstance(kept, str):
        return repr(kept)
    return f"{kept['characters']:,} characters, SHA-256 {kept['sha256'][:12]}"


def excerpts(before: str, after: str) -> tuple[str, str]:
    """Two texts that differ, around the first character that does, each as one line."""
    pairs = enumerate(zip(before, after, strict=False))
    shorter = min(len(before), len(after))
    place = next((k for k, (one, other) in pairs if one != other), shorter)
    start = max(0, place - CONTEXT)
    return _excerpt(before, start, place), _excerpt(after, start, place)


def _excerpt(text: str, start: int, place: int) -> str:
    stop = place + CONTEXT
    quoted = repr(text[start:stop])
    beginning = f"at {place:,}: ..." if start else ""
    return f"{beginning}{quoted}{'...' if stop < len(text) else ''}"


def _remarks(before: Recording, after: Recording) -> list[str]:
    remarks = [
        f"skipped in {'both' if name in before.skipped and name in after.skipped else 'one'}: "
        f"{name} ({(after.skipped | before.skipped)[name]})"
        for name in sorted(before.skipped.keys() | after.skipped.keys())
    ]
    for what, old, new in (
        ("environment", before.environment, after.environment),
        ("input", before.inputs, after.inputs),
    ):
        remarks += [
            f"{what} {name}: {_short(old, name)} before, {_short(new, name)} after"
            for name in sorted(old.keys() | new.keys())
            if old.get(name) != new.get(name)
        ]
    return remarks


def _short(entries: Mapping[str, str], name: str) -> str:
    return entries.get(name, "nothing")[:24]
