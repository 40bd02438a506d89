"""The safety part of an audit: what may go wrong, with the smallest example of each.

Figures are of the canonical tokenization of whole texts; nothing here needs a model. Nothing that
is measured in seconds enters the part: `time_growth` returns times, the part holds verdicts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from tokkit.audit.chat_templates.examining import Templates, examine_templates
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.part import Part
from tokkit.audit.reference.file_kinds import keeps_text
from tokkit.audit.reference.own_library import NoReference, Reference
from tokkit.audit.rules import Severity
from tokkit.audit.rules.safety import REFERENCE_FAILS, TEMPLATE_UNREADABLE
from tokkit.audit.safety.control_tokens import ControlTokens, examine_control_tokens
from tokkit.audit.safety.growth import GrowthCurve, growth_findings, growth_table, time_growth
from tokkit.audit.safety.normalization import KINDS, Normalization, examine_normalization
from tokkit.audit.safety.round_trips import RoundTrips, examine_round_trips
from tokkit.audit.safety.unusual_input import find_disagreement, tabulate_unusual_input
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError, FormatError, SandboxError
from tokkit.report.section import Column, Fact, Section, Table
from tokkit.text.chat.finding import find_templates
from tokkit.text.normalizers import whole_normalizer
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer.refusals import SIGNALS

ResultT = TypeVar("ResultT")


def examine(
    subject: Subject,
    *,
    reference: Reference | NoReference | None = None,
    chat_template: str | None = None,
    growth: tuple[GrowthCurve, ...] | None = None,
) -> Part:
    """Look for text that is lost, control that is taken over, and time that runs away.

    Args:
        subject: a text tokenizer.
        reference: the tokenizer's own library; or why there is none, which is a finding where the
            library fails on the file.
        chat_template: a template to examine, without running it; None: those in or beside the file.
        growth: what `time_growth` measured; None: it is measured here.

    Raises:
        ArgumentError: the subject is no text tokenizer.
    """
    tokenizer = subject.text
    if tokenizer is None:
        signals = SIGNALS[subject.tokenizer.modality]
        raise ArgumentError(f"safety is examined of text tokenizers; this is one of {signals}")
    library = reference if isinstance(reference, Reference) else None
    calls = _LibraryCalls(library)
    back = examine_round_trips(tokenizer)
    normal = examine_normalization(tokenizer)
    control = calls.first(
        lambda judge: examine_control_tokens(tokenizer, judge),
        lambda: examine_control_tokens(tokenizer, kept_text=keeps_text(subject.path)),
    )
    disagreement = calls.first(lambda judge: find_disagreement(tokenizer, judge), list[Finding])
    curves = time_growth(tokenizer, library) if growth is None else growth
    templates, template_note = _templates(subject, tokenizer, chat_template)
    findings = [
        *back.findings,
        *normal.findings,
        *control.findings,
        *disagreement,
        *calls.failures,
        *_unloadable(reference),
        *growth_findings(tokenizer, curves),
        *templates.findings,
    ]
    tables = [
        _normalization_table(tokenizer, normal),
        tabulate_unusual_input(tokenizer, library),
        growth_table(curves),
        templates.table,
    ]
    section = Section(
        key="safety",
        title="Safety",
        summary=_summary(findings),
        facts=(
            *_text_facts(back),
            *_control_facts(control),
            *_engine_facts(reference, curves),
            Fact("chat_templates", "Chat templates", template_note),
        ),
        tables=tuple(table for table in tables if table.rows),
    )
    return Part(section, tuple(findings))


@dataclass
class _LibraryCalls:
    """Calls of the library that may fail, and what is found where they do."""

    library: Reference | None
    failures: list[Finding] = field(default_factory=list[Finding])

    def first(
        self, ask: Callable[[Reference], ResultT], otherwise: Callable[[], ResultT]
    ) -> ResultT:
        """`ask(library)`; `otherwise()` if there is none, or if it fails."""
        if self.library is None:
            return otherwise()
        try:
            return ask(self.library)
        except SandboxError as error:
            message = f"{self.library.name} fails on ordinary text ({error.reason}): {error}"
            self.failures.append(Finding(REFERENCE_FAILS, message))
            return otherwise()


def _unloadable(reference: Reference | NoReference | None) -> Iterator[Finding]:
    if isinstance(reference, NoReference) and reference.failure:
        refused = reference.failure == "refused"
        verb = "refuses" if refused else f"fails ({reference.failure}) on"
        yield Finding(
            REFERENCE_FAILS,
            f"The library {verb} the file, which tokkit reads: {reference.reason}.",
            witnesses=(Witness("load", note=reference.reason),),
            graded=Severity.WARNING if refused else None,
        )


def _templates(
    subject: Subject, tokenizer: TextTokenizer, given: str | None
) -> tuple[Templates, str]:
    """What came of the chat templates, and how many there are, in words."""
    none = Templates((), Table("chat_templates", "Chat templates", (), ()))
    try:
        texts = {"given": given} if given is not None else _found_templates(subject)
        if not texts:
            return none, "none"
        return examine_templates(texts, tokenizer), f"{len(texts)}"
    except FormatError as error:
        message = f"The chat template cannot be read: {error}."
        return Templates((Finding(TEMPLATE_UNREADABLE, message),), none.table), "not readable"


def _found_templates(subject: Subject) -> dict[str, str]:
    return {} if subject.path is None else find_templates(subject.path)


def _summary(findings: list[Finding]) -> str:
    worst = sorted(findings, key=lambda finding: finding.severity.rank)
    grave = [finding for finding in worst if finding.severity.value != "note"]
    if not grave:
        return "Nothing was found that loses text, takes over control or runs away with time."
    titles = list(dict.fromkeys(finding.title.lower() for finding in grave))
    return f"Found: {'; '.join(titles)}."


def _text_facts(back: RoundTrips) -> Iterator[Fact]:
    about = "decoding the encoding gives the text as the normaliser left it"
    n_back = f"{back.n_back} of {back.n_texts}"
    yield Fact("probe_texts_back", "Probe texts that come back", n_back, help=about)
    about, n = f"of the {back.n_characters:,} that Unicode assigns", len(back.lost_characters)
    yield Fact("characters_not_encodable", "Characters without tokens", n, help=about)
    about = "of the 128 that are no ASCII, where they are not part of a character"
    yield Fact("bytes_not_encodable", "Bytes without tokens", len(back.lost_bytes), help=about)


def _control_facts(control: ControlTokens) -> Iterator[Fact]:
    yield Fact("control_tokens", "Control tokens", control.n_tokens)
    if control.plain_call is not None:
        yield Fact(
            "control_tokens_from_text",
            "Control tokens that text can produce",
            control.n_injected,
            help="by the plain call of the tokenizer's own library",
        )
        yield Fact(
            "control_text_becomes",
            "Text that spells a control token becomes",
            control.plain_call,
            help="by the plain call of the tokenizer's own library; tokkit leaves it text",
        )


def _engine_facts(
    reference: Reference | NoReference | None, curves: tuple[GrowthCurve, ...]
) -> Iterator[Fact]:
    name = "not asked"
    if isinstance(reference, Reference):
        name = f"{reference.name} {reference.version}"
    elif isinstance(reference, NoReference):
        name = reference.reason
    yield Fact("reference", "The tokenizer's own library", name)
    for engine in dict.fromkeys(curve.engine for curve in curves):
        fine = ("linear", "not encodable")
        slow = [c for c in curves if c.engine == engine and c.verdict not in fine]
        key = "tokkit" if engine == "tokkit" else "reference"
        yield Fact(
            f"slow_texts_{key}",
            f"Kinds of text that {engine} does not encode in linear time",
            len(slow),
            help=f"of {sum(curve.engine == engine for curve in curves)} that were tried",
        )


def _normalization_table(tokenizer: TextTokenizer, normal: Normalization) -> Table:
    normalizer = whole_normalizer(tokenizer.spec)
    name = "nothing" if normalizer is None else normalizer.name
    return Table(
        "normalization",
        f"Characters that the normaliser changes ({name})",
        (Column("kind", "what happens to them"), Column("n", "characters", "number")),
        tuple((KINDS[kind], n) for kind, n in normal.n_changed.items()),
    )
