"""What is said about reachability: facts, findings and tables, with witnesses for the unreachable.

Of an unreachable token there is no text to show; what shows it is what its own bytes become
(`demonstration`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules import vocabulary as rules
from tokkit.audit.vocabulary.demonstration import demonstration
from tokkit.audit.vocabulary.reach.reachability import Reason, Status, Verdict
from tokkit.audit.vocabulary.showing import examples, token_table
from tokkit.report.section import Chart, Fact, Table, bar_chart, columns
from tokkit.report.wording import excerpt, plural
from tokkit.text.tokenizer import TextTokenizer

_N_WITNESSES = 5
_N_ROWS = 75

_HOW = {
    Reason.PRETOKENIZER: "the pretokenizer cuts every text inside",
    Reason.NORMALIZER: "no normalised text holds",
    Reason.MERGES: "the model always spells in another way",
    Reason.ALPHABET: "the file's alphabet cannot spell",
    Reason.BYTES: "no valid UTF-8 text holds",
    Reason.SHADOWED: "another token always takes the place of",
}
_RULES = {
    Reason.PRETOKENIZER: rules.UNREACHABLE_PRETOKENIZER,
    Reason.NORMALIZER: rules.UNREACHABLE_NORMALIZER,
    Reason.MERGES: rules.UNREACHABLE_MERGES,
    Reason.ALPHABET: rules.UNREACHABLE_ALPHABET,
    Reason.BYTES: rules.UNREACHABLE_BYTES,
    Reason.SHADOWED: rules.UNREACHABLE_SHADOWED,
}

_TAKES_TOKENS = (Reason.PRETOKENIZER, Reason.SHADOWED)
"""Reasons that are worded as something that happens to the tokens."""
_NOT_REACHED = (Status.UNREACHABLE, Status.UNDETERMINED)


def reach_facts(verdicts: Sequence[Verdict]) -> tuple[Fact, ...]:
    """Counts by status and by reason."""
    by_status = Counter(verdict.status for verdict in verdicts)
    by_reason = Counter(verdict.reason for verdict in verdicts)
    n_text = len(verdicts) - by_status[Status.SPECIAL] - by_status[Status.UNUSED]
    n_reached = by_status[Status.REACHABLE] + by_status[Status.CONTEXT_ONLY]
    unreachable = by_status[Status.UNREACHABLE]
    return (
        Fact(
            "vocab_size", "Ids", len(verdicts), help="All ids, holes and control tokens included."
        ),
        Fact(
            "reachable_tokens", "Reachable", n_reached, "tokens",
            help="Some valid UTF-8 text produces them; each was encoded to make sure.",
        ),
        Fact(
            "context_only_tokens", "Of these, only in context", by_status[Status.CONTEXT_ONLY],
            "tokens",
            help="Their own bytes alone produce something else, as parts of characters do.",
        ),
        Fact(
            "unreachable_tokens", "Unreachable", unreachable, "tokens",
            help="Proved: no valid UTF-8 text produces them.",
        ),
        Fact(
            "unreachable_percent", "Unreachable, share", _percent(unreachable, n_text), "%",
            help="Of all tokens that are not control tokens or holes.",
        ),
        *(
            Fact(
                f"unreachable_{reason.value}_tokens", f"Unreachable: {reason.value}",
                by_reason[reason], "tokens", help=f"{_HOW[reason].capitalize()} them."
                if reason in _TAKES_TOKENS else f"Tokens that {_HOW[reason]}.",
            )
            for reason in Reason
        ),
        Fact(
            "undetermined_tokens", "Undetermined", by_status[Status.UNDETERMINED], "tokens",
            help="Neither a text nor a proof was found.",
        ),
        Fact("special_tokens", "Control tokens", by_status[Status.SPECIAL], "tokens"),
        Fact("unused_ids", "Ids without a token", by_status[Status.UNUSED], "ids"),
    )  # fmt: skip


def _percent(part: int, whole: int) -> float:
    return round(100 * part / whole, 3) if whole else 0.0


def reach_findings(tokenizer: TextTokenizer, verdicts: Sequence[Verdict]) -> tuple[Finding, ...]:
    """One finding for each reason, and one for what is undetermined."""
    found: list[Finding] = []
    for reason in (*Reason, None):
        tokens = [
            token
            for token, verdict in enumerate(verdicts)
            if verdict.reason == reason and verdict.status in _NOT_REACHED
        ]
        if not tokens:
            continue
        rule = _RULES[reason] if reason else rules.UNDETERMINED_TOKEN
        what = " without a witness or a proof"
        if reason:
            them = "it" if len(tokens) == 1 else "them"
            taken = reason in _TAKES_TOKENS
            what = f": {_HOW[reason]} {them}" if taken else f" that {_HOW[reason]}"
        message = f"{plural(len(tokens), 'token')}{what}, as {examples(tokenizer, tokens, 3)}."
        found.append(Finding.of(rule, message, tokens, own_witnesses(tokenizer, tokens)))
    return tuple(found)


def own_witnesses(tokenizer: TextTokenizer, tokens: Sequence[int]) -> tuple[Witness, ...]:
    """What becomes of the first few of some tokens whose own bytes show it.

    Longer tokens tell more than single bytes, so those of several characters come first.
    """
    spelling = tokenizer.spec.token_bytes
    telling = sorted(tokens, key=lambda token: (len(spelling[token]) < 2, token))
    found = (demonstration(tokenizer, token) for token in telling[:_N_WITNESSES])
    return tuple(witness for witness in found if witness is not None)


def reach_table(tokenizer: TextTokenizer, verdicts: Sequence[Verdict]) -> Table | None:
    """The unreachable and undetermined tokens, by reason; the first of each."""
    chosen = [token for token, verdict in enumerate(verdicts) if verdict.status in _NOT_REACHED]
    if not chosen:
        return None
    rank = {reason: k for k, reason in enumerate(_HOW)}
    chosen.sort(key=lambda t: (-1 if (r := verdicts[t].reason) is None else rank[r], t))
    note = "Canonical encodings, normaliser included."
    if len(chosen) > _N_ROWS:
        note += f" The first {_N_ROWS} of {len(chosen):,}; the explorer shows all."
    return token_table(
        tokenizer, "unreachable", "Tokens that no text produces", chosen[:_N_ROWS],
        (*columns("text", reason="Reason"), *columns("code", becomes="What its bytes become")),
        lambda t: (str(verdicts[t].reason or "undetermined"), _becomes(tokenizer, t)),
        note, spelling="Bytes",
    )  # fmt: skip


def _becomes(tokenizer: TextTokenizer, token: int) -> str:
    witness = demonstration(tokenizer, token)
    if witness is None:
        return ""
    if witness.result is not None:
        return f"{excerpt(witness.data)} → {excerpt(witness.result)}"
    if token in witness.ids:
        return witness.note
    spelling = tokenizer.spec.token_bytes
    return "|".join(excerpt(spelling[i], limit=16) for i in witness.ids[:8])


def reach_chart(verdicts: Sequence[Verdict]) -> Chart:
    """Tokens by status and reason."""
    by_reason = Counter(verdict.reason for verdict in verdicts)
    by_status = Counter(verdict.status for verdict in verdicts)
    counts = {
        "reachable by itself": by_status[Status.REACHABLE],
        "only in context": by_status[Status.CONTEXT_ONLY],
        **{f"unreachable: {reason.value}": by_reason[reason] for reason in Reason},
        "undetermined": by_status[Status.UNDETERMINED],
        "control token": by_status[Status.SPECIAL],
        "no token": by_status[Status.UNUSED],
    }
    bars = [(label, count, None) for label, count in counts.items() if count]
    title = "Which tokens text can produce"
    return bar_chart("reachability", title, "tokens", bars, "tokens", log_scale=True)
