"""The `tokkit` command. Each subcommand is a thin call into the library.

To be read in this order:

1. `registry`: the subcommands, a line each;
2. `commands/tokenize`: one of them; its options are the parameters of a function;
3. `option_types`: what an option may be, judged before the work;
   `inputs`, `sampling`, `output`, `progress`, `terminal`: what subcommands share;
4. `declarations`, `parsing`: from such a function, through typer, to a call that is ready;
5. `help`, `completions`: the same options drawn for people and for shells.

To add a subcommand, write `commands/NAME.py` with a function `NAME` that returns an exit code and
whose docstring is the help, and with `EXAMPLES`; and add its line to the registry. Options that it
shares with others are groups (`sampling.Sampling`) or names (`inputs.TokenizerArgument`). The tests
in tests/cli find it by that line: that each option has a type and a description, that what can be
judged is judged before the work, that its examples are right, that its help fits a terminal.

Exit codes: 0 fine; 1 findings or a failed gate; 2 bad usage or input, told in one line on stderr;
130 interrupted (a training says in one line on stderr what is kept); 141 when the reader of a pipe
has gone. `TOKKIT_DEBUG=1` shows the traceback.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress

from tokkit.cli.interruptions import heeded_interruptions
from tokkit.cli.terminal import drop_broken_streams, open_closed_streams
from tokkit.errors import Interrupted, ModelError, TokkitError, is_out_of_memory

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130
EXIT_BROKEN_PIPE = 141
_LESS_MEMORY = "ask for a smaller model, less text at once, or a device that has more"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code.

    Args:
        argv: the arguments, without the program's name; those of the process by default.

    Raises:
        SystemExit: help or the version was asked for, and is printed.
    """
    given = sys.argv[1:] if argv is None else argv
    open_closed_streams()
    try:
        with heeded_interruptions():
            code = _run(given)
        sys.stdout.flush()
    except BrokenPipeError:
        code = EXIT_BROKEN_PIPE
    except (TokkitError, OSError) as error:
        if os.environ.get("TOKKIT_DEBUG") == "1":
            raise
        _tell(error, "error")
        code = EXIT_BAD_INPUT
    except (MemoryError, RuntimeError) as error:
        if os.environ.get("TOKKIT_DEBUG") == "1" or not is_out_of_memory(error):
            raise
        _tell(ModelError(f"there is not enough memory ({error}); {_LESS_MEMORY}"), "error")
        code = EXIT_BAD_INPUT
    except KeyboardInterrupt as error:
        if isinstance(error, Interrupted):
            _tell(error, "interrupted")
        code = EXIT_INTERRUPTED
    finally:
        drop_broken_streams()
    return code


def _run(argv: Sequence[str]) -> int:
    if (shell := os.environ.get("_TOKKIT_COMPLETE")) is not None:
        from tokkit.cli.completions.candidates import print_completions

        return print_completions(shell, argv)
    if list(argv) in (["--help"], ["-h"]):
        from tokkit.cli.help import help_of_all

        # Without the parser, whose import takes longer than all of this.
        print(help_of_all(), flush=True)
        raise SystemExit(0)
    if not argv:
        from tokkit.cli.help import help_of_all

        with redirect_stdout(sys.stderr):  # it has no result, and is no success
            print(help_of_all(), flush=True)
        return EXIT_BAD_INPUT
    from tokkit.cli.parsing import parse

    call = parse(argv)
    call.check()
    return call.run()


def _tell(error: TokkitError | OSError | Interrupted, what: str) -> None:
    """One line on stderr, in which nothing can move the cursor or colour the terminal."""
    from tokkit.report.wording import visible

    message = str(error)
    if isinstance(error, OSError) and error.filename is None and error.strerror is not None:
        message = f"cannot write to stdout: {error.strerror}"  # what has no name is a stream
    line = visible(" ".join(message.split())) or type(error).__name__
    with suppress(OSError):
        print(f"tokkit: {what}: {line}", file=sys.stderr)
