"""Findings as cards: what it is, why it matters, and witnesses that can be replayed in the page."""

from __future__ import annotations

from tokkit.audit.finding import Finding, Witness
from tokkit.report.page.markup import attribute, badge, escape, visible_html
from tokkit.report.wording import plural
from tokkit.text.tokenizer import TextTokenizer

_ACTIONS = {
    "encode": "encode",
    "encode_specials": "encode, special tokens allowed",
    "decode": "decode",
    "normalize": "normalise",
    "round_trip": "encode, then decode",
    "load": "load",
}
_TOKENS_SHOWN = 16
_WITNESSES_SHOWN = 4
_IDS_SHOWN = 14
_MAX_REPLAY = 4000


def findings_html(findings: tuple[Finding, ...], tokenizer: TextTokenizer | None) -> str:
    """All cards, each under an anchor: its rule's id, with a number behind it from the second."""
    seen: dict[str, int] = {}
    cards: list[str] = []
    for k, finding in enumerate(findings):
        seen[finding.rule] = seen.get(finding.rule, 0) + 1
        suffix = "" if seen[finding.rule] == 1 else f"-{seen[finding.rule]}"
        cards.append(_card(finding, f"{finding.rule}{suffix}", k, tokenizer))
    if not cards:
        return '<p class="standfirst">Nothing was found.</p>'
    return "".join(cards)


def _card(finding: Finding, anchor: str, k: int, tokenizer: TextTokenizer | None) -> str:
    severity = finding.severity
    first, *others = [
        _witness(witness, tokenizer) for witness in finding.witnesses[:_WITNESSES_SHOWN]
    ] or [""]
    more = ""
    if others:
        label = plural(len(others), "more witness", "more witnesses")
        more = f"<details><summary>{label}</summary>{''.join(others)}</details>"
    return (
        f'<article class="finding {severity}" id="{escape(anchor)}"><header>'
        f"{badge(severity)}<h3>{escape(finding.title)}</h3>"
        f'<a class="anchor" href="#{escape(anchor)}" aria-label="Link to this finding">'
        f"{escape(finding.rule)}</a></header>"
        f'<p class="message">{escape(finding.message)}</p>'
        f'<p class="why">{escape(finding.kind.why)}</p>'
        + _tokens(finding, k, tokenizer)
        + f"{first}{more}</article>"
    )


def _tokens(finding: Finding, k: int, tokenizer: TextTokenizer | None) -> str:
    if not finding.tokens or tokenizer is None:
        return ""
    shown = "".join(chip(token, tokenizer) for token in finding.tokens[:_TOKENS_SHOWN])
    rest = len(finding.tokens) - _TOKENS_SHOWN
    more = ""
    if rest > 0:
        label = f"all {plural(len(finding.tokens), 'token')}"
        more = f'<a class="chip more" href="#finding-{k}" data-finding="{k}">{label}</a>'
    return f'<p class="chips">{shown}{more}</p>'


def chip(token: int, tokenizer: TextTokenizer) -> str:
    """A token, linked to its entry in the explorer."""
    special = {number: text for text, number in tokenizer.special_tokens.items()}.get(token)
    data = tokenizer.token_bytes(token) if special is None else special.encode()
    return (
        f'<a class="chip" href="#token-{token}"><code>{visible_html(data, limit=32)}</code>'
        f"<small>{token}</small></a>"
    )


def _witness(witness: Witness, tokenizer: TextTokenizer | None) -> str:
    note = f'<p class="hint">{escape(witness.note)}</p>' if witness.note else ""
    given = (
        _ids(witness.ids, tokenizer)
        if witness.action == "decode"
        else f"<code>{visible_html(witness.data)}</code>"
    )
    found = ""
    if witness.result is not None:
        found = f"<code>{visible_html(witness.result)}</code>"
    elif witness.action != "decode" and witness.ids:
        found = _ids(witness.ids, tokenizer)
    arrow = f"<dt>gives</dt><dd>{found}</dd>" if found else ""
    return (
        f'<div class="witness"><dl><dt>{_ACTIONS[witness.action]}</dt><dd>{given}</dd>{arrow}</dl>'
        f"{note}{_replay(witness, tokenizer)}</div>"
    )


def _ids(ids: tuple[int, ...], tokenizer: TextTokenizer | None) -> str:
    if tokenizer is None:
        return ", ".join(map(str, ids[:_IDS_SHOWN]))
    chips = "".join(
        chip(token, tokenizer) if 0 <= token < tokenizer.vocab_size else f"<code>{token}</code>"
        for token in ids[:_IDS_SHOWN]
    )
    more = f' <span class="more">… {len(ids):,} in all</span>' if len(ids) > _IDS_SHOWN else ""
    return f'<span class="chips">{chips}{more}</span>'


def _replay(witness: Witness, tokenizer: TextTokenizer | None) -> str:
    if tokenizer is None or witness.action in ("decode", "load") or not witness.data:
        return ""
    if len(witness.data) > _MAX_REPLAY:
        return ""
    try:
        text = witness.data.decode()
    except UnicodeDecodeError:
        return ""
    specials = " data-specials" if witness.action == "encode_specials" else ""
    return (
        f'<button type="button" class="replay" data-text="{attribute(text)}"{specials}>'
        "Replay below</button>"
    )
