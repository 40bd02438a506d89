"""What becomes of input that few tests think of: controls, marks, line ends, broken UTF-8.

A table, since most of it is neither right nor wrong: how many tokens tokkit makes of it, whether it
comes back, and whether the tokenizer's own library makes the same ids of it. Findings about what is
lost come from `round_trips` and `normalization`.
"""

from __future__ import annotations

import numpy as np

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.reference.own_library import Reference
from tokkit.audit.rules import Severity
from tokkit.audit.rules.safety import REFERENCE_DISAGREES, REFERENCE_FAILS
from tokkit.audit.safety.probe_texts import as_bytes, as_text, probe_texts
from tokkit.audit.safety.shrinking import shrink
from tokkit.errors import SandboxError
from tokkit.report.section import Column, Scalar, Table
from tokkit.report.wording import quoted
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

INPUTS: tuple[tuple[str, bytes], ...] = (
    ("NUL", b"a\0b"),
    ("other control characters", b"\x01\x07\x1b[31m\x7f"),
    ("byte-order mark at the start", b"\xef\xbb\xbfa"),
    ("byte-order mark inside", b"a\xef\xbb\xbfb"),
    ("CRLF", b"a\r\nb"),
    ("a run of CRLF", b"a" + b"\r\n" * 8 + b"b"),
    ("lone CR", b"a\rb"),
    ("vertical tab and form feed", b"a\x0b\x0cb"),
    ("next line and line separator", "a\x85\u2028b".encode()),
    ("zero-width space and joiner", "a\u200bb\u200dc".encode()),
    ("right-to-left override", "a\u202eb".encode()),
    ("invisible tag characters", "a\U000e0048\U000e0049b".encode()),
    ("private use", "\ue000\U000f0000".encode()),
    ("noncharacters", "\uffff\ufdd0".encode()),
    ("replacement character", "\ufffd".encode()),
    ("a byte that is never UTF-8", b"a\xffb"),
    ("a character cut in half", b"a\xe6\x97"),
    ("overlong NUL", b"\xc0\x80"),
    ("a surrogate in UTF-8", b"\xed\xa0\x80"),
)
LONE_SURROGATE = "a\ud800b"


def tabulate_unusual_input(tokenizer: TextTokenizer, reference: Reference | None = None) -> Table:
    """One row for each of `INPUTS`, and one for a `str` with a lone surrogate."""
    rows: list[tuple[Scalar, ...]] = []
    for name, data in INPUTS:
        n_tokens, back = _ours(tokenizer, data)
        text = as_text(data)
        answer = "—" if reference is None else "takes text only"
        if reference is not None and not _has_surrogate(text):
            answer = _compared(tokenizer, reference, text)
        rows.append((name, _escaped(data), n_tokens, back, answer))
    answer = "—" if reference is None else _of_surrogate(reference)
    rows.append(("a lone surrogate in a str", "a\\ud800b", None, "refused", answer))
    return Table(
        "unusual_input",
        "Input that few tests think of",
        (
            Column("input", "input"),
            Column("bytes", "bytes", "code"),
            Column("n_tokens", "tokens", "number"),
            Column("round_trip", "comes back"),
            Column("reference", "the library's ids" if reference is None else reference.name),
        ),
        tuple(rows),
        note="Canonical tokenization. What does not come back was normalised, or not encoded.",
    )


def find_disagreement(tokenizer: TextTokenizer, reference: Reference) -> list[Finding]:
    """Probe texts of which the reference makes other ids, or nothing at all, shrunk.

    Each text is judged by itself. One that the vocabulary cannot express agrees if the reference
    makes the same ids of it, unknown tokens among them, or refuses it as well.

    Raises:
        SandboxError: the reference panics or dies.
    """
    unused = np.flatnonzero(tokenizer.spec.kinds == TokenKind.UNUSED).tolist()
    own = tokenizer.spec.unk_id
    unknown = frozenset(unused if own is None else (*unused, own))

    def judge(text: str) -> str:
        return _judge(tokenizer, text, reference.encode_each([text])[0], unknown)

    texts = probe_texts()
    found = reference.encode_each(texts)
    verdicts = [
        _judge(tokenizer, text, ids, unknown) for text, ids in zip(texts, found, strict=True)
    ]
    findings: list[Finding] = []
    for verdict in ("other ids", "refused"):
        failing = [text for text, each in zip(texts, verdicts, strict=True) if each == verdict]
        if failing:
            shortest = min(failing, key=lambda text: (len(text), text))
            smallest = shrink(shortest, lambda text, v=verdict: judge(text) == v, max_calls=300)
            make = _other_ids if verdict == "other ids" else _refused
            findings.append(make(tokenizer, reference, smallest, len(failing), len(texts)))
    return findings


def _other_ids(
    tokenizer: TextTokenizer, reference: Reference, text: str, count: int, n_texts: int
) -> Finding:
    theirs = tuple(reference.encode_each([text])[0] or ())
    ours = ids_or_none(tokenizer, text)
    return Finding(
        REFERENCE_DISAGREES,
        f"{count} of {n_texts} probe texts get other ids from {reference.name}; the smallest is "
        f"{quoted(text)}, of which it makes {theirs}"
        + ("." if ours is not None else ", and which tokkit cannot encode."),
        count=count,
        witnesses=(Witness("encode", as_bytes(text), ours or ()),),
    )


def _refused(
    tokenizer: TextTokenizer, reference: Reference, text: str, count: int, n_texts: int
) -> Finding:
    return Finding(
        REFERENCE_FAILS,
        f"{reference.name} refuses {count} of {n_texts} probe texts, which tokkit encodes; the "
        f"smallest is {quoted(text)}.",
        count=count,
        witnesses=(Witness("encode", as_bytes(text), ids_or_none(tokenizer, text) or ()),),
        graded=Severity.WARNING,
    )


def _judge(
    tokenizer: TextTokenizer, text: str, theirs: list[int] | None, unknown: frozenset[int]
) -> str:
    """`"the same"`, `"other ids"`, or `"refused"` by the reference alone."""
    ours = ids_or_none(tokenizer, text, unk="use")
    if ours is None:
        agreed = theirs is None or not unknown or not unknown.isdisjoint(theirs)
        return "the same" if agreed else "other ids"
    if theirs is None:
        return "refused" if ids_or_none(tokenizer, text) is not None else "the same"
    return "the same" if list(ours) == theirs else "other ids"


def _ours(tokenizer: TextTokenizer, data: bytes) -> tuple[int | None, str]:
    ids = ids_or_none(tokenizer, data)
    if ids is None:
        return None, "not encodable"
    return len(ids), "yes" if tokenizer.decode(ids) == data else "no"


def _compared(tokenizer: TextTokenizer, reference: Reference, text: str) -> str:
    try:
        theirs = reference.encode_batch([text])[0]
    except SandboxError as error:
        return error.reason
    ours = ids_or_none(tokenizer, text)
    if ours is None:
        return "an unknown token"
    return "the same ids" if list(ours) == theirs else "other ids"


def _of_surrogate(reference: Reference) -> str:
    try:
        ids = reference.encode_batch([LONE_SURROGATE])[0]
        return f"becomes {reference.decode_batch([ids])[0]!a}"
    except SandboxError as error:
        return error.reason


def _has_surrogate(text: str) -> bool:
    return any("\ud800" <= char <= "\udfff" for char in text)


def _escaped(data: bytes) -> str:
    return repr(data)[2:-1]
