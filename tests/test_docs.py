"""The documentation runs: its examples, its commands, its links.

A block marked `python` whose first line starts with `>>>` is a doctest; the blocks of a page share
their names and run in a folder of their own. Other `python` blocks need a real model, and are only
compiled. Commands in `sh` blocks are parsed, not run.
"""

from __future__ import annotations

import doctest
import io
import re
import shlex
from importlib.util import find_spec
from pathlib import Path

import pytest

import tokkit
from tokkit.cli.parsing import parse

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
IDS = [str(page.relative_to(ROOT)) for page in PAGES]
OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE | doctest.REPORT_NDIFF
_BLOCK = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(page: Path, language: str) -> list[tuple[int, str]]:
    """(line of the first line, text) of the fenced blocks in one language."""
    text = page.read_text(encoding="utf-8")
    return [
        (text.count("\n", 0, match.start(2)) + 1, match[2])
        for match in _BLOCK.finditer(text)
        if match[1] == language
    ]


def is_doctest(block: str) -> bool:
    return block.startswith(">>>")


WITH_EXAMPLES = [page for page in PAGES if any(is_doctest(b) for _, b in blocks(page, "python"))]


@pytest.mark.parametrize(
    "page", WITH_EXAMPLES, ids=[str(p.relative_to(ROOT)) for p in WITH_EXAMPLES]
)
def test_examples_print_what_the_page_says(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {"__name__": "page"}
    runner = doctest.DocTestRunner(optionflags=OPTIONS)
    report = io.StringIO()
    for line, block in blocks(page, "python"):
        if is_doctest(block):
            examples = doctest.DocTestParser().get_doctest(
                block, names, page.name, str(page), line - 1
            )
            runner.run(examples, out=report.write, clear_globs=False)
            names = examples.globs
    assert not runner.failures, report.getvalue()


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_other_python_blocks_compile(page: Path) -> None:
    for line, block in blocks(page, "python"):
        if not is_doctest(block):
            compile("\n" * (line - 1) + block, str(page), "exec")


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_commands_have_the_options_that_the_page_uses(page: Path) -> None:
    for _, block in blocks(page, "sh"):
        for line in block.splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["tokkit"]:
                parse(words[1:])


@pytest.mark.parametrize("page", PAGES, ids=IDS)
def test_links_lead_to_files(page: Path) -> None:
    prose = _BLOCK.sub("", page.read_text(encoding="utf-8"))
    targets = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", prose)
    missing = [target for target in targets if not (page.parent / target).exists()]
    assert not missing


def test_make_targets_that_the_readme_names_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    named = set(re.findall(r"\bmake ([a-z-]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert {"demo", "test"} <= named
    assert not [target for target in named if f"\n{target}:" not in makefile]


def test_every_public_name_has_a_place_in_the_reference() -> None:
    pages = [page.read_text(encoding="utf-8") for page in (ROOT / "docs" / "api").glob("*.md")]
    shown = [target for page in pages for target in re.findall(r"^::: (\S+)$", page, re.MULTILINE)]
    assert len(shown) == len(set(shown))
    assert not [target for target in shown if find_spec(target) is None]
    homes = {home.partition(":")[0] for home in tokkit._HOMES.values()}
    assert homes <= set(shown)


def test_every_page_is_in_the_navigation() -> None:
    listed = set(re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text(encoding="utf-8")))
    assert listed == {str(page.relative_to(ROOT / "docs")) for page in PAGES[1:]}
