"""Who spoke where: `Spoken`, a text, byte by byte, and its page.

For each byte, the say of each member when it was predicted, and the bits that the ensemble saved
against the member that is best on the whole text, which is known only afterwards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.ensembles.state import EnsembleState
from tokkit.files.shipped import shipped_text
from tokkit.report.page.markup import attribute, escape, visible_html
from tokkit.report.page.rendering import Page, render
from tokkit.report.section import Chart, Column, Fact, Scalar, Section, Series, Table, columns
from tokkit.report.wording import size

SHOWN_BYTES = 20_000
"""How much of a text a page colours."""
_SHADES = (0.4, 0.6, 0.75, 0.9)
"""Shares at which the next shade of a member's colour begins."""
_SAVED = (0.05, 0.3, 1.0)
"""Bits, saved or lost, at which the next shade begins."""
_N_COLORS = 6
_POINTS = 200


@dataclass(frozen=True, eq=False)
class Spoken:
    """A text under an ensemble.

    Attributes:
        members: their names.
        combine: how they are combined.
        text: the bytes.
        n_given: how many of them were given, and not written by the ensemble.
        shares: float64 (len(text), n): the say of each member in each byte.
        bits: float64 (len(text),): of each byte under the ensemble.
        member_bits: float64 (len(text), n): under each member.
    """

    members: tuple[str, ...]
    combine: str
    text: bytes
    n_given: int
    shares: NDArray[np.float64]
    bits: NDArray[np.float64]
    member_bits: NDArray[np.float64]

    @property
    def best(self) -> int:
        """The member that needs the fewest bits for the whole text."""
        return int(self.member_bits.sum(axis=0).argmin())

    @property
    def saved(self) -> NDArray[np.float64]:
        """float64 (len(text),): bits saved against the best member; 0 where both are infinite."""
        own, best = self.bits, self.member_bits[:, self.best]
        same = np.isinf(own) & np.isinf(best)
        return np.where(same, 0.0, np.where(same, 0.0, best) - np.where(same, 0.0, own))


Heard: TypeAlias = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]
"""`shares`, `bits` and `member_bits` of a part of a text."""


def listen(state: EnsembleState, data: bytes) -> Heard:
    """Push `data`; the shares, the bits and the members' bits of each byte, as in `Spoken`."""
    n = len(state.members)
    shares, bits = np.empty((len(data), n)), np.empty(len(data))
    member_bits = np.empty((len(data), n))
    for k, (step, told) in enumerate(state.steps(data)):
        if k < len(data):
            shares[k], bits[k] = told, -step.row[data[k]]
            member_bits[k] = -step.rows[:, data[k]]
    return shares, bits / math.log(2), member_bits / math.log(2)


def gather(ensemble: ByteEnsemble, given: bytes, written: bytes, heard: Sequence[Heard]) -> Spoken:
    """What was heard of the parts of a text, one after the other, as one text."""
    shares, bits, member_bits = (np.concatenate(parts) for parts in zip(*heard, strict=True))
    names = tuple(member.name for member in ensemble.members)
    text, n_given = given + written, len(given)
    return Spoken(names, ensemble.combine, text, n_given, shares, bits, member_bits)


def render_speakers_page(spoken: Spoken) -> str:
    """A page as a string, for UTF-8; equal input gives equal strings."""
    totals = [float(each) for each in spoken.member_bits.sum(axis=0)]
    own, n_bytes = float(spoken.bits.sum()), max(1, len(spoken.text))
    best = spoken.members[spoken.best]
    gain = totals[spoken.best] - own
    relation = "fewer" if gain >= 0 else "more"
    verdict = (
        f"Together they need {own / n_bytes:.3f} bits a byte, {abs(gain):.1f} bits {relation} in "
        f"all than {best}, the best of them, alone."
        if math.isfinite(own) and math.isfinite(gain)
        else "A byte of the text has no probability."
    )
    facts = [Fact("bits_per_byte", spoken.combine, _rounded(own / n_bytes), "bits a byte")]
    facts += [
        Fact(f"bits_per_byte_{k}", name, _rounded(total / n_bytes), "bits a byte")
        for k, (name, total) in enumerate(zip(spoken.members, totals, strict=True))
    ]
    return render(
        Page(
            brand="ensemble",
            kicker="Who spoke where",
            name=" + ".join(spoken.members),
            description=(
                f"{spoken.combine} · {size(len(spoken.text))}, {size(spoken.n_given)} given"
            ),
            verdict=verdict,
            headline=facts[:5],
            sections=[_along(spoken)],
            note="A member's share is the say that it had before the byte was known.",
            parts_html=_texts(spoken),
            links=(("speakers", "Speakers"), ("saved", "Bits saved")),
            style=shipped_text("speakers.css", "tokkit.bytelm.ensembles"),
        )
    )


