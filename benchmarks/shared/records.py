"""Results of a long run as JSON lines, so that an interrupted run goes on where it was.

The first line holds the settings and what the run ran on; each further line is one document's
results under a key. A file that was begun with other settings is refused. A last line that was cut
off by the interruption is dropped.

Also here: the blocks of a documentation page that a script writes, between two comments, and the
arguments of scripts that have both.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.shared.places import BENCHMARKS_PAGE, CACHE, ROOT

FOLDER = CACHE / "benchmarks"
PAGE = ROOT / "docs" / "benchmarks-quality.md"

Record = dict[str, Any]


class Records:
    """The JSON lines of one run.

    Attributes:
        header: what the run ran on, when it began.
    """

    def __init__(self, path: Path, settings: Record, header: str) -> None:
        """Open or begin a file.

        Args:
            path: of the file.
            settings: what must be equal for results to belong together.
            header: see the class; kept from the first run.

        Raises:
            SystemExit: the file was begun with other settings.
        """
        self._path = path
        self.header = header
        self._records: dict[str, Record] = {}
        settings = json.loads(json.dumps(settings))
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._append({"settings": settings, "header": header})
            return
        first, *lines = _whole_lines(path)
        if first["settings"] != settings:
            raise SystemExit(
                f"{path} was begun with {first['settings']}, not {settings}; "
                "remove it, or name another file with --records"
            )
        self.header = first["header"]
        self._records = {line["key"]: line for line in lines}

    def __contains__(self, key: str) -> bool:
        return key in self._records

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records.values())

    def add(self, key: str, record: Record) -> None:
        """Write one document's results."""
        record = {"key": key, **record}
        self._append(record)
        self._records[key] = record

    def _append(self, line: Record) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")


def written(path: Path) -> Records:
    """The records of a file, whatever its settings."""
    first, *_ = _whole_lines(path)
    return Records(path, first["settings"], first["header"])


def run_parser(description: str | None, name: str | None) -> argparse.ArgumentParser:
    """Arguments of a script that keeps records and writes tables.

    Args:
        description: the script's docstring.
        name: of the file of records; None where the script gives it one.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    default = None if name is None else FOLDER / f"{name}.jsonl"
    parser.add_argument("--records", type=Path, default=default)
    parser.add_argument("--no-run", action="store_true", help="only show what has been measured")
    parser.add_argument(
        "--write-docs", action="store_true", help=f"put the tables into {PAGE.name}"
    )
    return parser


def show_tables(records: Records, tables: str, block: str, *, write_docs: bool) -> None:
    """Print tables below what they were measured on; if asked for, put both into the page."""
    print(f"{records.header}\n\n{tables}")
    if write_docs:
        replace_block(PAGE, block, f"```text\n{records.header}\n```\n\n{tables}")


def show_origin(table: str, described: str, block: str, *, write_docs: bool) -> None:
    """Print what a table that was printed is of; if asked for, put both into the page of speeds."""
    print(described)
    if write_docs:
        replace_block(BENCHMARKS_PAGE, block, f"{table}\n\n```text\n{described}\n```")


def _whole_lines(path: Path) -> list[Record]:
    """The lines of a file; what stands after the last newline is cut off."""
    data = path.read_bytes()
    whole = data[: data.rfind(b"\n") + 1]
    if len(whole) < len(data):
        path.write_bytes(whole)
    return [json.loads(line) for line in whole.splitlines()]


def replace_block(page: Path, name: str, text: str) -> None:
    """Put `text` between `<!-- NAME: begin -->` and `<!-- NAME: end -->` of a page.

    Raises:
        SystemExit: the page lacks one of the comments.
    """
    begin, end = f"<!-- {name}: begin -->", f"<!-- {name}: end -->"
    old = page.read_text(encoding="utf-8")
    head, found_begin, rest = old.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not (found_begin and found_end):
        raise SystemExit(f"{page} lacks {begin} or {end}")
    page.write_text(f"{head}{begin}\n\n{text.strip()}\n\n{end}{tail}", encoding="utf-8")
