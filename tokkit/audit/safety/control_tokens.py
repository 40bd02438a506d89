"""Control tokens that text can produce, that are not marked as such, or that ordinary text spells.

What counts is the tokenizer's own library (`Reference.encode_by_default`), since that is what most
programs call; `TextTokenizer.encode` leaves control tokens in a text text unless asked. Where the
library is not installed, what its plain call does follows from the format that it reads, so that a
verdict does not depend on what is installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.reference.own_library import Reference
from tokkit.audit.rules import Severity
from tokkit.audit.rules.safety import (
    SPECIAL_TOKEN_INJECTION,
    SPECIAL_TOKEN_ORDINARY,
    SPECIAL_TOKEN_UNMARKED,
)
from tokkit.report.wording import among, plural
from tokkit.text.tokenizer import TextTokenizer

MAX_WITNESSES = 4
_HTML = frozenset((
    "a", "abbr", "audio", "b", "blockquote", "body", "br", "button", "canvas", "caption", "center",
    "code", "dd", "div", "dl", "dt", "em", "form", "h1", "h2", "h3", "h4", "h5", "h6", "head",
    "hr", "html", "i", "iframe", "img", "input", "li", "link", "main", "mark", "meta", "nav", "ol",
    "option", "p", "pre", "q", "s", "script", "section", "select", "small", "span", "strong",
    "style", "sub", "sup", "table", "tbody", "td", "template", "textarea", "th", "thead", "title",
    "tr", "u", "ul", "var", "video",
))  # fmt: skip
_TAG = re.compile(r"</?([A-Za-z][A-Za-z0-9]*)>")


@dataclass(frozen=True)
class ControlTokens:
    """What came of it.

    Attributes:
        findings: of the three rules about control tokens.
        n_tokens: how many control tokens there are.
        n_injected: how many of them text produces by the library's plain call; None: not asked.
        plain_call: what the plain call makes of them: `"control tokens"`, `"text"`, `"an error"`,
            or `"mixed"`; None: not asked.
    """

    findings: tuple[Finding, ...]
    n_tokens: int
    n_injected: int | None = None
    plain_call: str | None = None


def examine_control_tokens(
    tokenizer: TextTokenizer, reference: Reference | None = None, *, kept_text: bool = False
) -> ControlTokens:
    """Encode each control token as user text.

    Args:
        tokenizer: whose control tokens.
        reference: its own library.
        kept_text: without a reference: its plain call is known to leave control tokens text, or
            to refuse them.

    Raises:
        SandboxError: the reference fails.
    """
    specials = dict(sorted(tokenizer.special_tokens.items(), key=lambda item: item[1]))
    unmarked = _unmarked(specials, tokenizer.spec.unmarked_ids)
    if reference is None or not specials:
        findings = (*unmarked, *_ordinary({} if kept_text else specials))
        return ControlTokens(findings, len(specials))
    found = reference.encode_by_default([_in_a_turn(text) for text in specials])
    injected = {
        text: ids
        for (text, token), ids in zip(specials.items(), found, strict=True)
        if ids is not None and token in ids
    }
    n_refused = sum(ids is None for ids in found)
    findings = [
        *_injected(specials, injected, reference),
        *unmarked,
        *_ordinary({text: specials[text] for text in injected}),
    ]
    plain_call = "mixed"
    for n, what in ((len(injected), "control tokens"), (n_refused, "an error")):
        plain_call = what if n == len(specials) else plain_call
    if not injected and not n_refused:
        plain_call = "text"
    return ControlTokens(tuple(findings), len(specials), len(injected), plain_call)


def _in_a_turn(text: str) -> str:
    return f"Hello.{text}Now"


def _injected(
    specials: dict[str, int], injected: dict[str, list[int]], reference: Reference
) -> Iterator[Finding]:
    if injected:
        text = next(iter(injected))
        yield Finding.of(
            SPECIAL_TOKEN_INJECTION,
            f"The plain call of {reference.name} turns text into {len(injected):,} of "
            f"{plural(len(specials), 'control token')}{among(len(injected), repr(text))}.",
            [specials[text] for text in injected],
            (
                Witness(
                    "encode_specials",
                    _in_a_turn(text).encode(),
                    tuple(ids),
                    note=f"id {specials[text]} is the control token",
                )
                for text, ids in list(injected.items())[:MAX_WITNESSES]
            ),
        )


def _unmarked(specials: dict[str, int], unmarked: tuple[int, ...]) -> Iterator[Finding]:
    if unmarked:
        texts = {token: text for text, token in specials.items()}
        note = "taken out of text whatever the options"
        yield Finding.of(
            SPECIAL_TOKEN_UNMARKED,
            f"Of {plural(len(specials), 'control token')} "
            f"{plural(len(unmarked), 'is', 'are')} not marked as special in the file"
            f"{among(len(unmarked), repr(texts[unmarked[0]]))}.",
            unmarked,
            (
                Witness("encode_specials", texts[token].encode(), (token,), note=note)
                for token in unmarked[:MAX_WITNESSES]
            ),
        )


def _ordinary(specials: dict[str, int]) -> Iterator[Finding]:
    words = {text: i for text, i in specials.items() if not re.search(r"[^\w\s]", text)}
    tags = {text: i for text, i in specials.items() if is_html(text)}
    for found, one, what, graded in (
        (words, "an ordinary word", "ordinary words", None),
        (tags, "an element of HTML", "elements of HTML", Severity.NOTE),
    ):
        if found:
            yield Finding.of(
                SPECIAL_TOKEN_ORDINARY,
                plural(
                    len(found),
                    f"control token is spelled like {one}",
                    f"control tokens are spelled like {what}",
                )
                + f"{among(len(found), repr(next(iter(found))))}.",
                found.values(),
                (
                    Witness("encode_specials", text.encode(), (token,), note=what)
                    for text, token in list(found.items())[:MAX_WITNESSES]
                ),
                graded,
            )


def is_html(text: str) -> bool:
    """Whether a text is a tag of an HTML element, without attributes."""
    match = _TAG.fullmatch(text)
    return match is not None and match[1].lower() in _HTML
