"""The page in a headless browser: both colour schemes, phone and desktop, and all that moves."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit.page.browser import OpenPage, open_browser
from tests.audit.page.test_page import NASTY, nasty_report
from tests.audit.toy_subjects import write_bpe
from tests.real.references import FOLDER, as_parameters, fetched_files
from tokkit.audit.auditing import audit
from tokkit.audit.finding import Finding, Witness
from tokkit.audit.options import AuditOptions
from tokkit.audit.page import render_page
from tokkit.audit.report import AuditReport
from tokkit.audit.rules import RULES
from tokkit.audit.subject import Subject
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

pytestmark = pytest.mark.slow

TEXTS = (
    "the quick brown fox", "  two  spaces\n\n", "naïve café 日本語 👩‍🚀", "<|end|> </script> {{x}}",
    "", "1234567", "\ufeff\u200b", "don't DON'T",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    return load_tokenizer(write_bpe(tmp_path_factory.mktemp("bpe") / "tokenizer.json"))


@pytest.fixture(scope="module")
def path(tokenizer: TextTokenizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a small BPE, with all that a report can hold."""
    longest = max(range(tokenizer.vocab_size), key=lambda token: len(tokenizer.token_bytes(token)))
    findings = (
        Finding(
            RULES[min(RULES)],
            "Two texts.",
            tokens=tuple(range(30, 90)),
            witnesses=(
                Witness("encode", b"a witness\n", tuple(tokenizer.encode("a witness\n"))),
                Witness("encode_specials", b"<|end|>", (longest,)),
            ),
        ),
    )
    sections = nasty_report().sections
    report = AuditReport("small bpe", Subject(tokenizer), sections, findings)
    found = tmp_path_factory.mktemp("page") / "page.html"
    found.write_text(render_page(report), encoding="utf-8")
    return found


@pytest.fixture
def opened(browser: Any, path: Path) -> Iterator[OpenPage]:
    window = OpenPage(browser, path)
    yield window
    window.close()
    assert window.troubles == []


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_renders_without_errors_requests_or_overflow(
    browser: Any, path: Path, width: int, scheme: str
) -> None:
    window = OpenPage(browser, path, width=width, scheme=scheme)
    assert window.troubles == []
    assert window.requests == [path.as_uri()]
    wide = window.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    paper = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, paper.strip("rgb()").split(","))) > 380) == (scheme == "light")
    window.close()


