"""Help, and what is said when a name is mistyped."""

from __future__ import annotations

import io
import shlex
from contextlib import redirect_stdout
from typing import Any

import pytest

from tokkit.cli import main
from tokkit.cli.help import command_help, help_of_all
from tokkit.cli.option_types import Choice
from tokkit.cli.parsing import build_group, load_command, parse
from tokkit.cli.registry import BY_NAME, ENTRIES
from tokkit.cli.usage import is_option

NAMES = [entry.name for entry in ENTRIES]
BOX = set("╭╮╰╯│─┌┐└┘━")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def help_of(*words: str) -> str:
    stream = io.StringIO()
    with redirect_stdout(stream), pytest.raises(SystemExit) as end:
        main([*words, "--help"])
    assert end.value.code == 0
    return stream.getvalue()


def drawn_help(name: str | None, monkeypatch: pytest.MonkeyPatch, **environment: str) -> str:
    """The help on a terminal."""
    for each in ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"):
        monkeypatch.delenv(each, raising=False)
    for each, value in ({"TERM": "xterm-256color", "COLUMNS": "80"} | environment).items():
        monkeypatch.setenv(each, value)
    group = build_group()
    with redirect_stdout(Terminal()), group.make_context("tokkit", [], resilient_parsing=True) as c:
        if name is None:
            return help_of_all()
        command = load_command(name)
        with command.make_context(name, [], parent=c, resilient_parsing=True) as ctx:
            return command_help(command, ctx, command.examples)


def params(name: str) -> list[Any]:
    return list(load_command(name).params)


@pytest.mark.parametrize("name", NAMES)
def test_every_argument_and_option_is_described(name: str) -> None:
    text = " ".join(help_of(name).split())
    assert load_command(name).help
    for param in params(name):
        assert param.help, f"{param.name} of {name} has no description"
        assert " ".join(param.help.split()[:3]) in text
        assert (param.opts[0] if is_option(param) else param.metavar) in text


@pytest.mark.parametrize("name", NAMES)
def test_options_that_are_a_choice_show_it(name: str) -> None:
    command = load_command(name)
    for param in command.params:
        kind = command.kinds.get(param.name)
        if isinstance(kind, Choice):
            # The metavar of an argument stands in the usage line, which must stay short.
            shown = str(param.metavar) if is_option(param) else str(vars(param)["help"])
            words = shown.split("|") if is_option(param) else shown.split(": ")[-1].split(", ")
            assert tuple(words) == kind.candidates()


@pytest.mark.parametrize("name", NAMES)
def test_examples_are_right_and_short_enough_to_copy(name: str) -> None:
    examples = load_command(name).examples
    assert examples
    for command, about in examples:
        line = command.rpartition("| ")[2]
        program, subcommand, *rest = shlex.split(line)
        assert (program, subcommand) == ("tokkit", name)
        assert parse([subcommand, *rest]).path == f"tokkit {name}"
        assert about
        assert len(command) <= 76, "it breaks in a terminal of 80 columns"


def test_the_whole_lists_every_command_in_its_group() -> None:
    text = help_of()
    for entry in ENTRIES:
        assert f"{entry.panel}:" in text
        assert entry.summary in text


@pytest.mark.parametrize("name", [None, *NAMES])
def test_piped_help_is_plain_text(name: str | None) -> None:
    text = help_of(*([] if name is None else [name]))
    assert BOX.isdisjoint(text)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80


