"""Audit real tokenizers and make `docs/audit-gallery.md` with pictures of their pages.

The tokenizers are those of `benchmarks/fetch/real_tokenizers.py` and
`benchmarks/fetch/audit_tokenizers.py`; the browser is found as in `tests/audit/page/browser.py`
(the extra `browser`), and wants fonts of all scripts, as Debian's fonts-noto-core, fonts-noto-cjk
and fonts-noto-color-emoji. What is told of each is what the command prints, with the tokenizers'
own libraries (the extra `dev` brings them); `tests/audit/test_gallery.py` compares the two.

    PYTHONPATH=. python scripts/make_audit_gallery.py [--pages FOLDER]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image

from tests.audit.page.browser import OpenPage, open_browser
from tokkit.audit.auditing import audit
from tokkit.audit.gates.gate import Demands, check_gates
from tokkit.audit.page import render_page
from tokkit.audit.page.summary import description, verdict
from tokkit.cli.commands.audit import EXIT_FINDINGS

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
IMAGES = ROOT / "docs" / "images" / "audit"
TARGET = ROOT / "docs" / "audit-gallery.md"
WIDTH = 960
COLORS = 160

TOKENIZERS = {
    "GPT-2": "tokenizers/tiktoken/r50k_base.tiktoken",
    "GPT-4 (cl100k)": "tokenizers/tiktoken/cl100k_base.tiktoken",
    "GPT-4o (o200k)": "tokenizers/tiktoken/o200k_base.tiktoken",
    "Llama 3": "tokenizers/llama3/tokenizer.json",
    "Qwen 3": "tokenizers/qwen3/tokenizer.json",
    "DeepSeek V3": "tokenizers/deepseek_v3/tokenizer.json",
    "Gemma 3": "tokenizers/gemma3/tokenizer.json",
    "Claude (legacy)": "tokenizers/claude/tokenizer.json",
    "Command R+": "tokenizers/command_r_plus/tokenizer.json",
    "Mistral 7B (SentencePiece)": "tokenizers/mistral/tokenizer.model.v1",
    "Mistral NeMo (tekken)": "tokenizers/mistral/tekken_240911.json",
    "Jurassic-2 (Unigram)": "audit-tokenizers/jurassic2/j2-tokenizer.model",
    "BERT (WordPiece)": "audit-tokenizers/bert/tokenizer.json",
}
DETAILED = "Llama 3"
DETAILS = (
    ("findings", "#findings", 1280, "light", "Findings, each with a witness that can be replayed"),
    ("try-dark", "#try", 1280, "dark", "Text that is typed, coloured by its tokens"),
    ("tokens", ".explorer", 1280, "light", "A token: its bytes, a witness, its merge tree"),
    ("charts-dark", "#text .charts", 1280, "dark", "Charts with 95% intervals"),
    ("phone", "main", 390, "light", "On a phone"),
    ("phone-dark", "#try", 390, "dark", "On a phone, dark"),
)

INTRODUCTION = """# Gallery of audits

`tokkit audit` writes one HTML file that needs nothing else: the findings with their witnesses, the
figures, all tokens with their merge trees, and the tokenizer itself, which colours what is typed.
These are such pages of real tokenizers, as `scripts/make_audit_gallery.py` made them. Ids and
figures are those of canonical tokenization.

The strip at the top of each is its vocabulary: every token is one square, from the first id to the
last, coloured by the script of its first character.

