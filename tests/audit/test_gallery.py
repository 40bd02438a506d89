"""The gallery says of real tokenizers what the command prints of them.

`scripts/make_audit_gallery.py` makes the gallery, from files that two scripts in `benchmarks/`
fetch. CI audits a few of them.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tokkit.cli import main

pytestmark = [pytest.mark.slow, pytest.mark.real]

ROOT = Path(__file__).parents[2]
SCRIPT = (ROOT / "scripts" / "make_audit_gallery.py").read_text(encoding="utf-8")
PAGE = (ROOT / "docs" / "audit-gallery.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r'^    "([^"]+)": "((?:audit-)?tokenizers/[^"]+)",$', SCRIPT, re.MULTILINE))
ROWS = {
    name: tuple(map(int, cells.split(" | ")))
    for name, cells in re.findall(r"^\| ([^|]+) \| ([\d |]+) \|$", PAGE, re.MULTILINE)
}
IN_CI = ("GPT-2", "Mistral 7B (SentencePiece)", "BERT (WordPiece)")


def test_the_gallery_has_a_row_and_a_picture_for_each_file() -> None:
    assert len(FILES) >= 13
    assert list(ROWS) == list(FILES)
    for picture in re.findall(r"\((images/[^)]+)\)", PAGE):
        assert (ROOT / "docs" / picture).is_file()


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[] if name in IN_CI else pytest.mark.sweep) for name in FILES],
)
def test_the_command_prints_what_the_gallery_says(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for library in ("sentencepiece", "tiktoken"):
        pytest.importorskip(library, reason="what the libraries do wrong is counted")
    path = ROOT / ".cache" / FILES[name]
    if not path.exists():
        pytest.skip(
            f"{path.name} is missing; benchmarks/fetch/real_tokenizers.py and others fetch it"
        )
    code = main(["audit", str(path)])
    out = capsys.readouterr().out
    (line,) = re.findall(r"^Findings: (.*)$", out, re.MULTILINE)
    found = {word: int(number) for number, word in re.findall(r"(\d+) (error|warning|note)", line)}
    counts = tuple(found.get(word, 0) for word in ("error", "warning", "note"))
    assert (*counts, code) == ROWS[name]
