"""`audit`: every part of an audit that applies to a tokenizer, as one report.

A part is a function from a `Subject` to a `Part`; see `tokkit.audit`. Which parts apply depends on
the modality and on what the options bring. The parts are deterministic, so that equal tokenizers
and options give equal reports.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

from tokkit.arguments import check_flags, check_functions, check_kind, check_name, say_nothing
from tokkit.audit import training
from tokkit.audit.opening import open_subject
from tokkit.audit.options import AuditOptions
from tokkit.audit.part import Part
from tokkit.audit.report import AuditReport
from tokkit.audit.subject import Subject
from tokkit.audit.vocabulary.embeddings.matrix_files import open_embeddings
from tokkit.errors import ArgumentError
from tokkit.text.of_text import load_text_tokenizer
from tokkit.tokenizer.refusals import SIGNALS

Progress = Callable[[str], None]
"""Called with what is being done now."""


def audit(
    tokenizer: Any,
    *,
    name: str | None = None,
    format: str | None = None,
    options: AuditOptions | None = None,
    allow_download: bool = False,
    progress: Progress | None = None,
) -> AuditReport:
    """Examine a tokenizer.

    Text is examined as bytes that the tokenizer encodes canonically; nothing here needs a model.

    Args:
        tokenizer: a tokenizer of any modality, or what `load_tokenizer` takes: a packaged model, a
            file, a folder, a hub id, a tokenizer of another library. Given as a file, it can also
            be compared with the file's own implementation.
        name: what the report calls it; by default made of the file's name, without its path.
        format: of the file, as in `load_tokenizer`.
        options: what else to look at.
        allow_download: whether a hub id may be fetched over the network.
        progress: called with what is being done.

    Raises:
        ArgumentError: an option that does not fit the tokenizer.
        FormatError: the file is missing, damaged or hostile.
        UnsupportedError: it asks for something that tokkit does not do.
    """
    if options is not None:
        check_kind(options, AuditOptions, "options", "make one: AuditOptions(reference=False)")
    options = options or AuditOptions()
    check_name(name)
    check_kind(format, (str, type(None)), "format")
    check_flags(allow_download=allow_download)
    check_functions(progress=progress)
    say = progress or say_nothing
    say("loading")
    if options.embeddings is not None:
        open_embeddings(options.embeddings)  # what is no weights file is told before the work
    inherits = [
        load_text_tokenizer(each, allow_download=allow_download) for each in options.inherits
    ]
    options = replace(options, inherits=inherits)
    subject, default_name = open_subject(tokenizer, format=format, allow_download=allow_download)
    _check_fit(subject, options)
    parts = list(_parts(subject, options, say))
    tokens = next((part.tokens for part in parts if part.tokens is not None), None)
    return AuditReport(
        name=name or default_name,
        subject=subject,
        sections=tuple(part.section for part in parts),
        findings=tuple(finding for part in parts for finding in part.findings),
        tokens=tokens,
    )


def _check_fit(subject: Subject, options: AuditOptions) -> None:
    text_only = {"texts": options.texts, "corpora": options.corpora}
    text_only |= {"embeddings": options.embeddings, "chat_template": options.chat_template}
    given = [name for name, value in text_only.items() if value is not None]
    modality = subject.tokenizer.modality
    if given and subject.text is None:
        raise ArgumentError(
            f"{given[0]} is for text, and this tokenizer is one of {SIGNALS[modality]}"
        )
    if options.corpora is not None and subject.text is not None:
        training.check(subject.text, options.corpora)
    if options.signals is not None and subject.text is not None:
        raise ArgumentError("signals are for other modalities, and this tokenizer is one of text")
    if options.against is not None and options.against.modality != modality:
        raise ArgumentError(
            f"against is a tokenizer of {SIGNALS[options.against.modality]}, and this one is of "
            f"{SIGNALS[modality]}"
        )


def _parts(subject: Subject, options: AuditOptions, say: Progress) -> Iterator[Part]:
    if subject.text is None:
        from tokkit.audit import codebook

        say("encoding signals")
        yield codebook.examine(
            subject,
            signals=options.signals,
            contexts=options.contexts,
            labels=options.labels,
            distortion=options.distortion,
            against=options.against,
        )
        return
    from tokkit.audit import costs, safety, vocabulary
    from tokkit.audit.reference import own_library

    with ExitStack() as stack:
        judge, found = None, None
        if options.reference:
            say("starting the reference implementation")
            found = own_library.try_reference(subject)
        if isinstance(found, own_library.Reference):
            judge = stack.enter_context(found)
        say("examining the vocabulary")
        yield vocabulary.examine(subject, reference=judge, embeddings=options.embeddings)
        say("measuring texts")
        yield costs.examine(subject, texts=options.texts)
        say("looking for trouble")
        curves = safety.time_growth(subject.text, judge)
        if options.on_growth is not None:
            options.on_growth(curves)
        yield safety.examine(
            subject, reference=found, chat_template=options.chat_template, growth=curves
        )
    if options.corpora is not None:
        say("inferring the training mixture")
        yield training.examine(subject, corpora=options.corpora, inherits=options.inherits)
