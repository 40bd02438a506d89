"""Every option of every subcommand that can be judged at once is judged before the work."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, cast

import pytest

import tokkit
from tests.audit.known import assert_figures_known
from tests.audit.toy_subjects import write_bpe
from tokkit.audit.gates.known_figures import FACTS, TABLES, check_figure
from tokkit.cli import main
from tokkit.cli import option_types as types
from tokkit.cli.commands.train import TrainingInput
from tokkit.cli.parsing import Command, load_command, written_out
from tokkit.cli.registry import ENTRIES
from tokkit.cli.usage import is_option, label_of
from tokkit.errors import ArgumentError, FormatError

DOCS = Path(__file__).parents[2] / "docs" / "cli.md"
COMMANDS: dict[str, Command] = {
    name: load_command(entry.name) for entry in ENTRIES for name in (entry.name, *entry.aliases)
}
# Whatever is written there is a text, or is judged by a reader that comes before the work.
FREE = {
    *("--text", "--prompt", "--suffix", "--name", "--format", "--group", "--text-field", "--set"),
    *("--host", "--api-key", "--cors-origin"),
}

BAD: dict[type, list[str]] = {
    types.Whole: ["many", "1.5", "-7", ""],
    types.Real: ["many", "nan", "inf", ""],
    types.InputFile: ["no/such/file", "FOLDER"],
    types.InputFolder: ["no/such/folder", "FILE"],
    types.OutputFile: ["no/such/folder/file", "FOLDER"],
    types.OutputFolder: ["FILE", "FILE/below"],
    types.NewFolder: ["FILE", "FILE/below", "."],
    types.Name: ["nothing", ""],
    types.Source: ["no/such", "./no/such/path", "nothing", "/no/such.gguf"],
    types.ModelOrFile: ["no/such", "./no/such/path", "nothing", "/no/such.gguf"],
    types.Each: ["1,many", "", "1,nan"],
    types.Pair: ["nothing", "=1", "no-such-name=1", "no.such.name=1"],
    types.Choice: ["nothing", "", "RAISE"],
    types.Checked: [],
    TrainingInput: ["no/such/file", "FOLDER"],
}
NEEDED = {("audit", "--against"): ["--signals=FILE"], ("audit", "--inherits"): ["--corpora=FOLDER"]}
"""Options without which others say nothing."""
CHECKED = {
    "--stop": [""],
    "--pattern": ["(", "[z-a]"],
    "--fim": ["no-such-format"],
    "--device": ["nothing"],
}


def options() -> list[tuple[str, Any]]:
    """(command, option or argument) of everything that takes a value."""
    return [
        (name, param)
        for name, command in COMMANDS.items()
        for param in cast("list[Any]", command.params)
        if not (is_option(param) and param.is_flag)
    ]


def kind_of(name: str, param: Any) -> types.OptionType | None:
    return COMMANDS[name].kinds.get(param.name)


CASES = [
    (name, param, value)
    for name, param in options()
    if not isinstance(kind_of(name, param), types.AnyText)
    for value in CHECKED.get(label_of(param), BAD[type(kind_of(name, param))])
]


@pytest.mark.parametrize(
    ("name", "param"), options(), ids=[f"{name} {label_of(param)}" for name, param in options()]
)
def test_every_option_has_a_type_or_choices(name: str, param: Any) -> None:
    typed = not isinstance(kind_of(name, param), types.AnyText)
    assert typed != (label_of(param) in FREE)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with something to name, where any work is an error."""

    def work(*_: object, **__: object) -> Any:
        raise AssertionError("the work has begun")

    for entry in (
        "load_lm",
        "load_tokenizer",
        "audit_tokenizer",
        "infer_mixture",
        "ByteEnsemble",
        "transfer",
    ):
        monkeypatch.setitem(vars(tokkit), entry, work)
    monkeypatch.setattr("tokkit.audit.diff.comparison.compare", work)
    monkeypatch.setattr("tokkit.mixture.inference.infer_mixture", work)
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"text")))
    (tmp_path / "FILE").write_text("{}")
    (tmp_path / "FOLDER").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def arguments(name: str, param: Any, value: str) -> list[str]:
    """A command line that is right but for one value."""
    given: list[str] = [name]
    for other in COMMANDS[name].params:
        kind = kind_of(name, other)
        if not is_option(other):
            right = "FOLDER" if isinstance(kind, types.InputFolder) else "FILE"
            if isinstance(kind, types.Choice):
                right = kind.candidates()[0]
            given.append(value if other is param else right)
        elif other.required and other is not param:
            given.append(f"{other.opts[-1]}=NEW")
    if is_option(param):
        given.append(f"{param.opts[-1]}={value}")
    return [*given, *NEEDED.get((name, label_of(param)), ())]


@pytest.mark.parametrize(
    ("name", "param", "value"),
    CASES,
    ids=[f"{name} {label_of(param)} {value}" for name, param, value in CASES],
)
def test_a_bad_value_is_told_at_once_in_one_line(
    name: str, param: Any, value: str, place: Path, capsys: Any
) -> None:
    if label_of(param) == "--pattern":
        pytest.importorskip("llguidance", reason="needs the constrained extra")
    assert main(arguments(name, param, value)) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(f"tokkit: error: argument {label_of(param)}: ")
    assert err.count("\n") == 1


