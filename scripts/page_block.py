"""The part of a page of the docs that a script writes, between two marks."""

from __future__ import annotations


def with_block(page: str, start: str, end: str, text: str) -> str:
    """The page with `text` between its marks.

    Raises:
        SystemExit: the page lacks one of them.
    """
    before, found_start, rest = page.partition(start)
    _, found_end, after = rest.partition(end)
    if not (found_start and found_end):
        raise SystemExit(f"a page of the docs has lost its marks: {start.strip()} {end}")
    return f"{before}{start}{text}\n{end}{after}"
