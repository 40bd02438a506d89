"""Chat templates of a tokenizer: findings, and a table of what each reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from tokkit.audit.chat_templates.checking import (
    Suspicion,
    check_template,
    control_texts,
    reads,
    writes_variable,
)
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules import safety as rules
from tokkit.errors import FormatError
from tokkit.report.section import Column, Scalar, Table, columns
from tokkit.report.wording import listed
from tokkit.text.chat.parsing import ParsedTemplate, parse_template
from tokkit.text.tokenizer import TextTokenizer

MAX_WITNESSES = 6
_MAX_SHOWN = 120
_SAID = {
    rules.TEMPLATE_UNSAFE: "uses",
    rules.TEMPLATE_UNKNOWN_NAME: "uses",
    rules.TEMPLATE_UNBOUNDED: "has",
    rules.TEMPLATE_UNKNOWN_TOKEN: "writes",
}


@dataclass(frozen=True)
class Templates:
    """What came of the templates.

    Attributes:
        findings: of the rules about chat templates.
        table: what each reads, one row a template.
    """

    findings: tuple[Finding, ...]
    table: Table


def examine_templates(templates: Mapping[str, str], tokenizer: TextTokenizer) -> Templates:
    """Examine templates by name; none is run."""
    findings: list[Finding] = []
    rows: list[tuple[Scalar, ...]] = []
    readable: dict[str, ParsedTemplate] = {}
    for name, text in sorted(templates.items()):
        try:
            parsed = parse_template(text)
        except FormatError as error:
            witness = Witness("load", text[:_MAX_SHOWN].encode(errors="replace"), note="its start")
            message = f"The chat template {name!r} cannot be parsed: {error}."
            findings.append(Finding(rules.TEMPLATE_UNREADABLE, message, witnesses=(witness,)))
            rows.append((name, len(text), None, "not readable"))
            continue
        readable[name] = parsed
        findings += _findings(name, text, parsed, tokenizer)
        rows.append((name, len(text), len(control_texts(parsed)), ", ".join(parsed.variables)))
    findings += _shared_findings(readable, tokenizer)
    heads = (
        Column("name", "template"),
        *columns("number", n_characters="characters", n_control_tokens="control tokens it names"),
        Column("variables", "what it takes from outside"),
    )
    note = "Read as a syntax tree; nothing was run."
    table = Table("chat_templates", "Chat templates", heads, tuple(rows), note)
    return Templates(tuple(findings), table)


def _findings(
    name: str, text: str, parsed: ParsedTemplate, tokenizer: TextTokenizer
) -> Iterator[Finding]:
    suspicions = [*check_template(parsed), *_unknown_tokens(parsed, tokenizer)]
    lines = text.splitlines()
    for rule in dict.fromkeys(suspicion.rule for suspicion in suspicions):
        found = [suspicion for suspicion in suspicions if suspicion.rule == rule]
        whats = list(dict.fromkeys(suspicion.what for suspicion in found))
        yield Finding(
            rule,
            f"The chat template {name!r} {_SAID[rule]} {listed(whats, 3)}.",
            count=len(whats),
            witnesses=tuple(_witness(s, lines) for s in _first_of_each(found)[:MAX_WITNESSES]),
        )


def _shared_findings(
    parsed: Mapping[str, ParsedTemplate], tokenizer: TextTokenizer
) -> Iterator[Finding]:
    """What is true or not of a whole template: one finding for all of which it is."""
    silent = [name for name, one in parsed.items() if not reads(one, "add_generation_prompt")]
    if silent:
        yield Finding(
            rules.TEMPLATE_NO_GENERATION_PROMPT,
            f"{_named(silent)} never asks for `add_generation_prompt`.",
            count=len(silent),
        )
    doubled = [name for name, one in parsed.items() if _writes_bos(one, tokenizer)]
    if tokenizer.bos_ids and doubled:
        yield Finding(
            rules.TEMPLATE_DOUBLE_BOS,
            f"{_named(doubled)} writes the token that begins a text, which the tokenizer adds too.",
            count=len(doubled),
            tokens=tuple(sorted(set(tokenizer.bos_ids))),
        )
    raw = [name for name, one in parsed.items() if reads(one, "content")]
    if raw:
        yield Finding(
            rules.TEMPLATE_RAW_TEXT,
            f"{_named(raw)} puts the content of messages beside its control tokens as it is.",
            count=len(raw),
        )


def _named(names: list[str]) -> str:
    quoted = ", ".join(map(repr, names))
    return f"The chat template {quoted}" if len(names) == 1 else f"Each of {quoted}"


def _first_of_each(found: list[Suspicion]) -> list[Suspicion]:
    return list({suspicion.what: suspicion for suspicion in reversed(found)}.values())[::-1]


def _witness(suspicion: Suspicion, lines: list[str]) -> Witness:
    line = lines[suspicion.line - 1] if suspicion.line <= len(lines) else ""
    shown = line.strip()[:_MAX_SHOWN].encode(errors="replace")
    return Witness("load", shown, note=f"line {suspicion.line}: {suspicion.what}")


def _unknown_tokens(parsed: ParsedTemplate, tokenizer: TextTokenizer) -> Iterator[Suspicion]:
    pretokenizer = tokenizer.pretokenizer
    known = {text.encode() for text in tokenizer.special_tokens} | set(pretokenizer.literals)
    for text, line in control_texts(parsed).items():
        if text.encode() not in known:
            yield Suspicion(rules.TEMPLATE_UNKNOWN_TOKEN, repr(text), line)


def _writes_bos(parsed: ParsedTemplate, tokenizer: TextTokenizer) -> bool:
    texts = {text for text, token in tokenizer.special_tokens.items() if token in tokenizer.bos_ids}
    return writes_variable(parsed, "bos_token") or not texts.isdisjoint(control_texts(parsed))