def test_nasty_names_and_tokens_stay_text(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "nasty.html"
    path.write_text(render_page(nasty_report()), encoding="utf-8")
    window = OpenPage(browser, path)
    window.page.on("dialog", lambda _: window.troubles.append("a script of a token ran"))
    assert window.page.text_content("h1") == NASTY
    window.page.evaluate("location.hash = '#token-256'")
    window.page.wait_for_selector("#entry[data-token='256']")
    assert window.live_ids(NASTY) == [256]
    assert window.live_ids(NASTY + "!", specials=True) == [257]
    assert window.page.locator("img").count() == 0
    assert window.troubles == [] and window.requests == [path.as_uri()]
    window.close()


@pytest.mark.parametrize("path", as_parameters(fetched_files()))
def test_real_vocabularies_fit_and_run(browser: Any, tmp_path: Path, path: Path) -> None:
    fuzz_texts = pytest.importorskip("tests.real.fuzz_texts")
    tokenizer = load_tokenizer(path)
    page = render_page(AuditReport(path.name, Subject(tokenizer), (), ()))
    assert len(page.encode()) < 1_800_000  # the rest of a report has to fit, too
    target = tmp_path / "page.html"
    target.write_text(page, encoding="utf-8")
    window = OpenPage(browser, target)
    # A text field turns every line break into one line feed.
    texts = [text.replace("\r", "\n") for text in fuzz_texts.fuzz_texts(25, 5)]
    for text in texts:
        assert window.live_ids(text) == tokenizer.encode(text), text
    assert window.troubles == []
    window.close()


def test_the_live_view_is_off_where_its_ids_would_differ(
    browser: Any, path: Path, tmp_path: Path
) -> None:
    page = path.read_text(encoding="utf-8")
    checks = re.search(r'"checks":\[\["",(\d+)\]', page)
    assert checks is not None
    target = tmp_path / "page.html"
    target.write_text(page.replace(checks[0], '"checks":[["",1]'), encoding="utf-8")
    window = OpenPage(browser, target)
    assert "differ from tokkit's" in window.page.text_content("#live-refusal")
    assert window.page.is_disabled("#live-text")
    assert window.page.locator("button.replay[data-text]:visible").count() == 0
    assert window.page.locator("#list .row").count() > 0 and window.troubles == []
    window.close()


@pytest.mark.parametrize("specials", [False, True])
def test_live_ids_are_the_librarys(
    opened: OpenPage, tokenizer: TextTokenizer, specials: bool
) -> None:
    for text in TEXTS:
        assert opened.live_ids(text, specials=specials) == tokenizer.encode(text, specials=specials)


def test_a_replayed_witness_is_typed_and_coloured(
    opened: OpenPage, tokenizer: TextTokenizer
) -> None:
    opened.page.click(".finding > summary")
    opened.page.click(".finding .body summary")
    opened.page.click("button.replay >> nth=1")
    assert opened.page.input_value("#live-text") == "<|end|>"
    assert opened.page.is_checked("#live-specials")
    opened.page.click("button.replay >> nth=0")
    assert opened.page.input_value("#live-text") == "a witness\n"
    assert opened.page.locator("#live-tokens a").count() == len(tokenizer.encode("a witness\n"))


@pytest.mark.parametrize(
    ("mode", "text", "wanted"),
    [
        ("contains", "th", lambda spelling: "th" in spelling.lower()),
        ("prefix", " t", lambda spelling: spelling.lower().startswith(" t")),
        ("exact", "the", lambda spelling: spelling.lower() == "the"),
        ("pattern", "^ ?[aeiou]+$", lambda s: s.strip(" ") and not s.lower().strip(" aeiou")
         and " " not in s[1:]),
    ],
)  # fmt: skip
def test_search_finds_what_it_should(
    opened: OpenPage, tokenizer: TextTokenizer, mode: str, text: str, wanted: Any
) -> None:
    shown = [
        tokenizer.token_bytes(token).decode(errors="replace")
        for token in range(tokenizer.vocab_size)
    ]
    for special, token in tokenizer.special_tokens.items():
        shown[token] = special
    expected = [token for token, spelling in enumerate(shown) if wanted(spelling)]
    opened.page.select_option("#search-mode", mode)
    opened.page.fill("#search-text", text)
    opened.page.wait_for_selector(f"#matches:text-matches('^{len(expected)} tokens?$')")
    rows = opened.page.eval_on_selector_all(
        "#list .row", "rows => rows.map((r) => +r.dataset.token)"
    )
    assert expected and rows == expected[: len(rows)]


def test_a_wrong_pattern_is_explained(opened: OpenPage) -> None:
    opened.page.select_option("#search-mode", "pattern")
    opened.page.fill("#search-text", "(")
    opened.page.wait_for_selector("#matches:text-matches('Invalid regular expression')")


def test_the_list_holds_only_the_rows_in_view(opened: OpenPage, tokenizer: TextTokenizer) -> None:
    assert opened.page.locator("#list .row").count() < 40 < tokenizer.vocab_size
    opened.page.evaluate("document.getElementById('list').scrollTop = 1e9")
    opened.page.wait_for_selector(f"#row-{tokenizer.vocab_size - 1}")


def test_an_address_opens_a_token_and_its_merge_tree(
    opened: OpenPage, tokenizer: TextTokenizer
) -> None:
    trees = tokenizer.model.merge_trees()  # pyright: ignore[reportAttributeAccessIssue]
    halves = dict(
        zip(
            trees.result.tolist(),
            zip(trees.left.tolist(), trees.right.tolist(), strict=True),
            strict=True,
        )
    )
    token = max(halves, key=lambda made: len(tokenizer.token_bytes(made)))

    def nodes(node: int) -> list[int]:
        return [node] + [below for half in halves.get(node, ()) for below in nodes(half)]

    opened.page.evaluate(f"location.hash = '#token-{token}'")
    opened.page.wait_for_selector(f"#entry[data-token='{token}']")
    links = opened.page.eval_on_selector_all(
        "#entry svg.tree a", "nodes => nodes.map((n) => n.getAttribute('href'))"
    )
    assert links == [f"#token-{node}" for node in nodes(token)]
    left = halves[token][0]
    opened.page.evaluate(f"location.hash = '#token-{left}'")
    opened.page.wait_for_selector(f"#entry[data-token='{left}'] .chips a[href='#token-{token}']")


def test_the_tokens_of_a_finding_can_be_listed(opened: OpenPage) -> None:
    opened.page.click(".finding > summary")
    opened.page.click(".finding .chip.more")
    opened.page.wait_for_selector("#matches:text-matches('^60 tokens$')")
    assert opened.page.get_attribute("#list .row >> nth=0", "data-token") == "30"


def test_arrows_walk_the_list(opened: OpenPage) -> None:
    opened.page.focus("#list")
    for _ in range(3):
        opened.page.keyboard.press("ArrowDown")
    assert opened.page.get_attribute("#entry", "data-token") == "3"
    assert opened.page.get_attribute("#list", "aria-activedescendant") == "row-3"


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page of a whole audit of a small BPE."""
    folder = tmp_path_factory.mktemp("whole")
    tokenizer = write_bpe(folder / "tokenizer.json")
    report = audit(tokenizer, name="small bpe", options=AuditOptions(reference=False))
    (folder / "page.html").write_text(report.to_html(), encoding="utf-8")
    return folder / "page.html"


def assert_short_and_set_in_few_sizes(window: OpenPage, most: int) -> None:
    """At most `most` pixels long, at most eight sizes of type, and none below 12 pixels."""
    assert window.page.evaluate("document.documentElement.scrollHeight") <= most
    sizes = window.page.evaluate("""() => [...new Set(
        [...document.querySelectorAll("body *")]
            .filter((node) => [...node.childNodes].some((c) => c.nodeType === 3 && c.data.trim()))
            .map((node) => parseFloat(getComputedStyle(node).fontSize)))]""")
    assert 1 < len(sizes) <= 8 and min(sizes) >= 12


@pytest.mark.parametrize(("width", "most"), [(1280, 6000), (390, 11_000)])
def test_a_whole_audit_is_short_and_set_in_few_sizes(
    browser: Any, whole: Path, width: int, most: int
) -> None:
    window = OpenPage(browser, whole, width=width)
    assert window.page.locator(".finding").count() >= 5
    assert window.page.locator(".finding[open]").count() == 0
    assert_short_and_set_in_few_sizes(window, most)
    wide = window.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1] and window.troubles == []
    window.close()


@pytest.mark.real
def test_the_audit_of_llama_3_is_short_and_set_in_few_sizes(browser: Any, tmp_path: Path) -> None:
    path = FOLDER / "llama3" / "tokenizer.json"
    if not path.exists():
        pytest.skip("no Llama 3; benchmarks/fetch/real_tokenizers.py fetches it")
    report = audit(path, name="Llama 3", options=AuditOptions(reference=False))
    (tmp_path / "page.html").write_text(report.to_html(), encoding="utf-8")
    for scheme, width, most in (("light", 1280, 6000), ("dark", 390, 12_000)):
        window = OpenPage(browser, tmp_path / "page.html", width=width, scheme=scheme)
        assert window.page.locator(".finding").count() >= 10
        assert_short_and_set_in_few_sizes(window, most)
        assert window.troubles == []
        window.close()


def test_languages_are_a_chart_or_a_table_not_both(browser: Any, whole: Path) -> None:
    window = OpenPage(browser, whole)
    chart, table = "#chart-premiums > svg", "#table-languages table"
    assert window.page.is_visible(chart) and not window.page.is_visible(table)
    window.page.click("#chart-premiums .data > summary")
    assert window.page.is_visible(table) and not window.page.is_visible(chart)
    assert not window.page.is_visible("#chart-premiums > .rest")
    window.page.click("#chart-premiums .data > summary")
    assert window.page.is_visible(chart) and not window.page.is_visible(table)
    assert window.page.locator("#table-languages").count() == 1
    window.close()


def test_the_bar_of_a_phone_shows_that_there_are_more_sections(browser: Any, whole: Path) -> None:
    window = OpenPage(browser, whole, width=390)
    assert window.page.is_visible(".further")
    for _ in range(5):
        if window.page.is_visible(".further"):
            window.page.click(".further")
            window.page.wait_for_timeout(600)
    window.page.wait_for_selector(".further", state="hidden")
    left, right = window.page.evaluate("""() => {
        const box = document.querySelector(".places a:last-child").getBoundingClientRect();
        return [box.left, box.right];
    }""")
    assert 0 <= left < right <= 390
    window.close()
    desktop = OpenPage(browser, whole)
    assert not desktop.page.is_visible(".further")
    desktop.close()


def test_an_address_opens_its_finding(browser: Any, whole: Path) -> None:
    window = OpenPage(browser, whole)
    name = window.page.get_attribute(".finding >> nth=2", "id")
    window.page.evaluate(f"location.hash = '#{name}'")
    window.page.wait_for_selector(f"#{name}[open] .message:visible")
    window.close()


def test_tables_sort_and_show_all_rows(opened: OpenPage) -> None:
    first = "#table-t tbody tr >> nth=0 >> td >> nth=2"
    assert opened.page.text_content(first) == "0"
    opened.page.click("#table-t th >> nth=2 >> button")
    assert opened.page.text_content(first) == "29"
    assert opened.page.locator("#table-t tbody tr:visible").count() == 12
    opened.page.click("#table-t button.all")
    assert opened.page.locator("#table-t tbody tr:visible").count() == 30


def test_the_theme_is_the_readers_choice(opened: OpenPage) -> None:
    paper = "getComputedStyle(document.body).backgroundColor"
    light = opened.page.evaluate(paper)
    opened.page.click("#theme")
    assert opened.page.evaluate(paper) != light
    opened.page.click("#theme")
    assert opened.page.evaluate(paper) == light


def test_the_map_has_a_square_for_each_token(opened: OpenPage, tokenizer: TextTokenizer) -> None:
    painted = opened.page.evaluate("""() => {
        const canvas = document.getElementById("map-canvas");
        const data = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data;
        return data.filter((_, i) => i % 4 === 3 && data[i] === 255).length;
    }""")
    assert painted == tokenizer.vocab_size
    opened.page.locator("#map-canvas").hover(position={"x": 2, "y": 2})
    assert opened.page.text_content("#map-readout").startswith("0 ")
    opened.page.click("#map-status")
    assert "normal" in opened.page.text_content("#map-legend")
