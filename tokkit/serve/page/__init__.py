"""The page at `/`: one file that holds all it needs, and asks nobody but its own server."""

from __future__ import annotations

import base64
import hashlib
from functools import lru_cache

from tokkit.files.shipped import shipped_text
from tokkit.report.page.assets import closure, script, stylesheet
from tokkit.serve.endpoint import Answer, Call, Reply


def _asset(name: str) -> str:
    return shipped_text(name, "tokkit.serve.page")


@lru_cache(maxsize=1)
def _made() -> tuple[bytes, str]:
    """The page, and its content security policy."""
    code = closure([script("elements"), script("theme"), _asset("try.js")])
    style = stylesheet(_asset("try.css"))
    page = _asset("try.html").replace("{{style}}", style).replace("{{script}}", code)
    policy = (
        f"default-src 'none'; script-src '{_digest(code)}'; style-src '{_digest(style)}'; "
        "connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; "
        "frame-ancestors 'none'"
    )
    return page.encode(), policy


def _digest(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


async def show(_: Call) -> Answer:
    """`GET /`."""
    page, policy = _made()
    headers = {"content-security-policy": policy, "referrer-policy": "no-referrer"}
    return Reply(page, media_type="text/html; charset=utf-8", headers=headers)
