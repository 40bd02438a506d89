"""A headless browser for tests of the page, and the page opened in it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
ARGUMENTS = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-sync",
    "--disable-component-update", "--disable-quic", "--no-first-run",
)  # fmt: skip


def browser_path() -> str:
    """The browser that `TOKKIT_TEST_BROWSER` names, or one that is installed; else it skips."""
    named = os.environ.get("TOKKIT_TEST_BROWSER")
    found = named or next(filter(None, map(shutil.which, NAMES)), None)
    if not found:
        pytest.skip("no Chromium or Chrome; TOKKIT_TEST_BROWSER may name one")
    return found


@contextmanager
def open_browser() -> Generator[Any]:
    """A browser, driven by Playwright; skips where the `browser` extra is missing."""
    reason = "Playwright is missing; pip install '.[browser]'"
    sync_api = pytest.importorskip("playwright.sync_api", reason=reason)
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=browser_path(), args=list(ARGUMENTS), timeout=120_000
        )
        try:
            yield browser
        finally:
            browser.close()


class OpenPage:
    """A page in a window of its own, and all that went wrong or was asked for."""

    def __init__(self, browser: Any, path: Path, *, width: int = 1280, scheme: str = "light"):
        height = 844 if width < 600 else 900
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme=scheme
        )
        self.page = self.context.new_page()
        self.page.set_default_timeout(60_000)
        self.troubles: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self.troubles.append(message.text))
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto(path.as_uri())
        self.page.wait_for_selector("html[data-ready]")

    def live_ids(self, text: str, *, specials: bool = False) -> list[int] | str:
        """What the page makes of a text: ids, or why it refuses."""
        self.page.set_checked("#live-specials", specials)
        self.page.fill("#live-text", text)
        # The page waits a moment for the next letter; a change of the box does not.
        self.page.uncheck("#live-ids")
        self.page.check("#live-ids")
        refusal = self.page.locator("#live-refusal")
        if refusal.is_visible():
            return refusal.text_content()
        return self.page.eval_on_selector_all(
            "#live-tokens a", "nodes => nodes.map((node) => Number(node.dataset.token))"
        )

    def close(self) -> None:
        """Close the window."""
        self.context.close()
