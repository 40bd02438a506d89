"""The section of a report: usage, rate against distortion, and what the codes tell of labels."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from tokkit.audit.codebook.encoded import Distortion, Encoded
from tokkit.audit.codebook.exhibits import exhibits_of
from tokkit.audit.codebook.probe import Probe, probe
from tokkit.audit.codebook.rate_distortion import (
    Point,
    bd_rate,
    curve_chart,
    curve_of,
    curve_table,
    ids_by_budget,
)
from tokkit.audit.codebook.realism import Realism, realism_chart, realism_of, realism_table
from tokkit.audit.codebook.usage import (
    Usage,
    by_position,
    by_stream,
    positions_chart,
    usage_chart,
    usage_table,
)
from tokkit.audit.finding import Finding
from tokkit.audit.opening import name_of
from tokkit.audit.part import Part
from tokkit.audit.rules.codebook import UNUSED_CODES
from tokkit.audit.subject import Subject
from tokkit.report.section import Fact, Section
from tokkit.report.wording import plural
from tokkit.tokenizer import Tokenizer

MIN_IDS_PER_CODE = 10
"""Unused codes are reported only if the signals gave so many ids for each code there is."""

MAX_UNUSED = 0.1
"""Above this share of the codes, unused ones are reported."""

_UNITS = {"image": "pixel", "graph": "node", "speech": "second"}


def examine(
    subject: Subject,
    *,
    signals: Sequence[Any] | None = None,
    contexts: Sequence[Any] | None = None,
    labels: Sequence[Any] | None = None,
    distortion: Distortion | None = None,
    against: Tokenizer[Any] | None = None,
) -> Part:
    """How the codes are used on `signals`, and how rate trades against distortion.

    Args:
        subject: a tokenizer of any modality.
        signals: what to encode; None: only what is known without.
        contexts: of each signal, where the tokenizer needs one.
        labels: of each signal a class, or one of each of its places; below 0 where it is unknown.
        distortion: (signal, decoded signal) -> how far apart they are; smaller is better. None: see
            `tokkit.audit.codebook.encoded.default_distortion`.
        against: another tokenizer of the same signals, whose rates are told beside.

    Raises:
        ArgumentError: an empty list of signals, contexts or labels that do not fit them, or a
            distortion that is not a finite number.
    """
    tokenizer = subject.tokenizer
    if signals is None:
        facts = (Fact("codes", "Codes", sum(tokenizer.vocab_sizes)),)
        summary = "No signals were given, so the use of the codes is not known."
        return Part(Section("codebook", "Codebook", summary, facts))
    encoded = Encoded.of(tokenizer, signals, contexts, distortion)
    usages = by_stream(encoded.ids, tokenizer.vocab_sizes)
    is_sequence = tokenizer.prefix_axis == "sequence"
    found = None
    if labels is not None:
        found = probe(encoded.ids, labels, tokenizer.vocab_sizes, positions=is_sequence)
    by_budget = ids_by_budget(encoded)
    curve = curve_of(encoded, by_budget)
    section = _section(encoded, usages, curve, found, positions=is_sequence)
    if (looks := realism_of(encoded, by_budget)) is not None:
        section = _with_realism(section, looks)
    if against is not None:
        other = Encoded.of(against, signals, contexts, distortion)
        other_curve = curve_of(other, ids_by_budget(other))
        section = _beside(section, curve, other_curve, name_of(against))
    return Part(section, tuple(_findings(usages)))


def _with_realism(section: Section, found: Realism) -> Section:
    """With how real signals look that are decoded."""
    charts = section.charts if len(found.ids) < 2 else (*section.charts, realism_chart(found))
    return replace(section, tables=(*section.tables, realism_table(found)), charts=charts)


def _beside(section: Section, curve: Sequence[Point], other: Sequence[Point], name: str) -> Section:
    """With what another tokenizer needs for the same distortion."""
    rate = bd_rate(curve, other)
    told = (
        "They reach no distortion in common, or that of one of them does not fall with more bits."
        if rate is None
        else ""
    )
    fact = Fact(
        "bd_rate_percent", f"Bits beside {name}", None if rate is None else round(rate, 1), "%",
        help=told or "More at equal distortion, on average over what both reach (BD-rate); below "
        "0: fewer.",
    )  # fmt: skip
    tables = (*section.tables, curve_table(other, other=name))
    return replace(section, facts=(*section.facts, fact), tables=tables)


def _section(
    encoded: Encoded,
    usages: Sequence[Usage],
    curve: Sequence[Point],
    found: Probe | None,
    *,
    positions: bool,
) -> Section:
    tables = [curve_table(curve)]
    charts = [usage_chart(usages[0])]
    if len(usages) > 1:
        streams = dict(enumerate(usages, start=1))
        tables.append(usage_table("streams", "Codes of each stream", "Stream", streams))
    elif positions:
        places = by_position(encoded.ids, encoded.tokenizer.vocab_size)
        tables.append(usage_table("positions", "Codes at each position", "Position", places))
        charts.append(positions_chart(places))
    if len(curve) > 1:
        charts.append(curve_chart(curve))
    facts = _facts(encoded, usages, curve, found)
    n, used = sum(each.n_codes for each in usages), sum(each.used for each in usages)
    told = f"{used:,} of {n:,} codes occur in the signals"
    if len(usages) == 1:
        told += f"; they carry as much as {usages[0].perplexity:,.1f} codes used alike would."
    else:
        sizes = [each.perplexity for each in usages]
        told += f" of {plural(len(usages), 'stream')}; perplexities are {min(sizes):,.1f} to "
        told += f"{max(sizes):,.1f}."
    return Section(
        "codebook", "Codebook", told, facts, tuple(tables), tuple(charts), exhibits_of(encoded)
    )


def _facts(
    encoded: Encoded, usages: Sequence[Usage], curve: Sequence[Point], found: Probe | None
) -> tuple[Fact, ...]:
    n, used = sum(each.n_codes for each in usages), sum(each.used for each in usages)
    n_ids = sum(each.n_ids for each in usages)
    bits = sum(each.bits * each.n_ids for each in usages) / n_ids
    bias = sum(each.bias_bits * each.n_ids for each in usages) / n_ids
    most = sum(math.log2(each.n_codes) * each.n_ids for each in usages) / n_ids
    unit = _UNITS.get(encoded.tokenizer.modality, "unit")
    facts = [
        Fact("codes", "Codes", n),
        Fact("codes_used_percent", "Codes in use", round(100 * used / n, 1), "%",
             help="Codes that occur at least once in the signals."),
        Fact("perplexity", "Perplexity of the codes", round(2**bits, 1), "codes",
             help="As many codes, used alike, would carry as much information."),
        Fact("bits_per_id", "Information of an id", round(bits, 2), "bits",
             help=f"At most {most:.2f} bits, when all codes are used alike."),
        Fact("bits_per_id_bias", "Too low by", round(bias, 2), "bits",
             help=f"By Miller and Madow, because only {n_ids:,} ids were counted."),
        Fact("ids_per_signal", "Ids a signal", curve[-1].ids),
        Fact("distortion", "Distortion", curve[-1].distortion,
             help="By the measure that was given, or the usual one; smaller is better."),
    ]  # fmt: skip
    if n_units := encoded.n_units():
        facts.append(Fact("bits_per_unit", f"Bits a {unit}", round(bits * n_ids / n_units, 4)))
    if found is not None:
        facts += [
            Fact("probe_accuracy_percent", "Labels told by the codes alone",
                 round(100 * found.accuracy, 1), "%",
                 help=f"Of {found.n_asked:,} examples, by naive Bayes over codes, which learned "
                 f"from {found.n_learned:,} others."),
            Fact("probe_most_frequent_percent", "Told without codes",
                 round(100 * found.most_frequent, 1), "%",
                 help="The share of the most frequent label."),
        ]  # fmt: skip
    return tuple(facts)


def _findings(usages: Sequence[Usage]) -> list[Finding]:
    found: list[Finding] = []
    for number, usage in enumerate(usages, start=1):
        unused, n, total = usage.unused, usage.n_codes, usage.n_ids
        if len(unused) <= MAX_UNUSED * n or total < MIN_IDS_PER_CODE * n:
            continue
        of = f" of stream {number}" if len(usages) > 1 else ""
        message = f"{len(unused):,} of {n:,} codes{of} never occur among {total:,} ids "
        message += "of the signals."
        found.append(Finding.of(UNUSED_CODES, message, unused))
    return found
