"""`tokkit diff`: what is different between two tokenizers."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import DownloadFlag, ParallelTextsOption
from tokkit.cli.option_types import InputFile, Source
from tokkit.cli.output import (
    JsonFileOption,
    QuietFlag,
    html_option,
    refuse_two_on_stdout,
    save_text,
)
from tokkit.cli.progress import Meter
from tokkit.cli.terminal import layout_of

EXAMPLES = (
    ("tokkit diff old/tokenizer.json new/tokenizer.json", "what a new version changes"),
    ("tokkit diff smollm2 gemma3 --file a.txt --html diff.html", "what it does to my text"),
    ("tokkit diff a.json b.json --exit-code --quiet", "in a script: 1 when they are different"),
)
EXIT_DIFFERENT = 1
_KINDS = "a packaged model, a file, a folder or a hub id"


def diff(
    before: Annotated[str, argument("BEFORE", Source(), f"one: {_KINDS}")],
    after: Annotated[str, argument("AFTER", Source(), f"the other: {_KINDS}")],
    file: Annotated[
        list[str] | None,
        option(
            "a text of yours: what it costs, and how it is cut; repeatable", InputFile(), "FILE"
        ),
    ] = None,
    texts: ParallelTextsOption = None,
    allow_download: DownloadFlag = False,
    html: Annotated[str | None, html_option("the diff as one page")] = None,
    json: JsonFileOption = None,
    quiet: QuietFlag = False,
    exit_code: Annotated[bool, option("exit with 1 when they are different")] = False,
) -> int:
    """What is different between two tokenizers.

    What each language costs, how sample texts and yours are cut, with the smallest text that is
    cut differently; then settings, tokens and merges.
    """
    from tokkit.audit.costs.samples import read_folder
    from tokkit.audit.diff.comparison import compare
    from tokkit.audit.diff.terminal import diff_text

    refuse_two_on_stdout(html=html, json=json)
    parallel = None if texts is None else read_folder(Path(texts))
    with Meter() as progress:
        found = compare(
            before,
            after,
            data=[Path(each) for each in file] if file else None,
            texts=parallel,
            allow_download=allow_download,
            progress=progress,
        )
    if html is not None:
        save_text(html, found.to_html())
    if json is not None:
        save_text(json, found.to_json())
    if "-" not in (html, json) and not quiet:
        save_text("-", diff_text(found, layout_of(sys.stdout)))
    return EXIT_DIFFERENT if exit_code and not found.is_same else 0
