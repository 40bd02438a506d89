"""`examine`: the text part. All figures are of canonical encodings, without special tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tokkit.audit.costs import (
    distribution,
    edits,
    emoji,
    kinds,
    languages,
    letter_case,
    normal_forms,
    numbers,
    white_space,
)
from tokkit.audit.costs.costs import measure
from tokkit.audit.costs.samples import (
    ParallelText,
    given_parallel_text,
    shipped_kinds,
    shipped_parallel_text,
)
from tokkit.audit.part import Part
from tokkit.audit.subject import Subject
from tokkit.errors import ArgumentError
from tokkit.report.section import Section
from tokkit.report.wording import unit_of
from tokkit.text.tokenizer import TextTokenizer

_CODE = ("python", "c", "javascript", "shell")


def examine(subject: Subject, *, texts: Mapping[str, Sequence[str]] | None = None) -> Part:
    """What texts cost: by language and kind, numbers, capitals, white space, edits.

    Args:
        subject: a text tokenizer.
        texts: language -> texts, parallel; None: those that tokkit ships. The figures by kind,
            and of numbers and white space, are always of texts that tokkit ships.

    Raises:
        ArgumentError: not a text tokenizer, or texts that are not parallel.
    """
    tokenizer = subject.text
    if tokenizer is None:
        raise ArgumentError("the text part examines tokenizers of text only")
    sample = shipped_parallel_text() if texts is None else given_parallel_text(texts)
    return _examine(tokenizer, sample)


def _examine(tokenizer: TextTokenizer, sample: ParallelText) -> Part:
    spoken = languages.measure_languages(tokenizer, sample)
    by_kind = {kind: measure(tokenizer, texts) for kind, texts in shipped_kinds().items()}
    lengths = numbers.measure_numbers(tokenizer)
    case = letter_case.measure_case(tokenizer, spoken)
    space = white_space.measure_white_space(
        tokenizer, [text for kind in _CODE for text in by_kind[kind].texts]
    )
    forms = normal_forms.measure_forms(tokenizer, spoken)
    pictures = emoji.emoji_counts(tokenizer)
    edited = edits.measure_edits(tokenizer, spoken)
    sizes = [len(data) for data in tokenizer.spec.token_bytes]
    all_ids = [ids for each in spoken for ids in each.cost.ids]
    all_ids += [ids for cost in by_kind.values() for ids in cost.ids]
    charts = (
        languages.language_chart(spoken),
        kinds.kind_chart(by_kind),
        edits.edit_chart(edited, sample.names[sample.reference]),
        distribution.length_chart(all_ids, sizes),
        white_space.white_space_chart(space),
    )
    section = Section(
        key="text",
        title="Text",
        summary=_summary(spoken, sample, numbers.scheme(lengths)),
        facts=(
            *languages.language_facts(spoken, sample.reference),
            *distribution.distribution_facts(all_ids, tokenizer.vocab_size),
            *numbers.number_facts(lengths),
            *white_space.white_space_facts(space),
            *letter_case.case_facts(case, sample.reference),
            *normal_forms.form_facts(forms),
            *emoji.emoji_facts(pictures),
        ),
        tables=(
            languages.language_table(spoken, sample.source),
            kinds.kind_table(by_kind, sizes),
            numbers.number_table(lengths),
            letter_case.case_table(case),
            normal_forms.form_table(forms),
            edits.edit_table(edited),
            emoji.emoji_table(pictures),
        ),
        charts=tuple(chart for chart in charts if chart is not None),
    )
    findings = (
        *languages.language_findings(spoken, tokenizer),
        *numbers.number_findings(lengths),
        *letter_case.case_findings(case, tokenizer),
        *white_space.white_space_findings(space, tokenizer),
        *normal_forms.form_findings(forms, tokenizer),
    )
    return Part(section, findings)


def _summary(spoken: list[languages.Language], sample: ParallelText, scheme: str) -> str:
    home = next(each for each in spoken if each.code == sample.reference)
    if not home.cost.texts:
        return f"{home.name} cannot be encoded at all."
    size = home.cost.bytes_per_token.value
    text = f"{home.name} takes {size:g} {unit_of(size, 'bytes a token')}."
    others = [each for each in spoken if each.premium and each.code != sample.reference]
    premiums = [(each.name, each.premium.value) for each in others if each.premium]
    if premiums:
        text += " For the same content, {} takes {:g} times as many tokens".format(*premiums[0])
        text += ", {} {:g} times.".format(*premiums[-1]) if len(premiums) > 1 else "."
    return f"{text} Numbers {_HOW.get(scheme, f'are cut {scheme}')}."


_HOW = {
    "irregular": "are cut irregularly",
    "groups of three from the left": "are cut into groups of three from the left",
    "groups of three from the right": "are cut into groups of three from the right",
    "whole numbers": "are not cut at all",
    "regular": "are cut regularly",
    numbers.NO_DIGITS: "cannot be encoded",
}
