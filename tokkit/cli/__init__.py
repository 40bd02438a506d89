"""The `tokkit` command. Each subcommand is a thin call into the library.

Exit codes: 0 fine; 1 findings or a failed gate; 2 bad usage or input, told in one line on stderr;
130 interrupted; 141 when the reader of a pipe has gone. `TOKKIT_DEBUG=1` shows the traceback.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from tokkit import __version__
from tokkit.cli import audit, complete, diff, ensemble, mixture, score, tokenize
from tokkit.cli.option_types import Parser, check_options
from tokkit.errors import TokkitError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments, without the program's name; those of the process by default.
    """
    try:
        args = build_parser().parse_args(argv)
        check_options(args.command, args)
        code = args.run(args)
        sys.stdout.flush()
    except TokkitError as error:
        if os.environ.get("TOKKIT_DEBUG") == "1":
            raise
        print(f"tokkit: error: {_one_line(error)}", file=sys.stderr)
        return EXIT_BAD_INPUT
    except KeyboardInterrupt:
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        _forget_stdout()
        return EXIT_BROKEN_PIPE
    return code


def build_parser() -> argparse.ArgumentParser:
    """The parser with every subcommand; `args.run(args)` runs the one that was chosen.

    Its parser is `args.command`.
    """
    parser = Parser(
        prog="tokkit",
        description="Look through tokenizers: exact byte-level probabilities, text and ensembles "
        "from models over tokens. MODEL is a packaged name (smollm2, gemma3), a GGUF file or a "
        "folder.",
    )
    parser.add_argument("--version", action="version", version=f"tokkit {__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in (complete, ensemble, score, tokenize, mixture, audit, diff):
        command.add_parser(commands)
    for command in commands.choices.values():
        command.set_defaults(command=command)
    return parser


def _one_line(error: TokkitError) -> str:
    return " ".join(str(error).split()) or type(error).__name__


def _forget_stdout() -> None:
    """Point stdout elsewhere, lest the interpreter complain when it flushes at exit."""
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(null, sys.stdout.fileno())
    finally:
        os.close(null)