What the command finds in each, and how it exits where nothing else is demanded. The library that a
file belongs to was asked as well (`tokenizers` comes with tokkit; `tiktoken` and `sentencepiece`
are asked where they are installed), and what it does wrong by itself is counted:
"""


@dataclass(frozen=True)
class Entry:
    """One tokenizer of the gallery."""

    name: str
    slug: str
    description: str
    verdict: str
    counts: tuple[int, ...]
    exit_code: int
    n_bytes: int


def slug_of(name: str) -> str:
    """A file name."""
    return "-".join("".join(char if char.isalnum() else " " for char in name.lower()).split())


def make_page(name: str, path: Path, pages: Path) -> Entry:
    """Audit one tokenizer and write its page."""
    report = audit(path, name=name)
    page = render_page(report)
    (pages / f"{slug_of(name)}.html").write_text(page, encoding="utf-8")
    return Entry(
        name,
        slug_of(name),
        description(report),
        verdict(report),
        counts=tuple(report.by_severity().values()),
        exit_code=EXIT_FINDINGS if check_gates(report, Demands()) else 0,
        n_bytes=len(page.encode()),
    )


def save_picture(png: bytes, path: Path) -> None:
    """Fewer pixels and colours, so that the documentation stays small."""
    image = Image.open(BytesIO(png)).convert("RGB")
    if image.width > WIDTH:
        height = round(image.height * WIDTH / image.width)
        image = image.resize((WIDTH, height), Image.Resampling.LANCZOS)
    method = Image.Quantize.FASTOCTREE  # the only one that keeps colours of few pixels
    image.quantize(COLORS, method, dither=Image.Dither.NONE).save(path, optimize=True)


def take_top(browser: Any, entry: Entry, pages: Path) -> None:
    """The first screen of a page."""
    window = OpenPage(browser, pages / f"{entry.slug}.html")
    window.page.set_viewport_size({"width": 1280, "height": 1120})
    window.page.wait_for_timeout(300)
    save_picture(window.page.screenshot(), IMAGES / f"{entry.slug}.png")
    window.close()


def take_details(browser: Any, slug: str, pages: Path) -> None:
    """Further parts of one page."""
    for name, place, width, scheme, _ in DETAILS:
        window = OpenPage(browser, pages / f"{slug}.html", width=width, scheme=scheme)
        if name == "tokens":
            window.page.fill("#search-text", "internation")
            window.page.wait_for_selector("#matches:text-matches('^[1-9][0-9]? tokens?$')")
        window.page.evaluate(
            "place => document.querySelector(place).scrollIntoView({behavior: 'instant'})", place
        )
        window.page.wait_for_timeout(300)
        save_picture(window.page.screenshot(), IMAGES / f"{slug}-{name}.png")
        window.close()


def table(entries: list[Entry]) -> str:
    """What the command finds, one tokenizer a row."""
    head = "| tokenizer | errors | warnings | notes | exit code |\n|---|---|---|---|---|\n"
    rows = (
        f"| {entry.name} | {' | '.join(map(str, entry.counts))} | {entry.exit_code} |\n"
        for entry in entries
    )
    return head + "".join(rows)


def document(entries: list[Entry]) -> str:
    """The page of the documentation."""
    parts = [INTRODUCTION, table(entries)]
    for entry in entries:
        parts.append(f"## {entry.name}\n")
        parts.append(f"{entry.description}. A page of {entry.n_bytes / 1e6:.2f} MB.\n")
        parts.append(f"> {entry.verdict}\n")
        parts.append(f"![The audit of {entry.name}](images/audit/{entry.slug}.png)\n")
    parts.append("## The rest of a page\n")
    slug = slug_of(DETAILED)
    for name, _, _, _, caption in DETAILS:
        parts.append(f"{caption}:\n\n![{caption}](images/audit/{slug}-{name}.png)\n")
    return "\n".join(parts)


def main() -> None:
    """Make pages, pictures and the document."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=Path, default=CACHE / "audit-pages", metavar="FOLDER")
    pages: Path = parser.parse_args().pages
    pages.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    entries: list[Entry] = []
    with open_browser() as browser:
        for name, path in TOKENIZERS.items():
            entries.append(make_page(name, CACHE / path, pages))
            print(entries[-1], flush=True)
            take_top(browser, entries[-1], pages)
        take_details(browser, slug_of(DETAILED), pages)
    TARGET.write_text(document(entries), encoding="utf-8")


if __name__ == "__main__":
    main()
