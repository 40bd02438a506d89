"""Witnesses tried again with the tokenizer's own implementation.

Every witness was encoded by tokkit before it was called one. Here each goes through the library
that the file was made for (`tokkit.audit.reference.own_library`), which has to produce the token as
well. A library that fails on some text fails on the whole batch; the batch is then halved until the
text is found, and after a few such texts, or deaths of the library, the rest stays unverified.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tokkit.audit.reference.own_library import Reference
from tokkit.audit.vocabulary.reach.reachability import Verdict
from tokkit.errors import SandboxError

BATCH_SIZE = 8192
MAX_FAILURES = 24
"""Of calls. One text among `BATCH_SIZE` costs 14, as each half that fails is a call."""


@dataclass(frozen=True)
class Refutation:
    """A witness that does not produce its token in the reference.

    Attributes:
        token: that tokkit produces.
        ids: what the reference produces.
    """

    token: int
    ids: tuple[int, ...]


@dataclass
class Verification:
    """What the reference says of the witnesses.

    Attributes:
        library: its package and version.
        n_witnesses: how many there are.
        n_verified: how many produce their token there.
        refuted: those that do not; by token.
        failing: tokens on whose witness the library fails.
        failure: how it first failed, or nothing.
    """

    library: str
    n_witnesses: int
    n_verified: int = 0
    refuted: list[Refutation] = field(default_factory=list[Refutation])
    failing: list[int] = field(default_factory=list[int])
    failure: str = ""

    @property
    def n_untried(self) -> int:
        """Witnesses left when the library had failed too often."""
        return self.n_witnesses - self.n_verified - len(self.refuted) - len(self.failing)


def verify_witnesses(verdicts: Sequence[Verdict], reference: Reference) -> Verification:
    """Encode every witness with the reference.

    Args:
        verdicts: by id.
        reference: of the same tokenizer; that it fails is no error here.
    """
    witnesses = [
        (token, verdict.witness.decode())
        for token, verdict in enumerate(verdicts)
        if verdict.witness is not None
    ]
    found = Verification(f"{reference.name} {reference.version}", len(witnesses))
    batches = [
        witnesses[start : start + BATCH_SIZE] for start in range(0, len(witnesses), BATCH_SIZE)
    ]
    for token, ids in _encodings(batches, reference, found):
        if token in ids:
            found.n_verified += 1
        else:
            found.refuted.append(Refutation(token, tuple(ids)))
    found.refuted.sort(key=lambda refutation: refutation.token)
    found.failing.sort()
    return found


def _encodings(
    batches: list[list[tuple[int, str]]], reference: Reference, found: Verification
) -> Iterator[tuple[int, list[int]]]:
    """Each token with what the reference makes of its witness; failures go to `found`."""
    waiting = list(reversed(batches))
    n_failures = 0
    while waiting and n_failures < MAX_FAILURES:
        batch = waiting.pop()
        try:
            encoded = reference.encode_batch([text for _, text in batch])
        except SandboxError as error:
            n_failures += 1
            found.failure = found.failure or error.reason
            if len(batch) == 1:
                found.failing.append(batch[0][0])
            else:
                half = len(batch) // 2
                waiting += [batch[half:], batch[:half]]
            continue
        yield from zip((token for token, _ in batch), encoded, strict=True)
