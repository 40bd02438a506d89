"""Laws of the family of pages: they stand alone, escape what they show, and are the same again."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from itertools import pairwise

import pytest

from tests.report.page.reader import Reader, assert_links_lead_somewhere, assert_stands_alone
from tokkit.audit.page.assets import STYLES as AUDIT_STYLES
from tokkit.audit.page.assets import audit_asset
from tokkit.errors import ArgumentError
from tokkit.files.shipped import shipped_text
from tokkit.report.page.assets import STYLES, asset
from tokkit.report.page.charts import chart_html
from tokkit.report.page.facts import facts_html
from tokkit.report.page.markup import attribute, escape, prose, visible_html
from tokkit.report.page.rendering import Page, render
from tokkit.report.page.scales import scale_of
from tokkit.report.page.tables import section_html
from tokkit.report.section import Chart, Column, Fact, Section, Series, Table

NASTY = "</script><script>alert(1)</script><img src=x onerror=y> {{data}} & '\" \u202e\x07\udc80"
SHOWN = "&lt;img src=x onerror=y&gt; {{data}} &amp; &#x27;&quot; \\u202e\\x07\\udc80"


def nasty_page() -> Page:
    charts = tuple(
        Chart(
            f"c-{kind}", NASTY, kind, ("one", NASTY),
            (Series(NASTY, (1.0, 2.0), ((0.5, 1.5), (1.0, 3.0))),), NASTY, NASTY,
        )
        for kind in ("bars", "histogram", "lines", "curve")
    )  # fmt: skip
    columns = (Column("a", NASTY), Column("b", NASTY, "code"), Column("c", NASTY, "number"))
    table = Table("t", NASTY, columns, tuple((NASTY, NASTY, k) for k in range(20)), NASTY)
    section = Section("s", NASTY, NASTY, (Fact("f", NASTY, NASTY, NASTY),), (table,), charts)
    return Page(
        brand=NASTY,
        kicker=NASTY,
        name=NASTY,
        description=NASTY,
        verdict=NASTY,
        headline=(Fact("g", NASTY, 1.5, NASTY, (1.0, 2.0), NASTY),),
        sections=(section,),
        note=NASTY,
        warnings=(NASTY,),
    )


def test_nothing_that_is_told_becomes_markup() -> None:
    page = render(nasty_page())
    assert_stands_alone(page)
    assert_links_lead_somewhere(page)
    assert [tag for tag, _ in Reader(page).elements].count("script") == 1
    assert page.count(SHOWN) > 40
    assert page.encode().decode() == page == render(nasty_page())


def test_a_page_of_its_own_has_its_own_script_and_style() -> None:
    page = render(replace(nasty_page(), script="start();", style=".x { color: red; }"))
    assert_stands_alone(page)
    assert "<script>start();</script>" in page and ".x { color: red; }" in page


def test_there_is_one_scale_of_at_most_eight_sizes() -> None:
    styles = [asset(f"styles/{name}.css") for name in (*STYLES, "plain")]
    styles += [audit_asset(f"styles/{name}.css") for name in AUDIT_STYLES]
    styles += [
        shipped_text("heat.css", "tokkit.scoring"),
        shipped_text("speakers.css", "tokkit.bytelm.ensembles"),
    ]
    sizes = re.findall(r"--size-\w+: ([\d.]+)rem;", "".join(styles))
    assert 1 < len(sizes) <= 8 and min(map(float, sizes)) * 16 >= 12
    for style in styles:
        for said in re.findall(r"font-size: ([^;]+);|font: ([^;]+);", style):
            assert "".join(said).startswith(("var(--size-", "inherit")), said


def test_what_stands_between_backticks_is_code() -> None:
    assert prose("set `a<b` so") == "set <code>a&lt;b</code> so"
    section = Section("s", "t", "of `x`", (Fact("f", "l", 1, help="of `y`"),))
    assert "<code>x</code>" in section_html(section) and "<code>y</code>" in section_html(section)


def test_zeros_are_small_and_many_figures_are_folded() -> None:
    facts = tuple(Fact(f"f{k}", f"label {k}", k % 10, help="why") for k in range(20))
    shown = facts_html(facts)
    zeros = shown.partition('<ul class="zeros">')[2].partition("</ul>")[0]
    assert zeros.count("<b>0</b>") == zeros.count("why") == 2 and zeros.count("data-key") == 2
    assert shown.count('class="fact"') == 18 and "14 more figures" in shown
    few = facts_html(facts[1:9])
    assert few.count('class="fact"') == 8 and "more figures" not in few and "zeros" not in few
    assert "zeros" not in facts_html((Fact("f", "l", False), Fact("g", "l", 0.0, interval=(0, 1))))


def test_of_many_bars_the_first_are_shown_at_the_same_scale() -> None:
    series = Series("s", tuple(float(k) for k in range(53, 0, -1)))
    chart = Chart("k", "t", "bars", tuple(f"bar {k}" for k in range(53)), (series,))
    shown = chart_html(chart)
    first, _, rest = shown.partition('<details class="rest">')
    assert first.count('<rect class="s0"') == 10 and rest.count('<rect class="s0"') == 43
    assert "<summary>43 more</summary>" in rest
    widths = [float(width) for width in re.findall(r'<rect [^>]*width="([\d.]+)%"', shown)]
    assert all(a > b for a, b in pairwise(widths))
    half = chart_html(replace(chart, reach=106.0))
    assert [float(w) for w in re.findall(r'<rect [^>]*width="([\d.]+)%"', half)] == pytest.approx(
        [width / 2 for width in widths], abs=0.02
    )


def test_a_table_stands_with_its_chart_and_nowhere_else() -> None:
    tables = tuple(Table(name, name, (Column("a", "a"),), (("x",),)) for name in "abc")
    chart = Chart("k", "t", "bars", ("x",), (Series("s", (1.0,)),), table="a")
    shown = section_html(Section("s", "t", "u", tables=tables, charts=(chart,)))
    assert shown.count('id="table-a"') == 1
    assert '<details class="data wide">' in shown and shown.count("table fold") == 2
    alone = section_html(Section("s", "t", "u", tables=tables[:2], charts=(chart,)))
    assert "table fold" not in alone and alone.count('id="table-b"') == 1
    with pytest.raises(ArgumentError, match="names the table d"):
        Section("s", "t", "u", tables=tables, charts=(replace(chart, table="d"),))


def test_controls_and_marks_that_reorder_text_are_shown_by_their_number() -> None:
    assert escape("a\u202eb\x00\x85\udc80") == r"a\u202eb\x00\x85\udc80"
    assert escape("é 👩\u200d🚀\n") == "é 👩\u200d🚀\n"
    assert attribute('"\n\u202e') == "&quot;&#10;\u202e"


def test_a_gap_of_a_curve_is_no_line() -> None:
    values = (1.0, math.nan, 2.0, 4.0)
    ranges = ((0.5, 2.0), (math.nan, math.nan), (1.0, 3.0), (3.0, 5.0))
    drawn = chart_html(
        Chart("k", "t", "curve", tuple("abcd"), (Series("s", values, ranges),), log_scale=True)
    )
    assert "nan" not in drawn
    assert drawn.count('<line class="s0"') == 1 and drawn.count('<rect class="s0"') == 3
    assert "<circle" not in drawn and "from 1 to 4" in drawn
    points = chart_html(Chart("k", "t", "lines", tuple("abcd"), (Series("s", values),)))
    assert points.count("<circle") == 3 and points.count('<line class="s0"') == 1


@pytest.mark.parametrize("kind", ["bars", "histogram", "lines", "curve"])
def test_what_is_unknown_is_drawn_nowhere_as_a_number(kind: str) -> None:
    series = (Series("s", (math.nan, math.nan)),)
    assert "nan" not in chart_html(Chart("k", "t", kind, ("a", "b"), series))  # pyright: ignore[reportArgumentType]


def luminance(color: str) -> float:
    parts = [int(color[k : k + 2], 16) / 255 for k in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("theme", [":root {", ':root[data-theme="dark"] {'])
def test_letters_stand_out_from_their_ground(theme: str) -> None:
    rules = asset("styles/colors.css").partition(theme)[2].partition("}")[0]
    colors = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", rules))
    grounds = {"ink": ("paper", "raised", "sunken", "t0", "t1", "t2", "t3", "t4")}
    grounds |= dict.fromkeys(("quiet", "accent"), ("paper", "raised", "sunken"))
    grounds |= {name: ("paper", f"{name}-wash") for name in ("error", "warning", "note")}
    for letters, below in grounds.items():
        for ground in below:
            pair = sorted([luminance(colors[letters]), luminance(colors[ground])])
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (letters, ground)


def test_both_ways_to_dark_have_the_same_colours() -> None:
    style = asset("styles/colors.css")
    chosen = style.partition(':root[data-theme="dark"] {')[2].partition("}")[0]
    preferred = style.partition(':root:not([data-theme="light"]) {')[2].partition("}")[0]
    assert chosen.split() == preferred.split()


def test_invisible_bytes_are_shown() -> None:
    shown = visible_html(b"a \n\t\xff\xe2\x80\x8b" + "é\u0301".encode() + "\u0301".encode())
    assert [sign in shown for sign in ("·", "↵", "⇥", ">FF<", "U+200B")] == [True] * 5
    assert "U+0301" not in shown
    assert "U+0301" in visible_html("\u0301".encode())
    assert "500 bytes in all" in visible_html(b"x" * 500)


def test_scales_keep_order_and_bounds() -> None:
    for is_log in (False, True):
        scale = scale_of([0.5, 3.0, 800.0], is_log=is_log)
        places = [scale.percent(value) for value in (0.5, 3.0, 800.0)]
        assert places == sorted(places) and places[0] >= 0 and places[-1] <= 100
        assert 2 <= len(scale.ticks()) <= 7
        assert all(0 <= scale.percent(tick) <= 100 for tick in scale.ticks())