@pytest.mark.parametrize("name", [None, *NAMES])
@pytest.mark.parametrize("columns", ["50", "80", "120", "200"])
def test_help_on_a_terminal_is_framed_and_fits(
    name: str | None, columns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = drawn_help(name, monkeypatch, NO_COLOR="1", TERM="xterm", COLUMNS=columns)
    plain = text.replace("\x1b[0m", "").replace("\x1b[1m", "").replace("\x1b[2m", "")
    assert "╭" in plain
    assert max(map(len, plain.splitlines())) <= int(columns)


def test_colours_are_left_out_on_demand(monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = drawn_help("score", monkeypatch)
    assert "\x1b[1;36m" in coloured
    without = drawn_help("score", monkeypatch, NO_COLOR="1")
    assert "36m" not in without
    dumb = drawn_help("score", monkeypatch, TERM="dumb")
    assert "\x1b" not in dumb
    assert BOX.isdisjoint(dumb)


def test_short_names_of_help_and_version(capsys: Any) -> None:
    for words in (["-h"], ["-V"], ["score", "-h"]):
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code == 0
    assert "Usage: tokkit score [OPTIONS] MODEL..." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["tokenise", "x"], "unknown command 'tokenise' (did you mean 'tokenize'?)"),
        (["score", "x", "--windo", "3x"], "argument --window: expected a whole number"),
        (["tokenize", "x", "--txt", "y"], "no such option: --txt (did you mean '--text'?)"),
        (["tokenize", "x", "--txt", "y"], "usage: tokkit tokenize [OPTIONS] TOKENIZER (see"),
        (["ensemble", "a", "b", "--combin"], "'--combine' requires an argument"),
        (["complete", "x", "--unit", "bytes"], "argument --unit: unknown value 'bytes' (did you"),
        (["complete", "x", "--repetition", "1"], "no such option: --repetition (did you mean"),
        (["--versoin"], "no such option: --versoin (did you mean '--version'?)"),
        (["diff", "a"], "missing argument 'AFTER' (see tokkit diff --help)"),
        (["diff", "a", "b", "c"], "got unexpected extra argument(s) (c) (see tokkit diff --help)"),
    ],
)
def test_a_mistyped_line_is_answered_with_what_may_be_meant(
    words: list[str], told: str, capsys: Any
) -> None:
    assert main(words) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("tokkit: error: ")
    assert told in err
    assert err.count("\n") == 1


def test_options_may_be_cut_short_where_one_can_be_meant() -> None:
    call = parse(["complete", "x", "--temp", "0.5", "--no-rep=9", "--prompt-f", "-"])
    sampling = call.arguments["sampling"]
    assert (sampling.temperature, sampling.no_repeat_ngram) == (0.5, 9)
    assert call.arguments["prompt"].prompt_file == "-"


def test_options_and_arguments_stand_in_any_order() -> None:
    orders = (
        ["score", "a", "--window", "9", "b", "--json", "--text", "-x", "c"],
        ["score", "--json", "--text=-x", "a", "b", "--window=9", "c"],
        ["score", "--window", "9", "--json", "--text", "-x", "--", "a", "b", "c"],
    )
    for words in orders:
        arguments = parse(words).arguments
        assert arguments["models"] == ["a", "b", "c"]
        assert arguments["text"].text == "-x"
        assert (arguments["windows"].window, arguments["outputs"].as_json) == (9, True)


@pytest.mark.parametrize(
    ("words", "value"),
    [
        (["diff", "a", "b"], None),
        (["diff", "a", "b", "--json"], "-"),
        (["diff", "--json", "--quiet", "a", "b"], "-"),
        (["diff", "a", "b", "--json", "-"], "-"),
        (["diff", "a", "--json", "out.json", "b"], "out.json"),
        (["diff", "a", "b", "--json=out.json", "--quiet"], "out.json"),
        (["diff", "a", "b", "--html", "--json"], None),
    ],
)
def test_an_option_may_stand_without_its_file(words: list[str], value: str | None) -> None:
    arguments = parse(words).arguments
    assert arguments["json"] == value
    assert (arguments["before"], arguments["after"]) == ("a", "b")


def test_no_flag_has_an_opposite_that_nobody_wrote() -> None:
    for command in (build_group(), *map(load_command, NAMES)):
        assert not [param.opts for param in command.params if param.secondary_opts]


def test_aliases_are_the_same_command() -> None:
    assert parse(["encode", "x"]).function is parse(["tokenize", "x"]).function
    assert set(NAMES) < set(BY_NAME)
