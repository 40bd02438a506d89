"""Findings, a line each that opens: what it is, why it matters, and witnesses to replay.

A witness that several findings share is shown in the first of them; the others link there.
"""

from __future__ import annotations

from tokkit.audit.finding import Finding, Witness
from tokkit.report.page.markup import attribute, badge, escape, prose, visible_html
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
_GRADES = (
    "Errors lose text, give control away, or put the process at risk; warnings cost tokens, time "
    "or quality; notes are worth knowing. What matters most to users stands first. A line opens."
)


def findings_html(findings: tuple[Finding, ...], tokenizer: TextTokenizer | None) -> str:
    """All findings, each under an anchor: its rule's id, from the second with a number."""
    if not findings:
        return '<p class="standfirst">Nothing was found.</p>'
    seen: dict[str, int] = {}
    shown: dict[Witness, tuple[str, str]] = {}
    lines: list[str] = []
    for k, finding in enumerate(findings):
        seen[finding.rule] = seen.get(finding.rule, 0) + 1
        suffix = "" if seen[finding.rule] == 1 else f"-{seen[finding.rule]}"
        anchor = f"{finding.rule}{suffix}"
        witnesses = _witnesses(finding, anchor, shown, tokenizer)
        lines.append(_line(finding, anchor, _tokens(finding, k, tokenizer) + witnesses))
    return f'<p class="hint">{_GRADES}</p><div class="findings">{"".join(lines)}</div>'


def _line(finding: Finding, anchor: str, evidence: str) -> str:
    message = escape(finding.message)
    return (
        f'<details class="finding {finding.severity}" id="{escape(anchor)}"><summary>'
        f"{badge(finding.severity)}<h3>{escape(finding.title)}</h3>"
        f'<span class="gist" aria-hidden="true">{message}</span></summary><div class="body">'
        f'<p class="message">{message}</p><p class="why">{prose(finding.kind.why)}</p>{evidence}'
        f'<a class="anchor" href="#{escape(anchor)}" aria-label="Link to this finding">'
        f"{escape(finding.rule)}</a></div></details>"
    )


def _witnesses(
    finding: Finding,
    anchor: str,
    shown: dict[Witness, tuple[str, str]],
    tokenizer: TextTokenizer | None,
) -> str:
    """The first witnesses; those that another finding has shown as a link to it."""
    parts: list[str] = []
    elsewhere: dict[str, str] = {}
    for witness in finding.witnesses[:_WITNESSES_SHOWN]:
        place, title = shown.setdefault(witness, (anchor, finding.title))
        if place == anchor:
            parts.append(_witness(witness, tokenizer))
        else:
            elsewhere[place] = title
    links = ", ".join(
        f'<a href="#{escape(place)}">{escape(title)}</a>' for place, title in elsewhere.items()
    )
    more = ""
    if len(parts) > 1:
        label = plural(len(parts) - 1, "more witness", "more witnesses")
        more = f"<details><summary>{label}</summary>{''.join(parts[1:])}</details>"
    return "".join(
        [*parts[:1], more, f'<p class="hint">Witnesses: see {links}.</p>' if links else ""]
    )


def _tokens(finding: Finding, k: int, tokenizer: TextTokenizer | None) -> str:
    if not finding.tokens or tokenizer is None:
        return ""
    shown = "".join(chip(token, tokenizer) for token in finding.tokens[:_TOKENS_SHOWN])
    more = ""
    if len(finding.tokens) > _TOKENS_SHOWN:
        label = f"all {len(finding.tokens):,} tokens"
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
    given = f"<code>{visible_html(witness.data)}</code>"
    if witness.action == "decode":
        given = _ids(witness.ids, tokenizer)
    elif witness.action == "load" and not witness.data:
        given = "the file"
    found = ""
    if witness.result is not None:
        found = f"<code>{visible_html(witness.result)}</code>"
    elif witness.action != "decode" and witness.ids:
        found = _ids(witness.ids, tokenizer)
    arrow = f"<dt>gives</dt><dd>{found}</dd>" if found else ""
    return (
        f'<div class="witness"><dl><dt>{_ACTIONS[witness.action]}</dt><dd>{given}</dd>{arrow}</dl>'
        f'<div class="beside">{_replay(witness, tokenizer)}{note}</div></div>'
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
