"""The heat map in a browser: bytes or tokens, and what is pointed at under every model."""

from __future__ import annotations

from pathlib import Path

import pytest

import tokkit
from tests.audit.page.browser import OpenPage, open_browser
from tests.bytelm.toy_models import ab_lm

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("width", [390, 1280])
def test_a_reader_sees_bytes_and_tokens_of_all_models(tmp_path: Path, width: int) -> None:
    report = tokkit.score([ab_lm("one", "abab"), ab_lm("other", "ba")], "abba" * 40, surprises=99)
    path = tmp_path / "page.html"
    path.write_text(report.to_html(), encoding="utf-8")
    with open_browser() as browser:
        opened = OpenPage(browser, path, width=width)
        page = opened.page
        page.locator(".map .bytes > span").first.hover()
        bits = [f"{s.model} {s.byte_bits[0]:.2f} bits" for s in report.surprises]
        assert page.locator(".reading").text_content() == f"a — {' · '.join(bits)}"
        assert page.locator(".at").count() == 2
        page.click(".view button[data-view=tokens]")
        assert page.locator(".map .tokens").first.is_visible()
        assert not page.locator(".map .bytes").first.is_visible()
        page.locator(".map .tokens > span").first.hover()
        assert page.locator(".reading").text_content().startswith("ab — one ")
        assert page.evaluate("document.documentElement.scrollWidth") == width
        assert opened.troubles == []
        assert len(opened.requests) == 1
        opened.close()
