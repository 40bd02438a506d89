"""Small tokenizers, and small reports, to audit and to write down."""

from __future__ import annotations

import json
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
from tokenizers import ByteLevelBPETokenizer

from tests.text.format_samples import CORPUS
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.part import TokenStatus
from tokkit.audit.report import AuditReport
from tokkit.audit.rules import RULES
from tokkit.audit.subject import Subject
from tokkit.report.section import Chart, Column, Fact, Section, Series, Table
from tokkit.text.spec import Normalizer, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer import Tokenizer


class Unsaved(Tokenizer[Any]):
    """A tokenizer that nobody saves."""

    def save(self, folder: str | PathLike[str]) -> None:
        raise NotImplementedError

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        raise NotImplementedError


def byte_tokenizer(normalizer: Normalizer | None = None) -> TextTokenizer:
    """One id for each byte."""
    return TextTokenizer(
        TokenizerSpec(
            name="bytes",
            family="bytes",
            token_bytes=tuple(bytes([value]) for value in range(256)),
            kinds=np.full(256, TokenKind.BYTE, dtype=np.uint8),
            normalizer=normalizer,
        )
    )


def write_bpe(path: Path, texts: Sequence[str] = CORPUS, vocab_size: int = 400) -> Path:
    """A small byte-level BPE as a tokenizer.json."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(texts, vocab_size=vocab_size, show_progress=False, min_frequency=1)
    bpe.add_special_tokens(["<|end|>"])
    bpe.save(str(path))
    return path


def rewrite_json(path: Path, target: Path, **changes: object) -> Path:
    """A tokenizer.json with some of its top-level fields changed."""
    document = json.loads(path.read_text(encoding="utf-8"))
    document.update(changes)
    target.write_text(json.dumps(document), encoding="utf-8")
    return target


def toy_report(findings: Sequence[Finding] | None = None) -> AuditReport:
    """A report with one of everything, and text that every output has to escape."""
    tokenizer = byte_tokenizer()
    found = (
        Finding(
            RULES["number-splitting"],
            'cut <b>badly</b> & "oddly" \x1b[31m',
            3,
            (48, 49),
            (Witness("encode", b"10\x00\xff", (49, 48, 0, 255), note="two"),),
        ),
        Finding(RULES["nfc-nfd-differ"], "differ", 2),
        Finding(
            RULES["language-without-encoding"], "lost", witnesses=(Witness("decode", ids=(1,)),)
        ),
    )
    section = Section(
        "text",
        "Text",
        "A summary.",
        facts=(
            Fact("rate", "Rate", 4.25, "bytes a token", (4.0, 4.5), "help"),
            Fact("infinite", "Infinite", float("inf")),
            Fact("works", "Works", True),
        ),
        tables=(
            Table(
                "languages",
                "Languages",
                (Column("code", "Code"), Column("premium", "Premium", "number")),
                (("eng", 1.0), ("mya", 9.5)),
            ),
        ),
        charts=(Chart("bars", "Bars", "bars", ("a", "b"), (Series("s", (1.0, 2.0)),)),),
    )
    return AuditReport(
        name="toy <tokenizer>",
        subject=Subject(tokenizer),
        sections=(section,),
        findings=tuple(found if findings is None else findings),
        tokens=TokenStatus(("reachable",) * 256, ("",) * 256, (None,) * 256),
    )


def write_two_releases(folder: Path) -> tuple[Path, Path]:
    """A tokenizer of 400 tokens, and a release of it with 340 and a pretokenizer setting less."""
    one = write_bpe(folder / "one.json")
    two = write_bpe(folder / "two.json", vocab_size=340)
    pre = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False}
    return one, rewrite_json(two, folder / "three.json", pre_tokenizer=pre)
