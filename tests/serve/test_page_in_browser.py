"""The page at `/` in a headless browser: both colour schemes, phone and desktop."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.audit.page.browser import open_browser
from tests.serve.running_server import Client, toy_lm

pytestmark = pytest.mark.slow
PROMPT = "the naïve cats"


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with open_browser() as opened:
        yield opened


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_the_page_completes_at_the_cursor(
    client: Client, browser: Any, scheme: str, width: int
) -> None:
    from playwright.sync_api import expect

    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    troubles: list[str] = []
    requests: list[str] = []
    page.on("console", lambda message: troubles.append(message.text))
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    try:
        page.goto(f"http://127.0.0.1:{client.port}/")
        page.wait_for_selector(".answer .drawn")
        for box in page.query_selector_all("#models input"):
            box.set_checked(box.get_attribute("value") == "toy")
        page.fill("#prompt", PROMPT)
        answer = ".answer:only-child .drawn"
        before = page.locator(".answer .around").first
        expect(before).to_have_text(PROMPT, timeout=30_000)
        shown = "".join(node.text_content() for node in page.query_selector_all(answer))
        expected = toy_lm().generate(PROMPT, max_bytes=200, temperature=0, valid_utf8=True)
        assert shown and expected.startswith(shown.encode())
        assert page.get_attribute(answer, "data-p") in "01234"
        page.evaluate(
            "() => { const t = document.getElementById('prompt'); t.focus(); "
            "t.setSelectionRange(5, 5); }"
        )
        expect(before).to_have_text("the n", timeout=30_000)
        answers = page.locator(".answer")
        for box in page.query_selector_all("#models input"):
            box.set_checked(box.get_attribute("value") != "endless")
        page.click("summary")
        page.fill("#suffix", " sat")
        expect(answers).to_have_count(3, timeout=30_000)
        expect(page.locator("#state")).to_have_text("", timeout=30_000)
        expect(page.locator(".answer .error")).to_have_count(0)
        expect(page.locator(".answer .drawn:not([data-p])")).to_have_count(0)
        for k in range(3):
            expect(answers.nth(k).locator(".around").last).to_have_text(PROMPT[5:] + " sat")
            expect(answers.nth(k).locator(".figures")).to_contain_text(" s")
        overflow = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        assert overflow <= 0
        colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
        page.click("#theme")
        assert page.evaluate("getComputedStyle(document.body).backgroundColor") != colour
        assert all(url.startswith(f"http://127.0.0.1:{client.port}/") for url in requests)
        assert troubles == []
    finally:
        context.close()
