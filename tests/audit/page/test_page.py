"""Laws of the page: self-contained, the same bytes again, nothing in a tokenizer becomes markup."""

from __future__ import annotations

import re
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any, Self

import numpy as np
import pytest

from tests.audit.page.test_engine import byte_tokenizer
from tests.report.page.reader import Reader, assert_links_lead_somewhere, assert_stands_alone
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.page import render_page
from tokkit.audit.page.summary import verdict
from tokkit.audit.part import TokenStatus
from tokkit.audit.report import AuditReport
from tokkit.audit.rules import RULES, Severity
from tokkit.audit.subject import Subject
from tokkit.report.section import Chart, Column, Fact, Section, Series, Table
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer
from tokkit.tokenizer import Modality, Tokenizer

NASTY = '</script><script>alert(1)</script><img src="https://example.com/x"> {{data}} & \'"'
RULE = RULES[min(RULES)]


def chart(kind: str, *, log_scale: bool = False) -> Chart:
    return Chart(
        key=f"{kind}{'_log' if log_scale else ''}",
        title=f"A chart of {kind} {NASTY}",
        kind=kind,  # pyright: ignore[reportArgumentType]
        labels=("one", "two", NASTY),
        series=(
            Series("first", (1.0, 20.0, 3000.0), ((0.5, 2.0), (10.0, 30.0), (2500.0, 3500.0))),
            Series("second", (2.0, 0.0, 7.0)),
        ),
        x_label="x",
        y_label="y",
        log_scale=log_scale,
    )


def nasty_tokenizer() -> TextTokenizer:
    """Bytes, and tokens that look like markup."""
    spec = byte_tokenizer().spec
    return TextTokenizer(
        replace(
            spec,
            token_bytes=(*spec.token_bytes, NASTY.encode(), b""),
            kinds=np.array([0] * 256 + [TokenKind.LITERAL, TokenKind.SPECIAL], np.uint8),
            special_tokens={NASTY + "!": 257},
        )
    )


def nasty_report() -> AuditReport:
    tokenizer = nasty_tokenizer()
    size = tokenizer.vocab_size
    witnesses = (
        Witness("encode", NASTY.encode(), (256,), note=NASTY),
        Witness("round_trip", b"\xff\x00\n\t \xe2\x80\x8b", result=b"\xff"),
        Witness("decode", ids=(1, 256, 999_999), result=b"x"),
    )
    section = Section(
        key="text",
        title=NASTY,
        summary=NASTY,
        facts=(Fact("a", NASTY, 1.5, NASTY, (1.0, 2.0), NASTY), Fact("b", "word", NASTY)),
        tables=(
            Table(
                "t",
                NASTY,
                (Column("a", NASTY), Column("n", "n", "number"), Column("i", "i", "token"),
                 Column("c", "c", "code")),
                tuple((NASTY, k / 7, k, f"{NASTY}\n {k}") for k in range(30)),
                NASTY,
            ),
        ),
        charts=(*map(chart, ("bars", "histogram", "lines")), chart("bars", log_scale=True)),
    )  # fmt: skip
    status = TokenStatus(
        status=("reachable",) * 256 + ("unreachable", "special"),
        reason=("",) * 256 + (NASTY, ""),
        witness=(*(bytes([byte]) for byte in range(256)), None, b"<s>"),
    )
    assert len(status.status) == size
    findings = (
        Finding(RULE, NASTY, tokens=tuple(range(200)), witnesses=witnesses),
        Finding(RULE, "again"),
    )
    return AuditReport(NASTY, Subject(tokenizer), (section,), findings, status)


class Signs(Tokenizer[list[float]]):
    """A toy of another modality: the sign and size of each sample."""

    @property
    def modality(self) -> Modality:
        return "speech"

    @property
    def vocab_size(self) -> int:
        return 4

    def encode(
        self, x: list[float], /, *, budget: int | None = None, context: None = None
    ) -> list[int]:
        return [2 * (sample < 0) + (abs(sample) > 1) for sample in x]

    def decode(self, ids: Any, *, seed: int | None = None) -> list[float]:
        return [(-1.0 if token > 1 else 1.0) * (token % 2 + 0.5) for token in ids]

    def save(self, folder: str | PathLike[str]) -> None:
        Path(folder).mkdir(exist_ok=True)

    @classmethod
    def load(cls, folder: str | PathLike[str]) -> Self:
        return cls()


@pytest.fixture(scope="module")
def page() -> str:
    return render_page(nasty_report())


def test_equal_reports_give_equal_bytes(page: str) -> None:
    assert render_page(nasty_report()) == page


def test_it_stands_alone(page: str) -> None:
    assert_stands_alone(page)


def test_names_and_tokens_never_become_markup(page: str) -> None:
    scripts = [attributes for tag, attributes in Reader(page).elements if tag == "script"]
    assert [attributes.get("type") for attributes in scripts] == [
        "application/json",
        "text/plain",
        None,
    ]


