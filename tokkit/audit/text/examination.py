"""`examine`: the text part. All figures are of canonical encodings, without special tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokkit.audit.part import Part
from tokkit.audit.section import Section
from tokkit.audit.subject import Subject
from tokkit.audit.text.languages import (
    language_chart,
    language_facts,
    language_findings,
    language_table,
    measure_languages,
)
from tokkit.audit.text.samples import given_parallel_text, shipped_parallel_text
from tokkit.errors import ArgumentError


def examine(subject: Subject, *, texts: Mapping[str, Sequence[str]] | None = None) -> Part:
    """What texts cost.

    Args:
        subject: a text tokenizer.
        texts: language -> texts, parallel; None: those that tokkit ships.

    Raises:
        ArgumentError: not a text tokenizer, or texts that are not parallel.
    """
    tokenizer = subject.text
    if tokenizer is None:
        raise ArgumentError("the text part examines tokenizers of text only")
    sample = shipped_parallel_text() if texts is None else given_parallel_text(texts)
    languages = measure_languages(tokenizer, sample)
    chart = language_chart(languages)
    section = Section(
        key="text",
        title="Text",
        summary="",
        facts=tuple(language_facts(languages, sample.reference)),
        tables=(language_table(languages, sample.source),),
        charts=() if chart is None else (chart,),
    )
    return Part(section, tuple(language_findings(languages)))
