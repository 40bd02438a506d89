"""`examine`: the vocabulary part. Reachability is of canonical encodings of valid UTF-8."""

from __future__ import annotations

from os import PathLike

from tokkit.audit.part import Part, TokenStatus
from tokkit.audit.reference.own_library import Reference
from tokkit.audit.subject import Subject
from tokkit.audit.vocabulary import verification_report
from tokkit.audit.vocabulary.composition import (
    composition_chart,
    length_chart,
    length_facts,
    longest_table,
)
from tokkit.audit.vocabulary.embeddings.under_trained import examine_embeddings
from tokkit.audit.vocabulary.ids import id_findings
from tokkit.audit.vocabulary.merge_uses import merge_findings, uses_of_merges
from tokkit.audit.vocabulary.provenance import (
    provenance_findings,
    provenance_table,
    suspicious_tokens,
)
from tokkit.audit.vocabulary.reach import reach_report
from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge
from tokkit.audit.vocabulary.verification import verify_witnesses
from tokkit.errors import ArgumentError
from tokkit.report.section import Section


def examine(
    subject: Subject,
    *,
    reference: Reference | None = None,
    embeddings: str | PathLike[str] | None = None,
) -> Part:
    """Classify every token, and say what is odd about the vocabulary.

    Args:
        subject: a text tokenizer.
        reference: the tokenizer's own implementation, on which every witness is tried again.
        embeddings: a safetensors file, a folder of them, a GGUF file of a model that uses the
            tokenizer, or the name of a packaged model; None: nothing is said about under-trained
            tokens.

    Raises:
        ArgumentError: not a text tokenizer.
        FormatError: the embeddings are damaged, or are of another vocabulary.
        UnsupportedError: the embeddings are of a type that is not read.
    """
    tokenizer = subject.text
    if tokenizer is None:
        raise ArgumentError("the vocabulary part examines text tokenizers only")
    verdicts = ReachabilityJudge(tokenizer).judge_all()
    training = examine_embeddings(tokenizer, verdicts, embeddings)
    verification = None if reference is None else verify_witnesses(verdicts, reference)
    uses = uses_of_merges(tokenizer)
    suspicious = suspicious_tokens(tokenizer, uses)
    tables = (
        reach_report.reach_table(tokenizer, verdicts),
        provenance_table(tokenizer, suspicious),
        longest_table(tokenizer),
        *training.tables,
    )
    section = Section(
        "vocabulary",
        "Vocabulary",
        verification_report.summarize(verdicts, verification),
        facts=(
            *reach_report.reach_facts(verdicts),
            *verification_report.verification_facts(verification),
            *length_facts(tokenizer),
            *training.facts,
        ),
        tables=tuple(table for table in tables if table is not None),
        charts=(
            reach_report.reach_chart(verdicts),
            composition_chart(tokenizer),
            length_chart(tokenizer),
            *training.charts,
        ),
    )
    status = TokenStatus(
        status=tuple(str(verdict.status) for verdict in verdicts),
        reason=tuple(str(verdict.reason or "") for verdict in verdicts),
        witness=tuple(verdict.witness for verdict in verdicts),
    )
    findings = (
        *reach_report.reach_findings(tokenizer, verdicts),
        *verification_report.partial_findings(tokenizer, verdicts),
        *verification_report.verification_findings(tokenizer, verdicts, verification),
        *id_findings(tokenizer),
        *(() if uses is None else merge_findings(tokenizer, uses, subject.path)),
        *provenance_findings(tokenizer, suspicious),
        *training.findings,
    )
    return Part(section, findings, status)
