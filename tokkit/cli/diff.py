"""`tokkit diff`: what is different between two tokenizers."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from tokkit.cli.inputs import Subparsers
from tokkit.cli.option_types import InputFolder, OutputFile, Source
from tokkit.cli.output import DelayedProgress, refuse_two_on_stdout, save_text

EXIT_DIFFERENT = 1


def add_parser(commands: Subparsers) -> None:
    """Add the subcommand."""
    parser = commands.add_parser(
        "diff",
        help="compare two tokenizers",
        description="What is different between two tokenizers: tokens, merges, settings, how "
        "sample texts are cut, with the smallest text that is cut differently, and what each "
        "language costs.",
    )
    for name, which in (("before", "one"), ("after", "the other")):
        parser.add_argument(
            name,
            metavar=name.upper(),
            type=Source(),
            help=f"{which}: a packaged model, a file, a folder or a hub id",
        )
    parser.add_argument(
        "--texts",
        type=InputFolder(),
        metavar="FOLDER",
        help="parallel text: one .txt a language, line k of each says the same; one must be called "
        "eng, en or English",
    )
    parser.add_argument(
        "--json",
        type=OutputFile(),
        metavar="FILE",
        nargs="?",
        const="-",
        help="the diff as JSON (stdout)",
    )
    parser.add_argument("--html", type=OutputFile(), metavar="FILE", help="the diff as one page")
    parser.add_argument(
        "--exit-code", action="store_true", help="exit with 1 when they are different"
    )
    parser.add_argument("--quiet", action="store_true", help="nothing on stdout")
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Run the subcommand."""
    from tokkit.audit.diff.comparison import compare
    from tokkit.audit.diff.terminal import diff_text
    from tokkit.audit.text.samples import read_folder

    refuse_two_on_stdout(args, ("html", "json"))
    texts = None if args.texts is None else read_folder(Path(args.texts))
    with DelayedProgress() as progress:
        diff = compare(args.before, args.after, texts=texts, progress=progress)
    if args.html is not None:
        save_text(args.html, diff.to_html())
    if args.json is not None:
        save_text(args.json, diff.to_json())
    if "-" not in (args.html, args.json) and not args.quiet:
        colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
        save_text("-", diff_text(diff, colour=colour))
    return EXIT_DIFFERENT if args.exit_code and not diff.is_same else 0
