"""Files of a repository stand before a gap as the models' sources have it, and stay text."""

from __future__ import annotations

import pytest

import tokkit
from tests.bytelm.completion.fim_toys import all_bytes_with, with_control_tokens, with_format
from tests.bytelm.toy_models import RandomLM
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion.fim_context import FileTemplates, RepositoryFiles
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS, FimFormat
from tokkit.bytelm.completion.infilling import Infilling
from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer

REPOSITORY = RepositoryFiles("main.py", {"a.py": "A = '{path}'\n", "b.py": b"B<|file_sep|>"}, "lib")


def byte_lm(fim: FimFormat, *control: str) -> ByteLM:
    spec = with_control_tokens(with_format(all_bytes_with(b"def"), fim), *control)
    return ByteLM(RandomLM(TextTokenizer(spec), 0))


def spelled(gap: Infilling) -> bytes:
    """The prompt, control tokens as they are named."""
    tokenizer = gap.lm.token_lm.tokenizer
    names = {token: name for name, token in tokenizer.special_tokens.items()}
    return b"".join(
        names[token].encode() if token in names else tokenizer.token_bytes(token)
        for token in gap.frame.ids
    )


def test_qwen_shows_files_before_the_prompt() -> None:
    lm = byte_lm(FIM_FORMATS["qwen"])
    gap = Infilling(lm, "x = ", "\n", heal="none", context=REPOSITORY)
    assert spelled(gap) == (
        b"<|repo_name|>lib\n<|file_sep|>a.py\nA = '{path}'\n\n<|file_sep|>b.py\nB<|file_sep|>\n"
        b"<|file_sep|>main.py\n<|fim_prefix|>x = <|fim_suffix|>\n<|fim_middle|>"
    )


def test_starcoder_names_the_file_inside_the_prefix() -> None:
    lm = byte_lm(FIM_FORMATS["starcoder"], "<repo_name>", "<file_sep>")
    gap = Infilling(lm, "x = ", "\n", heal="none", context=RepositoryFiles("m.py", {"a.py": "A"}))
    assert spelled(gap) == (
        b"<repo_name><file_sep>a.py\nA<file_sep><fim_prefix>m.py\nx = <fim_suffix>\n<fim_middle>"
    )


def test_what_a_file_spells_is_text() -> None:
    lm = byte_lm(FIM_FORMATS["qwen"])
    special = lm.token_lm.tokenizer.special_tokens
    gap = Infilling(lm, "x", "y", context=REPOSITORY)
    assert gap.frame.ids.count(special["<|file_sep|>"]) == 3


@pytest.mark.parametrize("heal", ["none", "prefix", "both"])
def test_a_middle_after_files_is_drawn_and_scored(heal) -> None:
    gap = Infilling(
        byte_lm(FIM_FORMATS["starcoder"], "<repo_name>", "<file_sep>"),
        "de",
        "f x",
        heal=heal,
        context=RepositoryFiles("m.py", {"a.py": "def"}),
    )
    middle = b"".join(gap.stream(max_bytes=4, seed=0))
    assert len(middle) <= 4
    assert gap.logprob(b"fff") < 0
    plain = Infilling(gap.lm, "de", "f x", fim="starcoder", heal=heal)
    assert plain.logprob(b"fff") != gap.logprob(b"fff")


def test_formats_that_show_no_files_say_so() -> None:
    with pytest.raises(ArgumentError, match=r"'deepseek' shows other files is not known"):
        Infilling(byte_lm(FIM_FORMATS["deepseek"]), "x", "y", context=REPOSITORY)
    lm = byte_lm(FIM_FORMATS["starcoder"])
    with pytest.raises(ArgumentError, match=r"no special token '<repo_name>'"):
        tokkit.infill(lm, "x", "y", max_bytes=3, context=REPOSITORY)


def test_a_format_of_ones_own_shows_files_its_own_way() -> None:
    files = FileTemplates(("<R>", ""), ("<F>", "{text}"), ("<F>", ""))
    fim = FimFormat("own", "<P>{prefix}<S>{suffix}<M>", ("<E>",), files=files)
    lm = byte_lm(fim, "<R>", "<F>")
    gap = Infilling(lm, "x", "y", fim=fim, heal="none", context=REPOSITORY)
    assert spelled(gap) == b"<R><F>A = '{path}'\n<F>B<|file_sep|><F><P>x<S>y<M>"


@pytest.mark.parametrize("arguments", [("",), ("a.py", {"": "x"}), ("a.py", {"a.py": "x"})])
def test_paths_that_make_no_sense_are_refused(arguments) -> None:
    with pytest.raises(ArgumentError):
        RepositoryFiles(*arguments)
