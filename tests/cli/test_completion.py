"""Completion: what may follow, and the scripts of the shells."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tokkit.cli import main
from tokkit.cli.completion import completions
from tokkit.cli.completion_scripts import SHELLS
from tokkit.cli.parsing import load_command, parse
from tokkit.cli.registry import ENTRIES
from tokkit.cli.usage import is_option


def words(*line: str) -> list[str]:
    return [word for word, _ in completions(line).words]


def test_commands_are_completed_with_what_they_do() -> None:
    assert completions([""]).words == [(entry.name, entry.summary) for entry in ENTRIES]
    assert words("co") == ["complete"]
    assert words("nothing") == words("nothing", "") == []
    assert words("--ver") == ["--version"]


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_option_is_completed_once(entry: Any) -> None:
    params: list[Any] = list(load_command(entry.name).params)
    names = [name for param in params if is_option(param) for name in param.opts]
    assert words(entry.name, "-") == names
    assert all(about for _, about in completions([entry.name, "--"]).words)
    once = next(p for p in params if is_option(p) and not p.is_flag and not p.multiple)
    assert once.opts[0] not in words(entry.name, once.opts[0], "x", "-")
    repeated = [p.opts[0] for p in params if is_option(p) and p.multiple]
    assert all(name in words(entry.name, name, "x", "-") for name in repeated)


@pytest.mark.parametrize(
    ("line", "expected", "paths"),
    [
        (["--show-completion", "z"], ["zsh"], "none"),
        (["complete", "--unit", ""], ["byte", "token"], "none"),
        (["complete", "--unit=t"], ["--unit=token"], "none"),
        (["complete", "x", "--unit", "t"], ["token"], "none"),
        (["complete", ""], ["smollm2", "gemma3"], "files"),
        (["encode", "sm"], ["smollm2"], "files"),
        (["tokenize", "smollm2", ""], [], "none"),
        (["tokenize", "--text", "a b", "g"], ["gemma3"], "files"),
        (["ensemble", "a", "b", "c", "g"], ["gemma3"], "files"),
        (["complete", "x", "--prompt-file", ""], [], "files"),
        (["complete", "x", "--prompt", ""], [], "none"),
        (["diff", "a", ""], ["smollm2", "gemma3"], "files"),
        (["mixture", "a", ""], [], "folders"),
        (["audit", "a", "--fail-on", "n"], ["note", "never"], "none"),
        (["audit", "--quiet", "g"], ["gemma3"], "files"),
    ],
)
def test_values_are_completed_by_their_type(
    line: list[str], expected: list[str], paths: str
) -> None:
    found = completions(line)
    assert [word for word, _ in found.words] == expected
    assert found.paths == paths


def test_bash_takes_an_equals_sign_for_a_word() -> None:
    for line in (["complete", "--unit", "=", "t"], ["complete", "x", "--unit", "=", "t"]):
        assert completions(line, splits_at_equals=True).words == [("token", "")]
    found = completions(["complete", "--unit", "="], splits_at_equals=True)
    assert [word for word, _ in found.words] == ["byte", "token"]


def test_a_shell_is_answered_in_lines(capsys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_TOKKIT_COMPLETE", "fish")
    assert main(["complete", "--he"]) == 0
    out, err = capsys.readouterr()
    about = "which borders of the middle may fall inside tokens"
    assert out == f"none\n--heal\t{about}\n"
    assert err == ""


def test_names_of_commands_are_completed_without_importing_them() -> None:
    code = "import sys; from tokkit.cli import main; main(['s']); print(*sys.modules)"
    process = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | {"_TOKKIT_COMPLETE": "bash"},
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    modules = set(process.stdout.split())
    assert "score\tbits" in process.stdout
    assert modules.isdisjoint({"typer", "rich", "pydantic", "numpy"})


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_is_printed_and_installed(
    shell: str, tmp_path: Path, capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/usr/bin/{shell}")
    (tmp_path / ".bashrc").write_bytes(b"# mine \xff")
    scripts: list[str] = []
    for words in (["--show-completion"], ["--show-completion", shell]):
        assert main(words) == 0
        scripts.append(capsys.readouterr().out)
    for _ in range(2):  # the second time changes nothing
        parse(["--install-completion"])  # writes nothing
        assert main(["--install-completion"]) == 0
    told = capsys.readouterr().out
    installed = Path(told.rpartition("(see ")[2].rstrip().rstrip(")"))
    assert installed.is_relative_to(tmp_path)
    assert scripts == [installed.read_text(encoding="utf-8")] * 2
    lines = (tmp_path / ".bashrc").read_bytes().splitlines()
    expected = [b"# mine \xff"] + ([f"source '{installed}'".encode()] if shell == "bash" else [])
    assert lines == expected


@pytest.mark.parametrize("words", [["--show-completion", "ksh"], ["--install-completion"]])
def test_other_shells_are_refused(
    words: list[str], capsys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHELL", "/bin/ksh")
    assert main(words) == 2
    assert "expected one of bash, zsh, fish" in capsys.readouterr().err


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(tmp_path: Path) -> None:
    """Its own arrays are filled as it fills them; the answers are those of the command."""
    program = tmp_path / "tokkit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tokkit "$@"\n')
    program.chmod(0o755)
    (tmp_path / "some file.json").write_text("{}")
    (tmp_path / "some folder").mkdir()
    asked = [
        (["sc"], ["score"]),
        (["audit", "--fail-on", "=", "n"], ["note", "never"]),
        (["tokenize", "so"], ["some file.json", "some folder"]),
        (["mixture", "x", "so"], ["some folder"]),
    ]
    lines = [SHELLS["bash"], "compopt() { :; }"]
    for line, _ in asked:
        quoted = " ".join(f"'{word}'" for word in ("tokkit", *line))
        lines += [
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(line)}",
            f"_tokkit '{program}' '{line[-1]}' x",
            'printf "%s|" "${COMPREPLY[@]}"; echo',
        ]
    process = subprocess.run(
        ["bash", "--norc", "-c", "\n".join(lines)], cwd=tmp_path, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])}, check=True,
    )  # fmt: skip
    found = [sorted(line.rstrip("|").split("|")) for line in process.stdout.splitlines()]
    assert found == [sorted(expected) for _, expected in asked]
    assert process.stderr == ""
