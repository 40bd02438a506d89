"""`tokkit merge`: join the frequent pairs of tokens of a batch of texts."""

from __future__ import annotations

import sys
from typing import Annotated, Literal

import tokkit
from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import DownloadFlag, TokenizerArgument, load_tokenizer, read_text
from tokkit.cli.option_types import InputFile, Real, Whole
from tokkit.cli.output import JsonFlag, html_option, print_json, refuse_two_on_stdout, save_text
from tokkit.cli.progress import Meter
from tokkit.cli.terminal import layout_of
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

EXAMPLES = (
    ("tokkit merge smollm2 texts.txt --reduction 0.2", "each line is a sequence of the batch"),
    (
        "tokkit merge smollm2 a.py b.py --by file --merges 500 --html merged.html",
        "files together, as a page",
    ),
)


def merge(
    tokenizer: TokenizerArgument,
    files: Annotated[
        list[str], argument("FILE", InputFile(stdin=True), "texts of the batch; - for stdin")
    ],
    by: Annotated[
        Literal["line", "file"], option("what is one sequence; empty lines are left out")
    ] = "line",
    merges: Annotated[int | None, option("merge at most N pairs", Whole(0), "N")] = None,
    min_count: Annotated[int, option("leave pairs that stand at fewer places", Whole(1), "N")] = 2,
    reduction: Annotated[
        float | None,
        option("stop when this share of the tokens is saved", Real(least=0, below=1), "R"),
    ] = None,
    across_words: Annotated[bool, option("words may be joined to the one before them")] = False,
    html: Annotated[str | None, html_option("a report as one page")] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Merge the most frequent pairs of adjacent tokens in a batch of texts.

    Without a limit all pairs are merged that stand at two places. With --json the merged
    sequences are printed, too.
    """
    from tokkit.dynamic.merge_report import merge_sections
    from tokkit.report.layout import wrapped
    from tokkit.report.terminal import table_lines

    refuse_two_on_stdout(html=html, json="-" if as_json else None)
    if merges is not None and reduction is not None:
        raise ArgumentError("--merges and --reduction exclude each other; leave one of them out")
    texts = [text for file in files for text in _sequences(read_text(None, file), by)]
    if not texts:
        raise ArgumentError(f"there is no text to merge: nothing but white space in {files[0]!r}")
    loaded = load_tokenizer(tokenizer, allow_download)
    with Meter() as meter:
        ids: list[list[int]] = []
        for text in texts:
            meter("encoding", len(ids), len(texts))
            ids.append(loaded.encode(text))
        meter("merging")
        batch = tokkit.merge_batch(
            ids,
            tokenizer=loaded,
            n_merges=merges,
            min_count=min_count,
            target_reduction=reduction,
            within_words=not across_words,
        )
    if html is not None:
        save_text(html, batch.to_html(f"{tokenizer}: {files[0]}"))
    if as_json:
        print_json(batch.to_dict())
    elif html != "-":
        layout = layout_of(sys.stdout)
        lines: list[str] = []
        for section in merge_sections(batch):
            if not section.charts:
                lines += wrapped(section.summary, 0, layout)
            for table in section.tables:
                lines += ["", *table_lines(table, layout)]
        save_text("-", "".join(f"{visible(line)}\n" for line in lines))
    return 0


def _sequences(data: bytes, by: str) -> list[bytes]:
    """The sequences of a file; an empty one is none."""
    parts = data.splitlines() if by == "line" else [data]
    return [part for part in parts if part.strip()]
