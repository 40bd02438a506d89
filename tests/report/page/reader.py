"""What a browser would make of a page, and the laws that every page of the family keeps."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

VOID = {"meta", "rect", "line", "circle", "wbr", "input"}


class Reader(HTMLParser):
    """Elements with their attributes; every element has to be closed, in order."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in VOID:
            assert self._open.pop() == tag

    @property
    def tags(self) -> set[str]:
        """Names of the elements."""
        return {tag for tag, _ in self.elements}


def assert_stands_alone(page: str) -> None:
    """It is well formed, nothing points outside, and the policy names its script and style."""
    reader = Reader(page)
    assert reader.tags.isdisjoint({"img", "link", "iframe", "object", "base", "embed"})
    for tag, attributes in reader.elements:
        assert "src" not in attributes and "style" not in attributes, (tag, attributes)
        assert (attributes.get("href") or "#").startswith("#"), (tag, attributes)
        assert not any(name.startswith("on") for name in attributes), (tag, attributes)
    (policy,) = [
        attributes["content"] or ""
        for _, attributes in reader.elements
        if attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy.startswith("default-src 'none';") and "unsafe" not in policy
    for tag in ("script", "style"):
        text = re.findall(f"<{tag}>(.*?)</{tag}>", page, re.DOTALL)[-1]
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{tag}-src 'sha256-{digest}'" in policy


def assert_links_lead_somewhere(page: str, by_script: str = "$^") -> None:
    """Ids are unique, and each link has its target, or one that the script opens."""
    elements = Reader(page).elements
    ids = [attributes["id"] for _, attributes in elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in elements:
        target = (attributes.get("href") or "").removeprefix("#")
        assert not target or target in ids or re.fullmatch(by_script, target), target