def _rounded(value: float) -> float | None:
    return round(value, 4) if math.isfinite(value) else None


def _along(spoken: Spoken) -> Section:
    """Shares and bits along the text, in at most `_POINTS` pieces."""
    ends = np.unique(np.linspace(0, len(spoken.text), _POINTS + 1).astype(int)).tolist()
    rows: list[tuple[Scalar, ...]] = []
    for start, end in pairwise(ends):
        shares = spoken.shares[start:end].mean(axis=0).tolist()
        saved = float(spoken.saved[:end].sum())
        rows.append((start, *(round(share, 3) for share in shares), _rounded(saved)))
    heads = (
        Column("byte", "From byte", "number"),
        *(Column(f"share_{k}", name, "number") for k, name in enumerate(spoken.members)),
        *columns("number", saved="Bits saved so far"),
    )
    labels = tuple(str(row[0]) for row in rows)

    def values(place: int) -> tuple[float, ...]:
        return tuple(math.nan if row[place] is None else float(row[place] or 0) for row in rows)

    series = tuple(Series(name, values(1 + k)) for k, name in enumerate(spoken.members))
    charts = (
        Chart("shares", "Who speaks", "curve", labels, series, "byte", "share"),
        Chart(
            "saved",
            f"Bits saved against {spoken.members[spoken.best]}",
            "curve",
            labels,
            (Series("bits saved so far", values(len(series) + 1)),),
            "byte",
            "bits",
        ),
    )
    table = Table("along", "Along the text", heads, tuple(rows), "Shares are means over a piece.")
    summary = "The say of each member, and what the ensemble has saved up to there."
    return Section("along", "Along the text", summary, tables=(table,), charts=charts)


def _texts(spoken: Spoken) -> str:
    """Two sections: the text coloured by who spoke, and by the bits saved."""
    legend = "".join(
        f'<li class="w{k % _N_COLORS} l4">{escape(name)}</li>'
        for k, name in enumerate(spoken.members)
    )
    cut = len(spoken.text) > SHOWN_BYTES
    hint = f" The first {SHOWN_BYTES:,} bytes are shown." if cut else ""
    return (
        '<section id="speakers" class="part"><h2>Who spoke where</h2>'
        "<p>The colour is that of the member with the largest say, the deeper the larger; none "
        f"where nobody has it. What was given is set in grey.{hint}</p>"
        f'<ul class="who">{legend}</ul>'
        f'<div class="spoken">{"".join(_spans(spoken, by_share=True))}</div></section>'
        '<section id="saved" class="part"><h2>Bits saved</h2>'
        f"<p>Green bytes cost less than under {escape(spoken.members[spoken.best])}, red ones more."
        f'</p><div class="spoken">{"".join(_spans(spoken, by_share=False))}</div></section>'
    )


def _spans(spoken: Spoken, *, by_share: bool) -> Iterator[str]:
    """A span for each character, and for each byte that belongs to none."""
    start = 0
    saved = spoken.saved
    for char in spoken.text[:SHOWN_BYTES].decode(errors="surrogateescape"):
        data = char.encode(errors="surrogateescape")
        places = slice(start, start + len(data))
        shares = spoken.shares[places].mean(axis=0)
        gain = float(saved[places].sum())
        kind = _speaker(shares.tolist()) if by_share else _gain(gain)
        given = " given" if start < spoken.n_given else ""
        told = ", ".join(
            f"{name} {share:.2f}"
            for name, share in zip(spoken.members, shares.tolist(), strict=True)
        )
        title = f"{told}; {gain:+.2f} bits"
        yield f'<span class="{kind}{given}" title="{attribute(title)}">{visible_html(data)}</span>'
        start += len(data)


def _speaker(shares: Sequence[float]) -> str:
    best = max(range(len(shares)), key=lambda k: shares[k])
    level = sum(shares[best] >= least for least in _SHADES)
    return f"w{best % _N_COLORS} l{level}"


def _gain(bits: float) -> str:
    level = sum(abs(bits) >= least for least in _SAVED)
    return f"{'gain' if bits >= 0 else 'loss'} l{level}"
