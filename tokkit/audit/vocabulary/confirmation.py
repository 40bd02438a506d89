"""Witnesses tried again on the tokenizer's own implementation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tokkit.audit.finding import Finding, Witness
from tokkit.audit.reference import Reference
from tokkit.audit.section import Fact
from tokkit.audit.vocabulary.reachability import Verdict
from tokkit.audit.vocabulary.spelling import plural
from tokkit.errors import SandboxError
from tokkit.text.tokenizer import TextTokenizer

_BATCH = 20_000
_N_WITNESSES = 5


@dataclass(frozen=True)
class Confirmation:
    """What the reference says of the witnesses.

    Attributes:
        n_confirmed: witnesses that produce their tokens there too.
        refuted: ids whose witnesses do not; ascending.
        failure: why the reference could not be asked to the end, or nothing.
    """

    n_confirmed: int
    refuted: tuple[int, ...]
    failure: str = ""


def confirm(reference: Reference, verdicts: Sequence[Verdict]) -> Confirmation:
    """Encode every witness with the reference, and look for its token."""
    claims = [(token, v.witness) for token, v in enumerate(verdicts) if v.witness is not None]
    refuted: list[int] = []
    n_asked = 0
    for start in range(0, len(claims), _BATCH):
        batch = claims[start : start + _BATCH]
        try:
            found = reference.encode_batch([witness.decode() for _, witness in batch])
        except SandboxError as error:
            return Confirmation(n_asked - len(refuted), tuple(refuted), str(error))
        n_asked += len(batch)
        refuted += [token for (token, _), ids in zip(batch, found, strict=True) if token not in ids]
    return Confirmation(n_asked - len(refuted), tuple(refuted))


def confirmation_facts(reference: Reference, found: Confirmation) -> tuple[Fact, ...]:
    """How many witnesses the reference confirmed."""
    return (
        Fact(
            "confirmed_witnesses",
            f"Confirmed by {reference.name} {reference.version}",
            found.n_confirmed,
            "tokens",
            help="Their witnesses produce them in the tokenizer's own implementation too.",
        ),
        Fact("refuted_witnesses", "Refuted by it", len(found.refuted), "tokens"),
    )


def confirmation_findings(
    tokenizer: TextTokenizer,
    reference: Reference,
    verdicts: Sequence[Verdict],
    found: Confirmation,
) -> tuple[Finding, ...]:
    """The refuted witnesses, if there are any."""
    if not found.refuted:
        return ()
    witnesses: list[Witness] = []
    for token in found.refuted[:_N_WITNESSES]:
        text = verdicts[token].witness
        if text is not None:
            ids = tuple(tokenizer.encode(text))
            witnesses.append(Witness("encode", text, ids, note=f"{reference.name}: no {token}"))
    return (
        Finding(
            "witness-refuted",
            f"{plural(len(found.refuted), 'token')} that {reference.name} {reference.version} does "
            "not produce from the text from which tokkit does.",
            len(found.refuted),
            found.refuted,
            tuple(witnesses),
        ),
    )
