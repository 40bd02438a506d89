"""What is said about the witnesses in the reference, and the section's summary."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.rules.vocabulary import PARTIAL_CHARACTER, WITNESS_REFUTED
from tokkit.audit.vocabulary.demonstration import encoded
from tokkit.audit.vocabulary.reach.reachability import Reason, Status, Verdict
from tokkit.audit.vocabulary.showing import examples, longest_first
from tokkit.audit.vocabulary.verification import Verification
from tokkit.report.section import Fact
from tokkit.report.wording import plural
from tokkit.text.segment_models.vocabulary import is_utf8
from tokkit.text.tokenizer import TextTokenizer

_N_WITNESSES = 5
_IDS_SHOWN = 8
_FAILURES = {
    "refused": "raises an error",
    "panicked": "panics",
    "timed out": "takes too long",
    "out of memory": "runs out of memory",
    "died": "dies",
}
_CAUSES = {
    Reason.PRETOKENIZER: "the pretokenizer",
    Reason.NORMALIZER: "the normaliser",
    Reason.MERGES: "the model, which spells them in another way",
    Reason.ALPHABET: "the alphabet, in which they are not spelled",
    Reason.BYTES: "UTF-8, which has no such bytes",
    Reason.SHADOWED: "other tokens that take their place",
}


def verification_facts(verification: Verification | None) -> tuple[Fact, ...]:
    """How many witnesses the reference confirms."""
    if verification is None:
        return ()
    library = verification.library
    facts = [
        Fact(
            "verified_tokens", f"Confirmed by {library}", verification.n_verified, "tokens",
            help="The witness of each produces it in the tokenizer's own implementation too.",
        ),
        Fact("refuted_tokens", f"Refuted by {library}", len(verification.refuted), "tokens"),
    ]  # fmt: skip
    if verification.failure:
        how = _FAILURES.get(verification.failure, "fails")
        facts.append(
            Fact(
                "unverified_tokens", "Not confirmed, as the reference fails",
                len(verification.failing) + verification.n_untried, "tokens",
                help=f"{library} {how} on some witnesses; the rest was left after several such.",
            )
        )  # fmt: skip
    return tuple(facts)


def verification_findings(
    tokenizer: TextTokenizer, verdicts: Sequence[Verdict], verification: Verification | None
) -> tuple[Finding, ...]:
    """A finding if the reference does not produce a token where tokkit does."""
    if verification is None or not verification.refuted:
        return ()
    library = verification.library
    tokens = tuple(refutation.token for refutation in verification.refuted)
    witnesses: list[Witness] = []
    for refutation in verification.refuted[:_N_WITNESSES]:
        text = verdicts[refutation.token].witness
        assert text is not None
        ids = ", ".join(map(str, refutation.ids[:_IDS_SHOWN]))
        more = ", …" if len(refutation.ids) > _IDS_SHOWN else ""
        note = f"{library} gives [{ids}{more}], without {refutation.token}"
        witnesses.append(Witness("encode", text, tuple(tokenizer.encode(text)), note=note))
    message = (
        f"{plural(len(tokens), 'token')} that {library} does not produce from the text that "
        f"produces it here, as {examples(tokenizer, tokens)}."
    )
    return (Finding.of(WITNESS_REFUTED, message, tokens, witnesses),)


def partial_findings(tokenizer: TextTokenizer, verdicts: Sequence[Verdict]) -> tuple[Finding, ...]:
    """A finding of the tokens that text produces and that are no text themselves."""
    spelling = tokenizer.spec.token_bytes
    reached = (Status.REACHABLE, Status.CONTEXT_ONLY)
    tokens = [
        token
        for token, verdict in enumerate(verdicts)
        if verdict.status in reached and not is_utf8(spelling[token])
    ]
    if not tokens:
        return ()
    longer = [token for token in tokens if len(spelling[token]) > 1]
    message = f"{plural(len(tokens), 'token')} that text produces begin or end inside a character"
    message += f"; {len(longer):,} of them are longer than a byte" if longer else ", all one byte"
    witnesses: list[Witness] = []
    for token in longest_first(tokenizer, tokens)[:_N_WITNESSES]:
        note = f"{token} is the bytes {spelling[token].hex(' ').upper()}"
        witness = encoded(tokenizer, verdicts[token].witness or b"", note)
        witnesses += [witness] if witness else []
    return (Finding.of(PARTIAL_CHARACTER, f"{message}.", tokens, witnesses),)


def summarize(verdicts: Sequence[Verdict], verification: Verification | None) -> str:
    """The most important thing about reachability, in two sentences or three."""
    by_status = Counter(verdict.status for verdict in verdicts)
    unreachable = by_status[Status.UNREACHABLE]
    undetermined = by_status[Status.UNDETERMINED]
    n_text = len(verdicts) - by_status[Status.SPECIAL] - by_status[Status.UNUSED]
    if not n_text:
        return "No id stands for any text."
    if unreachable:
        share = 100 * unreachable / n_text
        verb = "is" if unreachable == 1 else "are"
        text = (
            f"{plural(unreachable, 'token')} of {n_text:,} ({share:.2g}%) {verb} proved to be "
            f"produced by no text, {_causes(verdicts)}."
        )
    else:
        text = f"Of {plural(n_text, 'token')} none is proved to be out of reach."
    if undetermined:
        text += f" Of {undetermined:,} it is not known."
    n_reached = by_status[Status.REACHABLE] + by_status[Status.CONTEXT_ONLY]
    rest = " Every other" if unreachable + undetermined else " Each"
    text += f"{rest} has a text that produces it" if n_reached else ""
    return text + (_confirmed(verification) if n_reached else "")


def _causes(verdicts: Sequence[Verdict]) -> str:
    by_reason = Counter(verdict.reason for verdict in verdicts if verdict.reason is not None)
    reason, count = min(by_reason.items(), key=lambda item: (-item[1], item[0]))
    return ("" if len(by_reason) == 1 else f"{count:,} of them ") + f"because of {_CAUSES[reason]}"


def _confirmed(verification: Verification | None) -> str:
    if verification is None:
        return "; no other implementation was asked."
    library = verification.library
    if verification.n_verified == verification.n_witnesses:
        return f", in {library} as well."
    if verification.refuted:
        return f" here; {library} does not produce {len(verification.refuted):,} of them from it."
    how = _FAILURES.get(verification.failure, "fails")
    left = verification.n_witnesses - verification.n_verified
    return f"; {library} confirms all but {left:,}, where it {how}."
