"""A page of sections alone in a headless browser: nothing fails, nothing overflows, all moves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.audit.page.browser import OpenPage, open_browser
from tests.report.page.test_page import nasty_page
from tokkit.report.page.rendering import render

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_runs_without_errors_requests_or_overflow(
    browser: Any, tmp_path: Path, width: int, scheme: str
) -> None:
    path = tmp_path / "page.html"
    path.write_text(render(nasty_page()), encoding="utf-8")
    window = OpenPage(browser, path, width=width, scheme=scheme)
    wide = window.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide[0] <= wide[1]
    background = "getComputedStyle(document.body).backgroundColor"
    before = window.page.evaluate(background)
    window.page.click("#theme")
    assert window.page.evaluate(background) != before
    assert window.page.locator("tbody tr:visible").count() == 12
    window.page.click("button.all")
    assert window.page.locator("tbody tr:visible").count() == 20
    window.page.click("th.number button")
    assert window.page.text_content("tbody tr:visible td.number") == "19"
    assert window.troubles == []
    assert window.requests == [path.as_uri()]
    window.close()
