"""FIM formats are found by their control tokens, and refused by name."""

from __future__ import annotations

import pytest

from tests.bytelm.completion.fim_toys import WORDS, with_control_tokens, with_format, without_end
from tokkit.bytelm.completion.fim_formats import (
    FIM_FORMATS,
    FimFormat,
    find_fim_format,
    resolve_fim_format,
)
from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer

SPM = FimFormat("spm", "<PRE><SUF>{suffix}<MID>{prefix}", ends=("<EOT>", "<EOS>"))


UNTOLD = {"glm", "codegeex", "falcon-h1", "falcon-h1-spm"}


@pytest.mark.parametrize("fim", FIM_FORMATS.values(), ids=list(FIM_FORMATS))
def test_each_format_is_found_by_its_control_tokens(fim: FimFormat) -> None:
    # The toy has an <|endoftext|> of its own, which Granite lacks.
    tokenizer = TextTokenizer(with_format(without_end(WORDS), fim))
    assert resolve_fim_format(fim.name, tokenizer) is fim
    if fim.name not in UNTOLD:
        assert find_fim_format(tokenizer) is fim
        assert resolve_fim_format(None, tokenizer) is fim


@pytest.mark.parametrize("name", sorted(UNTOLD))
def test_an_order_that_the_names_do_not_tell_is_asked_for(name: str) -> None:
    tokenizer = TextTokenizer(with_format(WORDS, FIM_FORMATS[name]))
    with pytest.raises(ArgumentError, match=rf"do not tell: pass fim=.*{name}"):
        find_fim_format(tokenizer)


def test_names_that_look_like_a_format_are_named() -> None:
    tokenizer = TextTokenizer(with_control_tokens(WORDS, "<fill_prefix>", "<fill_suffix>"))
    with pytest.raises(ArgumentError, match="though <fill_prefix>, <fill_suffix> look like one"):
        find_fim_format(tokenizer)


@pytest.mark.parametrize("fim", [*FIM_FORMATS.values(), SPM], ids=lambda fim: fim.name)
def test_the_template_is_spelt_by_its_ids(fim: FimFormat) -> None:
    tokenizer = TextTokenizer(with_format(WORDS, fim))
    names = {token: text for text, token in tokenizer.special_tokens.items()}
    ids = fim.ids(tokenizer)
    first, between, last = (
        "".join(names[i] for i in part) for part in (ids.first, ids.between, ids.last)
    )
    parts = ("{prefix}", "{suffix}") if fim.order == "PSM" else ("{suffix}", "{prefix}")
    assert first + parts[0] + between + parts[1] + last == fim.template
    assert [names[token] for token in ids.ends] == list(fim.ends)


def test_codegemma_and_qwen_share_names_but_not_the_end() -> None:
    qwen, gemma = FIM_FORMATS["qwen"], FIM_FORMATS["codegemma"]
    assert qwen.template == gemma.template
    as_gemma = TextTokenizer(
        with_control_tokens(with_format(WORDS, gemma), "<eos>", "<start_of_turn>")
    )
    assert find_fim_format(as_gemma) is gemma
    as_qwen = TextTokenizer(with_format(WORDS, qwen))
    assert find_fim_format(as_qwen) is qwen
    assert as_qwen.special_tokens["<|file_sep|>"] in qwen.ids(as_qwen).ends


def test_only_the_contiguous_formats_go_on_with_the_prefix() -> None:
    contiguous = {fim.name for fim in (*FIM_FORMATS.values(), SPM) if fim.contiguous}
    assert contiguous == {"codestral", "spm"}


def test_ends_that_a_tokenizer_lacks_do_not_count_but_the_first_must_be_there() -> None:
    starcoder = FIM_FORMATS["starcoder"]
    markers = ("<fim_prefix>", "<fim_suffix>", "<fim_middle>")
    tokenizer = TextTokenizer(with_control_tokens(WORDS, *markers))
    assert starcoder.ids(tokenizer).ends == (tokenizer.special_tokens["<|endoftext|>"],)
    with pytest.raises(ArgumentError, match=r"'▁<EOT>'.*codellama"):
        FIM_FORMATS["codellama"].ids(
            TextTokenizer(with_control_tokens(WORDS, "▁<PRE>", "▁<SUF>", "▁<MID>"))
        )


def test_a_tokenizer_without_a_format_is_an_error_with_a_cure() -> None:
    tokenizer = TextTokenizer(WORDS)
    with pytest.raises(ArgumentError, match=r"no known FIM format.*starcoder.*fim=FimFormat"):
        find_fim_format(tokenizer)
    with pytest.raises(ArgumentError, match="<fim_prefix>"):
        resolve_fim_format("starcoder", tokenizer)
    with pytest.raises(ArgumentError, match="must be one of"):
        resolve_fim_format("starcoder9", tokenizer)


@pytest.mark.parametrize(
    ("template", "ends"),
    [
        ("<P>{prefix}<S>", ("<E>",)),
        ("<P>{prefix}<S>{suffix}{suffix}<M>", ("<E>",)),
        ("{prefix}<S>{suffix}<M>", ("<E>",)),
        ("<P>{prefix}{suffix}<M>", ("<E>",)),
        ("<P>{prefix}<S>{suffix}", ("<E>",)),
        ("<P>{prefix}<S>{suffix}<M>", ()),
    ],
)
def test_templates_that_make_no_sense_are_refused(template: str, ends: tuple[str, ...]) -> None:
    with pytest.raises(ArgumentError):
        FimFormat("wrong", template, ends)
