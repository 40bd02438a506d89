"""`tokkit compare`: what texts cost with several tokenizers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import DownloadFlag, ParallelTextsOption, read_text
from tokkit.cli.option_types import Bound, Pair, Real, Source
from tokkit.cli.output import (
    JsonFileOption,
    QuietFlag,
    html_option,
    refuse_two_on_stdout,
    save_text,
)
from tokkit.cli.progress import Meter
from tokkit.cli.terminal import layout_of
from tokkit.errors import ArgumentError

EXAMPLES = (
    ("tokkit compare smollm2 gemma3 docs/", "what a folder costs with either"),
    (
        "tokkit compare old.json new.json src/ --html compare.html",
        "the same as a page, with charts",
    ),
    (
        "tokkit compare smollm2 gemma3 a.txt --price smollm2=0.1 --price gemma3=0.2",
        "in money, at your prices of a million tokens",
    ),
)


def _check_tokenizer(name: str) -> None:
    from tokkit.files.sources import check_source

    check_source(name, allow_download=True)


def compare(
    names: Annotated[
        list[str],
        argument(
            "TOKENIZER... [FILE]",
            Source(),
            "packaged models, files, folders or hub ids; then files or folders of text (stdin "
            "without any)",
        ),
    ],
    price: Annotated[
        list[Bound] | None,
        option(
            "of a million tokens with a tokenizer, called as before; repeatable",
            Pair(Real(0), _check_tokenizer),
            "TOKENIZER=PRICE",
        ),
    ] = None,
    texts: ParallelTextsOption = None,
    allow_download: DownloadFlag = False,
    html: Annotated[str | None, html_option("the comparison as one page")] = None,
    json: JsonFileOption = None,
    quiet: QuietFlag = False,
) -> int:
    """What texts cost with several tokenizers: tokens, bytes a token, money, speed.

    Tokenizers come first; the first name that holds none is the first text. By type of file on your
    texts, and by language on parallel text, with 95% intervals.
    """
    from tokkit.audit.comparing.arguments import split_names
    from tokkit.audit.comparing.comparison import compare_tokenizers
    from tokkit.audit.comparing.sections import comparison_text
    from tokkit.audit.comparing.texts import read_data
    from tokkit.audit.costs.samples import read_folder

    refuse_two_on_stdout(html=html, json=json)
    split = split_names(names)
    _by_name(price or [], split.tokenizers, split.tokenizers)
    parallel = None if texts is None else read_folder(Path(texts))
    data = read_data(split.texts or read_text(None, None)) if split.is_sure else None
    with Meter("loading") as progress:
        tokenizers, files = split.open(allow_download=allow_download)
        prices = _by_name(price or [], list(tokenizers), names)
        if data is None:
            data = read_data(files or read_text(None, None))
        found = compare_tokenizers(
            list(tokenizers.values()),
            data,
            names=list(tokenizers),
            prices=prices,
            texts=parallel,
            progress=progress,
        )
    if html is not None:
        save_text(html, found.to_html())
    if json is not None:
        save_text(json, found.to_json())
    if "-" not in (html, json) and not quiet:
        save_text("-", comparison_text(found, layout_of(sys.stdout)))
    return 0


def _by_name(
    given: Sequence[Bound], called: Sequence[str], typed: Sequence[str]
) -> dict[str, float]:
    """Prices by what the report calls the tokenizers; given as these were typed.

    Raises:
        ArgumentError: a price of something else, or two of one tokenizer.
    """
    known = dict(zip(typed, called, strict=False))
    for name, _ in given:
        if name not in known or [each for each, _ in given].count(name) > 1:
            raise ArgumentError(
                f"--price {name}: expected one for each of the tokenizers, as they are called "
                f"before it: {', '.join(map(repr, known))}"
            )
    return {known[name]: price for name, price in given}
