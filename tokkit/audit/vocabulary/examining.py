"""`examine`: the vocabulary part. Reachability is of canonical encodings of valid UTF-8."""

from __future__ import annotations

from pathlib import Path

from tokkit.audit.part import Part
from tokkit.audit.reference import Reference
from tokkit.audit.section import Section, TokenStatus
from tokkit.audit.subject import Subject
from tokkit.audit.vocabulary import reach_report, verification_report
from tokkit.audit.vocabulary.reachability import ReachabilityJudge
from tokkit.audit.vocabulary.verification import verify_witnesses
from tokkit.errors import ArgumentError


def examine(
    subject: Subject, *, reference: Reference | None = None, embeddings: Path | None = None
) -> Part:
    """Classify every token, and say what is odd about the vocabulary.

    Args:
        subject: a text tokenizer.
        reference: the tokenizer's own implementation, on which every witness is tried again.
        embeddings: a safetensors file, a folder of them, or a GGUF file of a model that uses the
            tokenizer; None: nothing is said about under-trained tokens.

    Raises:
        ArgumentError: not a text tokenizer.
        FormatError: the embeddings are damaged, or are of another vocabulary.
    """
    tokenizer = subject.text
    if tokenizer is None:
        raise ArgumentError("the vocabulary part examines text tokenizers only")
    verdicts = ReachabilityJudge(tokenizer).judge_all()
    verification = None if reference is None else verify_witnesses(verdicts, reference)
    table = reach_report.reach_table(tokenizer, verdicts)
    section = Section(
        "vocabulary",
        "Vocabulary",
        verification_report.summarize(verdicts, verification),
        facts=(
            *reach_report.reach_facts(verdicts),
            *verification_report.verification_facts(verification),
        ),
        tables=(table,) if table else (),
        charts=(reach_report.reach_chart(verdicts),),
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
    )
    return Part(section, findings, status)