def test_ids_are_unique_and_links_lead_somewhere(page: str) -> None:
    assert f'id="{RULE.id}"' in page and f'id="{RULE.id}-2"' in page
    # Tokens and their lists are opened by the script.
    assert_links_lead_somewhere(page, r"(token|finding)-\d+")


def test_findings_are_ranked_by_what_they_mean_for_a_user() -> None:
    names = (
        "redundant-merge", "costly-capitals", "more-tokens-than-characters", "number-splitting",
        "special-token-injection", "uneven-language-cost", "reference-fails", "text-not-encodable",
    )  # fmt: skip
    findings = tuple(Finding(RULES[name], "m", graded=Severity("warning")) for name in names)
    errors = (Finding(RULES["redundant-merge"], "m", graded=Severity("error")),)
    report = replace(nasty_report(), findings=findings + errors)
    assert [finding.rule for finding in report.findings] == [
        "redundant-merge", "special-token-injection", "text-not-encodable", "reference-fails",
        "uneven-language-cost", "more-tokens-than-characters", "costly-capitals",
        "number-splitting", "redundant-merge",
    ]  # fmt: skip
    assert verdict(report).startswith("1 error: merges that never take place")


def test_a_witness_of_several_findings_is_shown_once() -> None:
    witness = Witness("encode", b"shared text", (115,))
    other = Witness("encode", b"own text", (116,))
    first, second = RULES["uneven-language-cost"], RULES["more-tokens-than-characters"]
    page = render_page(
        replace(
            nasty_report(),
            findings=(
                Finding(first, "m", witnesses=(witness,)),
                Finding(second, "m", witnesses=(witness, other)),
            ),
        )
    )
    assert page.count('data-text="shared text"') == page.count('data-text="own text"') == 1
    assert f'Witnesses: see <a href="#{first.id}">{first.title}</a>.' in page
    assert_links_lead_somewhere(page, r"(token|finding)-\d+")


def test_no_backtick_of_ours_stands_on_a_page() -> None:
    report = replace(nasty_report(), findings=tuple(Finding(rule, "m") for rule in RULES.values()))
    body = render_page(report).partition("<body>")[2].partition('<script type="application')[0]
    assert "<code>encode_special_tokens=True</code>" in body and "`" not in body


def test_a_file_that_is_loaded_is_no_empty_text() -> None:
    finding = Finding(RULES["redundant-merge"], "m", witnesses=(Witness("load", note="why"),))
    page = render_page(replace(nasty_report(), findings=(finding,)))
    assert "<dt>load</dt><dd>the file</dd>" in page


def test_charts_are_named_and_have_their_figures_beside_them(page: str) -> None:
    drawings = [attributes for tag, attributes in Reader(page).elements if tag == "svg"]
    assert len(drawings) == 4
    assert all(attributes["role"] == "img" for attributes in drawings)
    assert page.count('<details class="data">') == 4  # the table instead of the chart
    assert "3,000 <small>2,500 to 3,500</small>" in page


def test_other_modalities_have_no_explorer() -> None:
    page = render_page(replace(nasty_report(), subject=Subject(Signs()), tokens=None))
    assert "tokkit-block" not in re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "speech · 4 ids" in page
    assert "for the signals that were passed" in page


def test_only_a_tokenizer_of_text_is_told_not_to_lose_text() -> None:
    clean = replace(nasty_report(), findings=())
    assert "loses text" in verdict(clean)
    signs = replace(clean, subject=Subject(Signs()), tokens=None)
    assert verdict(signs) == "No errors, no warnings in how the codes are used."


def test_a_comparison_is_a_page_of_the_same_kind() -> None:
    from tokkit.audit.diff.comparison import compare
    from tokkit.audit.page.comparison import render_diff_page

    before, after = byte_tokenizer(), nasty_tokenizer()
    page = render_diff_page(compare(before, after, names=("old", NASTY)))
    assert page == render_diff_page(compare(before, after, names=("old", NASTY)))
    assert "256 tokens with the same id · 2 added · 0 removed" in page
    assert_stands_alone(page)
    same = render_diff_page(compare(before, before, names=("old", "new")))
    assert "Nothing is different" in same


@pytest.mark.parametrize(
    ("rules", "wanted"),
    [
        ((), "No errors, no warnings"),
        (("note",), "No errors, no warnings"),
        (("warning", "note"), "No errors. 1 warning: "),
        (("error", "warning"), "1 error: "),
    ],
)
def test_the_verdict_names_the_worst(rules: tuple[str, ...], wanted: str) -> None:
    found = tuple(Finding(RULE, "m", graded=Severity(rule)) for rule in rules)
    said = verdict(replace(nasty_report(), findings=found))
    assert said.startswith(wanted)
    if not wanted.startswith("No errors, no"):
        assert RULE.title[1:] in said
