"""Pictures of the pages of mixtures, comparisons, differences and scores, for the documentation.

At the widths of a desktop and of a phone, light and dark. The mixture is that of three made-up
languages, with all of them and with the largest left out; compared are GPT-2's and GPT-4o's
tokenizers (`benchmarks/fetch/real_tokenizers.py`) on this repository's own guide and code, so that
the pictures change with them. The heat map of surprise, and who speaks where in an ensemble, are of
SmolLM2 and Gemma 3 (extra `demo`), on a text in prose, code and German. The browser is found as in
`tests/audit/page/browser.py`.

    PYTHONPATH=. python scripts/make_page_pictures.py [--pages FOLDER] [--only GROUP]
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import tokkit
from scripts.make_audit_gallery import save_picture
from tests.audit.page.browser import OpenPage, open_browser
from tests.mixture.toy_mixture import SHARES, train, write_samples
from tokkit.audit.comparing.comparison import compare_tokenizers
from tokkit.audit.diff.comparison import compare
from tokkit.bytelm.ensembles.speakers import gather, listen, render_speakers_page
from tokkit.files.packaged import PACKAGED
from tokkit.mixture.inference import infer_mixture
from tokkit.text.tokenizer import load_tokenizer

ROOT = Path(__file__).parents[1]
CACHE = ROOT / ".cache"
IMAGES = ROOT / "docs" / "images" / "pages"
OLD, NEW = (
    CACHE / "tokenizers" / "tiktoken" / f"{n}.tiktoken" for n in ("r50k_base", "o200k_base")
)
TEXTS = [ROOT / "docs" / "quick-start.md", ROOT / "tokkit" / "text" / "tokenizer.py",
         ROOT / "tests" / "assets" / "multilingual.txt"]  # fmt: skip
MIXED = """The Eiffel Tower was built for the World's Fair of 1889. Its architect never lived in it.

def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle]

Der Eiffelturm steht in Paris, und im Sommer ist er fünfzehn Zentimeter höher als im Winter.
"""
SHOTS = ((1280, 1120, "light"), (1280, 1120, "dark"), (390, 844, "light"), (390, 844, "dark"))


def mixtures(folder: Path) -> dict[str, str]:
    """Pages of a mixture with all categories, and with one left out."""
    tokenizer = train(folder / "tokenizer.json")
    samples = write_samples(folder / "samples")
    files = {name: samples / f"{name}.txt" for name in SHARES}
    lacking = {name: path for name, path in files.items() if name != "north"}
    pages = {"mixture": files, "mixture-lacking": lacking}
    return {
        page: replace(infer_mixture(tokenizer, sources), tokenizer="Made-up languages").to_html()
        for page, sources in pages.items()
    }


def comparisons() -> dict[str, str]:
    """Pages of a comparison on texts, and of a difference."""
    names = ("GPT-2", "GPT-4o")
    old, new = load_tokenizer(OLD), load_tokenizer(NEW)
    return {
        "compare": compare_tokenizers([old, new], TEXTS, names=names).to_html(),
        "diff": compare(old, new, data=TEXTS, names=names).to_html(),
    }


def scores() -> dict[str, str]:
    """Pages of what surprises two models and their ensemble, and of who speaks where."""
    members = [tokkit.load_lm("smollm2"), tokkit.load_lm("gemma3")]
    both = tokkit.ByteEnsemble(members, combine="adaptive", name="both")
    models = {"SmolLM2": members[0], "Gemma 3": members[1], "both": both}
    report = tokkit.score(models, MIXED, surprises=len(MIXED.encode()))
    heard = [listen(both.open(), MIXED.encode())]
    speakers = render_speakers_page(gather(both, MIXED.encode(), b"", heard))
    return {"surprise": report.to_html(), "speakers": speakers}


def take(browser: Any, path: Path) -> None:
    """The first screen of a page, in each width and scheme."""
    for width, height, scheme in SHOTS:
        window = OpenPage(browser, path, width=width, scheme=scheme)
        window.page.set_viewport_size({"width": width, "height": height})
        window.page.wait_for_timeout(300)
        kind = "phone" if width < 600 else "desktop"
        save_picture(window.page.screenshot(), IMAGES / f"{path.stem}-{kind}-{scheme}.png")
        window.close()


def main() -> None:
    """Make the pages, and pictures of them."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pages", type=Path, default=CACHE / "pages", metavar="FOLDER")
    groups = ("mixtures", "comparisons", "scores")
    parser.add_argument("--only", choices=groups, action="append", metavar="GROUP")
    given = parser.parse_args()
    folder: Path = given.pages
    wanted = given.only or groups
    folder.mkdir(parents=True, exist_ok=True)
    IMAGES.mkdir(parents=True, exist_ok=True)
    pages = mixtures(folder) if "mixtures" in wanted else {}
    if "comparisons" in wanted and OLD.exists() and NEW.exists():
        pages |= comparisons()
    modules = {module for model in PACKAGED.values() for module, _ in model.parts}
    if "scores" in wanted and all(map(find_spec, modules)):
        pages |= scores()
    with open_browser() as browser:
        for name, page in pages.items():
            (folder / f"{name}.html").write_text(page, encoding="utf-8")
            take(browser, folder / f"{name}.html")
            print(name, flush=True)


if __name__ == "__main__":
    main()
