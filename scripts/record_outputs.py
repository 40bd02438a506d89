"""Record what tokkit gives for a fixed set of inputs, and compare two recordings.

Before modules are moved or rewritten, and after it, on one machine:

    PYTHONPATH=. python scripts/record_outputs.py record before.json
    PYTHONPATH=. python scripts/record_outputs.py record after.json
    python scripts/record_outputs.py compare before.json after.json

`compare` exits with 1 when outputs differ, and lists them; what people read (help, tables, the
mixture's page) is listed, too, but counts only with `--strict`. Inputs that are not there (real
tokenizers, packaged models) are skipped by name; outputs that a crash or a skipped input has cost
the second recording count as different.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))

from scripts.recorded_outputs.comparing import compare
from scripts.recorded_outputs.recording import Recording


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one of the two commands: 0 is fine, 1 is a crash or a difference, 2 a bad file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    commands = parser.add_subparsers(required=True)
    recorder = commands.add_parser("record", help="write down the outputs of this checkout")
    recorder.add_argument("file", type=Path, metavar="FILE.json")
    recorder.add_argument("--jobs", type=int, default=2, metavar="N", help="processes (2)")
    recorder.add_argument("--only", default="", metavar="NAME", help="jobs that begin so")
    recorder.set_defaults(run=_record)
    comparer = commands.add_parser("compare", help="list what differs")
    comparer.add_argument("before", type=Path, metavar="BEFORE.json")
    comparer.add_argument("after", type=Path, metavar="AFTER.json")
    comparer.add_argument("--strict", action="store_true", help="presentation counts, too")
    comparer.add_argument("--most", type=int, default=40, metavar="N", help="quoted (40)")
    comparer.add_argument("--only", default="", metavar="NAME", help="outputs that begin so")
    comparer.set_defaults(run=_compare)
    options = parser.parse_args(arguments)
    return options.run(options)


def _record(options: argparse.Namespace) -> int:
    from scripts.recorded_outputs.jobs import record

    path: Path = options.file.resolve()
    recording = record(n_jobs=options.jobs, only=options.only, say=_say)
    recording.write(path)
    for name, why in recording.skipped.items():
        _say(f"skipped: {name} ({why})")
    for name, trace in recording.crashed.items():
        _say(f"crashed: {name}\n{trace}")
    _say(f"{len(recording.outputs):,} outputs, {len(recording.presentation):,} for people: {path}")
    return int(bool(recording.crashed))


def _compare(options: argparse.Namespace) -> int:
    try:
        before, after = Recording.read(options.before), Recording.read(options.after)
    except (OSError, ValueError, TypeError) as error:
        _say(f"cannot compare: {error}")
        return 2
    comparison = compare(before.part(options.only), after.part(options.only))
    print(comparison.text(most=options.most))
    return int(not comparison.passes(strict=options.strict))


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
