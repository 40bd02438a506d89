"""The report stands alone, escapes what it shows, and is the same every time."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from tests.report.page.reader import assert_links_lead_somewhere, assert_stands_alone
from tokkit.mixture.estimation.missing import MissingTest
from tokkit.mixture.judging.diagnostics import Diagnosis, Disagreement
from tokkit.mixture.judging.groups import GroupShare
from tokkit.mixture.merges.inheritance import Inheritance
from tokkit.mixture.result import MixtureResult

EVIL = "</td><script>alert(1)</script>\"'&\u202e\x07"
SHOWN = "&lt;script&gt;alert(1)&lt;/script&gt;&quot;&#x27;&amp;"


def make(**changes: object) -> MixtureResult:
    pair = Disagreement(7, b"</code><img src=x>", b"\xff\n\xe2\x80\xae ", 0.0, 0)
    residuals = np.linspace(-2, 1.5, 500)
    residuals[::7] = np.nan
    base = MixtureResult(
        tokenizer=EVIL,
        method="default",
        proportions={EVIL: 0.75, "b": 0.25},
        intervals={EVIL: (0.7, 0.8), "b": (0.2, 0.3)},
        level=0.9,
        status="converged",
        objective=1.0,
        unexplained=0.1,
        unsupported=0.14,
        limits={EVIL: 0.6, "b": 1.0},
        covariance=np.eye(2) * 0.01,
        n_merges=500,
        inherited=Inheritance(EVIL, 300, 300, 0.99),
        sample_bytes={EVIL: 1_000_000, "b": 2_000_000},
        warnings=(f"careful: {EVIL}",),
        diagnosis=Diagnosis(residuals, (pair,), (replace(pair, factor=9.0),), ()),
    )
    return replace(base, **changes)  # pyright: ignore[reportArgumentType]


PLAIN = {"tokenizer": "toy", "intervals": None, "unexplained": None, "inherited": None}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {**PLAIN, "warnings": (), "diagnosis": Diagnosis(np.full(3, np.nan), (), (), ())},
        {"n_merges": 1, "diagnosis": Diagnosis(np.zeros(1), (), (), ())},
        {"proportions": {EVIL: 1.0, "b": 0.0}, "intervals": None},
    ],
)
def test_the_page_is_well_formed_and_stands_alone(changes: dict[str, object]) -> None:
    if "diagnosis" in changes and changes.get("n_merges") is None:
        changes = {**changes, "n_merges": 3}
    page = make(**changes).to_html()
    assert_stands_alone(page)
    assert_links_lead_somewhere(page)
    assert not re.search(r"url\(|@import|\bnan\b", page)


def test_names_and_tokens_are_escaped() -> None:
    page = make().to_html()
    assert_stands_alone(page)
    assert "\u202e" not in page and "\x07" not in page
    assert page.count(f"{SHOWN}\\u202e\\x07") >= 4
    pairs = make().to_dict()["disagreements"]["too_rare_in_samples"]
    assert pairs[0]["right"] == r"\xff\n\u202e␣"


def test_the_page_is_the_same_every_time() -> None:
    assert make().to_html() == make().to_html()
    page = make().to_html()
    assert page.encode().decode() == page


def test_the_page_shows_the_numbers() -> None:
    page = make().to_html()
    for shown in (">75</td>", ">70</td>", ">80</td>", "90% intervals", "Merges taken over"):
        assert shown in page
    assert "3.0 MB of samples" in page


def test_groups_and_shares_that_are_ruled_out_are_shown() -> None:
    page = make().with_groups({EVIL: ["*"]}).to_html()
    assert page.count(SHOWN) >= 5
    assert 'data-value="100.0">100</td>' in page and 'id="table-groups"' in page
    assert page.count(">†</td>") == 1 and "† ruled out" in page
    assert "†" not in make(limits={EVIL: 1.0, "b": 1.0}).to_html()


def test_of_what_nothing_is_told_no_bar_is_drawn() -> None:
    page = make(untold=("b",)).to_html()
    chart = page.partition('id="chart-shares"')[2].partition("</figure>")[0]
    assert "Nothing is told of b." in page
    assert ">b</th>" not in chart and SHOWN in chart


def many(**changes: object) -> MixtureResult:
    """Thirty categories, of which a few have nearly all."""
    names = [f"c{k}" for k in range(30)]
    shares = [0.6, 0.3, 0.0994, *[0.0006 / 27] * 27]
    proportions = dict(zip(names, shares, strict=True))
    return make(
        proportions=proportions,
        intervals={name: (share * 0.9, share * 1.1) for name, share in proportions.items()},
        sample_bytes=dict.fromkeys(names, 200_000),
        limits=dict.fromkeys(names, 1.0),
        covariance=np.eye(30) * 0.01,
        **changes,
    )


def test_of_many_categories_those_without_a_share_are_summed_up() -> None:
    assert many().notable()[0] == ["c0", "c1", "c2"]
    assert str(many()).splitlines()[-1] == "and 27 more below 0.1% each, together 0.1%"
    assert "And 27 more, together 0.1%." in many().to_html()
    assert len(many().to_dict()["categories"]) == 30


def test_groups_stand_before_the_categories() -> None:
    grouped = many().with_groups({"both": ["c0", "c1"]})
    lines = str(grouped).splitlines()
    assert lines[1].startswith("both") and "90.0%" in lines[1] and not lines[2]
    assert grouped.to_dict()["groups"][0]["categories"] == ["c0", "c1"]
    low, high = grouped.to_dict()["groups"][0]["interval"]
    assert low < 0.9 < high


def test_a_share_that_is_ruled_out_takes_the_trust_away() -> None:
    sound = {"unsupported": 0.0, "unexplained": 0.0}
    flat = Diagnosis(np.zeros(2000), (), (), ())
    fine = make(**sound, n_merges=2000, diagnosis=flat, limits={EVIL: 0.8, "b": 0.25})
    assert fine.trust()[0] == "Nothing in the merges speaks against these shares."
    wrong = replace(fine, limits={EVIL: 0.8, "b": 0.2})
    assert wrong.ruled_out == ("b",)
    assert wrong.trust()[0].startswith("Take these shares as a rough guess: frequent pairs")
    assert "25.0% of them" in wrong.trust()[0]


def test_a_missing_category_takes_the_trust_away_and_is_shown() -> None:
    flat = Diagnosis(np.zeros(2000), (), (), ())
    sound = {"unsupported": 0.0, "unexplained": 0.0, "n_merges": 2000, "diagnosis": flat}
    complete = make(**sound, limits={EVIL: 1, "b": 1}, missing=MissingTest(1000, 4))
    assert complete.trust()[0] == "Nothing in the merges speaks against these shares."
    assert f">{MissingTest(1000, 4)}<" in complete.to_html()
    lacking = replace(complete, missing=MissingTest(1000, 40))
    assert lacking.fits and ">p &lt; 0.001<" in lacking.to_html()
    assert lacking.trust()[0].startswith("Take these shares as a rough guess: a category is")
    assert "a category seems to be missing" in repr(lacking)
    found = lacking.to_dict()["missing"]
    assert found["rejected"] and found["n_lacking"] == 40 and found["p_value"] < 1e-5


def test_small_samples_count_by_their_share() -> None:
    large = make(sample_bytes={EVIL: 10**6, "b": 10**5})
    small = replace(large, sample_bytes={EVIL: 10**6, "b": 10**4})
    assert "some samples are small" not in large.trust()[0]
    assert "some samples are small" in small.trust()[0]
    without = replace(small, proportions={EVIL: 0.99, "b": 0.01})
    assert "some samples are small" not in without.trust()[0]


def test_rare_pairs_after_a_long_prefix_are_not_trusted() -> None:
    short = make(inherited=Inheritance("a", 300, 300, 1.0)).trust()[0]
    long = make(inherited=Inheritance("a", 100_000, 100_000, 1.0)).trust()[0]
    assert "rare pairs" not in short
    assert long.startswith("Take these shares as a rough guess")
    assert "only rare pairs are left after 100,000 inherited merges" in long


def widths(page: str) -> list[float]:
    """Of the bars of shares, in order, in percent of the width of a chart."""
    charts = page.partition('<section id="shares"')[2].partition("</section>")[0]
    return [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)%"', charts)]


def test_bars_of_both_charts_of_shares_have_one_axis() -> None:
    shares = {"a": 0.472, "b": 0.247, "c": 0.281}
    groups = {
        "first": GroupShare(0.719, None, ("a", "b")),
        "second": GroupShare(0.281, None, ("c",)),
    }
    result = make(
        proportions=shares,
        intervals=None,
        method="linear-program",
        limits=dict.fromkeys(shares, 1.0),
        sample_bytes=dict.fromkeys(shares, 1_000_000),
        groups=groups,
    )
    drawn = widths(result.to_html())
    wanted = [0.719, 0.281, 0.472, 0.281, 0.247]
    assert drawn == pytest.approx([100 * share / 0.719 for share in wanted], abs=0.1)


def test_shares_that_should_not_be_used_look_like_it() -> None:
    refused = make(intervals=None, unsupported=0.3).to_html()
    assert 'class="chart bars muted" id="chart-shares"' in refused
    assert "Do not use these shares" in refused.partition('<section id="warnings"')[0]
    assert "Shares, not to be used" in refused
    assert "muted" not in make().to_html().partition("<body>")[2]


def test_terms_are_explained_where_they_stand() -> None:
    page = make().to_html()
    facts = re.findall(r'<div class="fact".*?</div>', page)
    assert len(facts) >= 5 and all('class="help"' in fact for fact in facts)
    assert "Between “from” and “to” a share lies in 90%" in page and "“at most”" in page
