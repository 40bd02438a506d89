"""Completion: what may follow, and the scripts of the shells."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tokkit.cli import main
from tokkit.cli.completions.candidates import completions
from tokkit.cli.completions.scripts import SHELLS, script_of
from tokkit.cli.parsing import load_command, parse
from tokkit.cli.registry import ENTRIES
from tokkit.cli.usage import is_option


def words(*line: str) -> list[str]:
    return [word for word, _ in completions(line).words]


def test_commands_are_completed_with_what_they_do() -> None:
    assert completions([""]).words == [(entry.name, entry.summary) for entry in ENTRIES]
    assert words("co") == ["complete", "compare"]
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


ASKED = [
    (["sc"], ["score"]),
    (["complete", "--unit", "t"], ["token"]),
    (["tokenize", "so"], ["some file.json", "some folder/"]),
    (["mixture", "x", "so"], ["some folder/"]),
    (["tokenize", "--text", "a b", "gem"], ["gemma3"]),
    (["audit", "x", "--html=so"], ["--html=some file.json", "--html=some folder/"]),
    (["audit", "x", "--texts=so"], ["--texts=some folder/"]),
    (["audit", "x", "--html=no such"], []),
]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the program, a file and a folder to complete."""
    program = tmp_path / "tokkit"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tokkit "$@"\n')
    program.chmod(0o755)
    (tmp_path / "some file.json").write_text("{}")
    (tmp_path / "some folder").mkdir()
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def output_of(*command: str) -> str:
    process = subprocess.run(command, capture_output=True, text=True, check=True)
    assert process.stderr == ""
    return process.stdout


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
def test_bash_completes(place: Path) -> None:
    """Its own arrays are filled as it fills them, which splits a word at `=`."""
    lines = [script_of("bash"), "compopt() { :; }"]
    for words, _ in ASKED:
        *before, last = [part for word in words for part in re.split("(=)", word)]
        quoted = " ".join(f"'{word}'" for word in ("tokkit", *before, last))
        lines += [
            f"COMP_WORDS=({quoted}); COMP_CWORD={len(before) + 1}",
            f"_tokkit '{place}/tokkit' '{last}' x",
            'printf "%s|" "${COMPREPLY[@]}"; echo',
        ]
    found = output_of("bash", "--norc", "-c", "\n".join(lines)).splitlines()
    for line, (_, expected) in zip(found, ASKED, strict=True):
        part = [word.rpartition("=")[2].rstrip("/") for word in expected]
        assert sorted(line.strip("|").split("|")) == sorted(part or [""])


@pytest.mark.skipif(shutil.which("zsh") is None, reason="needs zsh")
def test_zsh_completes(place: Path) -> None:
    """With stubs of what zsh's completion system calls."""
    stubs = """
compdef() { :; }
_describe() { print -rl -- "${(@)${(P)3}%%:*}"; }
compset() { option="${PREFIX%%=*}="; PREFIX="${PREFIX#*=}"; }
_files() {
    local -a found; [[ "$1" == -/ ]] && found=("$PREFIX"*(N/)) || found=("$PREFIX"*(N))
    for each in "${(@)found}"; do [[ -d $each ]] && each+=/; print -r -- "$option$each"; done
}
"""
    lines = [stubs, script_of("zsh")]
    for words, _ in ASKED:
        quoted = " ".join(shlex.quote(shlex.quote(word)) for word in words)
        lines += [
            f"words=({place}/tokkit {quoted}); CURRENT={len(words) + 1}; option=",
            f'PREFIX={shlex.quote(words[-1])}; print -r -- ${{(j:|:)${{(f)"$(_tokkit)"}}}}',
        ]
    found = output_of("zsh", "-f", "-c", "\n".join(lines)).splitlines()
    for line, (_, expected) in zip(found, ASKED, strict=True):
        assert sorted(line.split("|")) == sorted(expected or [""])


@pytest.mark.skipif(shutil.which("fish") is None, reason="needs fish")
@pytest.mark.parametrize(("words", "expected"), ASKED)
def test_fish_completes(words: list[str], expected: list[str], place: Path) -> None:
    typed = " ".join([f"{place}/tokkit", *map(shlex.quote, words)])
    asked = f"{script_of('fish')}\ncomplete --do-complete {shlex.quote(typed.rstrip(chr(39)))}"
    found = [line.partition("\t")[0] for line in output_of("fish", "-N", "-c", asked).splitlines()]
    assert sorted(found) == sorted(expected)
