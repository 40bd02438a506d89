"""`tokkit mixture`: the shares of categories in the training data of a tokenizer."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from tokkit.cli.declarations import argument, option
from tokkit.cli.inputs import DownloadFlag, TokenizerArgument, load_tokenizer
from tokkit.cli.option_types import (
    AnyText,
    InputFolder,
    OutputFolder,
    Real,
    Source,
    Whole,
)
from tokkit.cli.output import JsonFlag, html_option, print_json, refuse_two_on_stdout, save_text
from tokkit.cli.progress import Meter
from tokkit.cli.terminal import layout_of
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.mixture.inference import CountingOptions
    from tokkit.mixture.result import MixtureResult

EXAMPLES = (
    ("tokkit mixture path/to/tokenizer.json samples/", "samples/ has a file for each category"),
    (
        "tokkit mixture gemma3 samples/ --group code='code*' --html report.html",
        "several categories together, as a page",
    ),
    ("tokkit mixture tokenizer.json samples/ --cache counts/ --jobs -1", "resumable, on all cores"),
)
_LEVEL = 0.9


@dataclass(frozen=True)
class Estimating:
    """How shares are found."""

    PANEL: ClassVar[str | None] = None

    method: Annotated[
        Literal["default", "linear-program"],
        option("linear-program: that of Hayase et al. 2024; slow, no intervals"),
    ] = "default"
    max_merges: Annotated[
        int | None,
        option("use the first N merges (30000; linear-program: 3000)", Whole(1), "N"),
    ] = None
    level: Annotated[float, option("coverage of the intervals", Real(above=0, below=1), "P")] = (
        _LEVEL
    )

    def __post_init__(self) -> None:
        """Refuse a level of intervals where there are none, by an `ArgumentError`."""
        if self.method == "linear-program" and self.level != _LEVEL:
            raise ArgumentError("--level is about intervals, and --method linear-program has none")


@dataclass(frozen=True)
class Reading:
    """How the samples are read."""

    PANEL: ClassVar[str] = "Reading samples"

    text_field: Annotated[str, option("of JSON records and Parquet files", AnyText(), "NAME")] = (
        "text"
    )
    jobs: Annotated[
        int | None, option("files read at a time; -1: one a core (1)", Whole(1, other=-1), "N")
    ] = None
    cache: Annotated[
        str | None,
        option("keep the counts of finished files here, to resume", OutputFolder(), "DIR"),
    ] = None

    def options(self) -> CountingOptions:
        """Those of the library."""
        from tokkit.mixture.inference import CountingOptions
        from tokkit.mixture.samples.shard_text import ReadOptions

        read = ReadOptions(text_field=self.text_field)
        return CountingOptions(n_jobs=self.jobs, cache=self.cache, read=read)


def mixture(
    tokenizer: TokenizerArgument,
    folder: Annotated[
        str, argument("FOLDER", InputFolder(url=True), "samples of the categories; may be a URL")
    ],
    estimating: Estimating,
    reading: Reading,
    inherits: Annotated[
        list[str] | None,
        option(
            "leave out the merges taken over from this tokenizer, if there are any; repeatable",
            Source(),
            "TOKENIZER",
        ),
    ] = None,
    group: Annotated[
        list[str] | None,
        option(
            "also tell the share of several categories together; patterns (code*) allowed; "
            "repeatable",
            AnyText(),
            "NAME=CATEGORY[,...]",
        ),
    ] = None,
    html: Annotated[str | None, html_option("a report as one page")] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Infer the shares of categories in the training data of a BPE tokenizer from its merges.

    FOLDER has a file or a subfolder of files for each category: plain text, .jsonl or .parquet,
    possibly compressed. The shares are of bytes.
    """
    from tokkit.mixture.inference import check_corpora, infer_mixture
    from tokkit.mixture.judging.groups import find_groups
    from tokkit.mixture.samples.sources import find_categories

    refuse_two_on_stdout(html=html, json="-" if as_json else None)
    categories = find_categories(folder)
    check_corpora(categories)
    groups = parse_groups(group or [])
    find_groups(list(categories), groups)  # before the long part
    counting = reading.options()
    loaded = load_tokenizer(tokenizer, allow_download)
    others = [load_tokenizer(other, allow_download) for other in inherits or ()]
    with Meter() as meter:
        result = infer_mixture(
            loaded,
            categories,
            **asdict(estimating),
            inherits=others,
            counting=counting,
            progress=meter,
        )
    # As the user calls it.
    _tell(replace(result, tokenizer=tokenizer).with_groups(groups), html, as_json)
    return 0


def _tell(result: MixtureResult, html: str | None, as_json: bool) -> None:
    """Write the page, and the result where stdout is free."""
    from tokkit.files.sources import short_name

    if html is not None:
        name = short_name(result.tokenizer, Path(result.tokenizer))
        save_text(html, replace(result, tokenizer=name).to_html())
    if as_json:
        print_json(result.to_dict())
    elif html != "-":
        _print(result)


def parse_groups(texts: Sequence[str]) -> dict[str, list[str]]:
    """Group -> its categories or patterns, from texts such as `code=C*,Python`.

    Raises:
        ArgumentError: a text without a name or without categories, or a name twice.
    """
    groups: dict[str, list[str]] = {}
    for text in texts:
        name, _, patterns = text.partition("=")
        members = [pattern for pattern in patterns.split(",") if pattern]
        if not name or not members or name in groups:
            raise ArgumentError(
                f"--group {text!r}: expected NAME=CATEGORY[,CATEGORY...], each name once"
            )
        groups[name] = members
    return groups


def _print(result: MixtureResult) -> None:
    from tokkit.mixture.outputs.terminal import result_text
    from tokkit.report.layout import BOLD, wrapped

    layout = layout_of(sys.stdout)
    name = layout.styled(visible(result.tokenizer), BOLD)
    lines = [f"{name}: shares of bytes, from {result.n_merges:,} merges", ""]
    lines += [*map(visible, result_text(result, layout).splitlines()), ""]
    for told in (*(f"warning: {each}" for each in result.warnings), *result.trust()):
        lines += wrapped(visible(told), 0, layout)
    save_text("-", "".join(f"{line}\n" for line in lines))