@pytest.mark.parametrize("name", COMMANDS)
def test_a_source_may_be_called_as_an_argument_or_option_is(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for param in COMMANDS[name].params:
        for word in {str(param.name), *param.opts} - {"help"}:
            if word.startswith("-"):
                continue
            (tmp_path / word).write_text("nothing")
            given = [word for other in COMMANDS[name].params if not is_option(other)]
            assert written_out(COMMANDS[name].params, given, {}) == given
            assert main([name, *given]) in (1, 2)


def test_a_folder_that_cannot_be_written_is_told(place: Path, capsys: Any) -> None:
    if os.geteuid() == 0:
        pytest.skip("the superuser may write everywhere")
    (place / "FOLDER").chmod(0o500)
    assert main(["audit", "FILE", "--html", "FOLDER/page.html"]) == 2
    assert "permission denied" in capsys.readouterr().err


def test_every_literal_figure_of_a_fact_is_known() -> None:
    """Those that a report has are; see also `test_figures_of_a_report_are_known`."""
    for section, facts in FACTS.items():
        for fact in facts:
            check_figure(f"{section}.{fact}")
            check_figure(fact)
    for section, tables in TABLES.items():
        for table, columns in tables.items():
            for column in columns:
                check_figure(f"{section}.{table}.a row.with dots.{column}")
                check_figure(f"{table}.row.{column}")


@pytest.mark.slow
def test_figures_of_a_report_are_known(tmp_path: Path) -> None:
    report = tokkit.audit_tokenizer(write_bpe(tmp_path / "tokenizer.json"))
    assert_figures_known(report.sections)


@pytest.mark.parametrize(
    "name",
    ["worst_premum", "text.worst", "languages.premium", "languages.hin.premum", "", "a.b.c.d"],
)
def test_figures_that_no_report_has_are_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match="unknown figure") as caught:
        check_figure(name)
    assert len(str(caught.value)) < 500


def test_python_dash_m_runs_the_command() -> None:
    for module in ("tokkit", "tokkit.cli"):
        process = subprocess.run(
            [sys.executable, "-m", module, "--version"], capture_output=True, text=True, check=True
        )
        assert process.stdout == f"tokkit {tokkit.__version__}\n"


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_a_reader_that_leaves_ends_tokenize_quietly(form: list[str], tmp_path: Path) -> None:
    path = write_bpe(tmp_path / "tokenizer.json")
    (tmp_path / "text").write_bytes(b"the quick brown fox\n" * 20_000)
    command = [sys.executable, "-m", "tokkit", "tokenize", str(path), *form, "--file"]
    with subprocess.Popen(
        [*command, str(tmp_path / "text")], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == (b"{\n" if form else b"83\t't'\n")
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait(timeout=60) == 141


def test_a_hub_id_needs_permission(monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    asked: list[dict[str, Any]] = []

    def load_tokenizer(source: str, **options: Any) -> Any:
        asked.append(options)
        raise FormatError(f"{source} is not there")

    monkeypatch.setitem(vars(tokkit), "load_tokenizer", load_tokenizer)
    assert main(["tokenize", "no/body", "--text", "a"]) == 2
    assert "--download fetches it" in capsys.readouterr().err
    assert main(["tokenize", "no/body", "--text", "a", "--download"]) == 2
    assert "no/body is not there" in capsys.readouterr().err
    assert asked == [{"allow_download": True}]


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_what_takes_a_hub_id_takes_the_permission_to_fetch_it(name: str) -> None:
    command = COMMANDS[name]
    takes_ids = [k for k in command.kinds.values() if isinstance(k, (types.Source, TrainingInput))]
    names = [each for param in cast("list[Any]", command.params) for each in param.opts]
    assert not takes_ids or {"--download", "--allow-download"} <= set(names)


def test_a_training_fetches_what_it_may(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: Any
) -> None:
    fetched: list[tuple[str, bool]] = []

    def snapshot(source: str, files: object, *, allow_download: bool) -> Path:
        fetched.append((source, allow_download))
        raise FormatError(f"{source} is not there")

    monkeypatch.setattr("tokkit.files.sources.snapshot", snapshot)
    (tmp_path / "text").write_bytes(b"text")
    words = ["train", "hypernet", "no/body", str(tmp_path / "text"), "--into", str(tmp_path / "x")]
    assert main(words) == 2
    assert "--download fetches it" in capsys.readouterr().err
    assert main([*words, "--download"]) == 2
    assert fetched == [("no/body", True)]


@pytest.mark.parametrize("name", [entry.name for entry in ENTRIES])
def test_every_option_of_a_command_is_in_the_docs(name: str) -> None:
    common, *sections = DOCS.read_text().split("\n## ")
    shown = {name, "complete"} if name == "ensemble" else {name}  # which has the options of both
    own = [part for part in sections if part.partition("\n")[0] in shown]
    told = set(re.findall(r"--[a-z][a-z0-9-]*", "".join([common, *own])))
    options = [param for param in COMMANDS[name].params if is_option(param)]
    assert [label_of(each) for each in options if not told & set(each.opts)] == []
