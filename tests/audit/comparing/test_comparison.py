"""Laws of comparing tokenizers: counts are those of encoding, intervals hold, outputs agree."""

from __future__ import annotations

import gzip
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

import tokkit
from tests.audit.toy_subjects import byte_tokenizer, write_bpe
from tests.report.page.reader import assert_links_lead_somewhere, assert_stands_alone
from tests.text.format_samples import CORPUS
from tokkit.audit.comparing.arguments import kind_of, split_names
from tokkit.audit.comparing.measuring import count
from tokkit.audit.comparing.texts import read_data
from tokkit.audit.opening import names_apart
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

TEXT = "\n".join(CORPUS) * 40
PARALLEL = {"eng": ["the sea", "shells"], "rus": ["море", "раковины"], "deu": ["das Meer", "und"]}


@pytest.fixture(scope="module")
def bpe(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_bpe(tmp_path_factory.mktemp("bpe") / "tokenizer.json")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Texts of three types, one compressed, and a file that is no text."""
    (tmp_path / "a.py").write_text("def f(x):\n    return x\n" * 300, encoding="utf-8")
    (tmp_path / "b.md").write_text("# A title\n\nSome words.\n" * 100, encoding="utf-8")
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(TEXT.encode()))
    (tmp_path / "d.bin").write_bytes(b"\0\1\2" * 50)
    return tmp_path


def compare(tokenizers: list[object], data: object, **options: object) -> tokkit.ComparisonReport:
    return tokkit.compare_tokenizers(tokenizers, data, texts=PARALLEL, **options)  # pyright: ignore[reportArgumentType]


def letters(unknown: bool) -> TextTokenizer:
    """Words of a, b and c alone, with an unknown token or none."""
    spec = TokenizerSpec(
        name="letters",
        family="wordpiece",
        token_bytes=(b"", b"a", b"b", b"c"),
        kinds=np.array([TokenKind.SPECIAL, *[TokenKind.NORMAL] * 3], np.uint8),
        special_tokens={"[UNK]": 0},
        continuing=np.array([False, True, True, True]),
        unk_id=0 if unknown else None,
    )
    return TextTokenizer(spec)


def test_counts_are_those_of_encoding(bpe: Path) -> None:
    tokenizer = tokkit.load_tokenizer(bpe)
    texts = [TEXT, "short", "naïve 日本語\n\n" * 300]
    report = compare([bpe, byte_tokenizer()], texts)
    whole = sum(len(text.encode()) for text in texts)
    n_tokens = sum(len(tokenizer.encode(text)) for text in texts)
    one, bytewise = report.tokenizers
    assert (one.n_tokens, bytewise.n_tokens, report.n_bytes) == (n_tokens, whole, whole)
    assert one.bytes_per_token.value == round(whole / n_tokens, 3)
    assert bytewise.bytes_per_token.value == 1 and bytewise.bytes_per_token.interval == (1, 1)
    assert bytewise.ratio.value == round(whole / n_tokens, 3)
    assert one.ratio.interval == (1, 1)
    read = read_data(texts)
    counts = count(tokenizer, "bpe", read, lambda *_: None)
    assert counts.by_block.sum() == n_tokens == counts.n_tokens.sum()
    assert len(counts.by_block) == sum(len(read.edges(part)) - 1 for part in read.parts)


def test_a_token_counts_in_the_block_in_which_it_ends(bpe: Path) -> None:
    tokenizer = tokkit.load_tokenizer(bpe)
    read = read_data(TEXT)
    (part,) = read.parts
    edges = read.edges(part)
    assert len(edges) > 5 and edges[0] == 0 and edges[-1] == len(part.data)
    ends = np.cumsum([len(tokenizer.token_bytes(token)) for token in tokenizer.encode(part.data)])
    wanted = [int(((ends > a) & (ends <= b)).sum()) for a, b in pairwise(edges)]
    assert count(tokenizer, "bpe", read, lambda *_: None).by_block.tolist() == wanted


def test_intervals_hold_their_figures_and_need_text(bpe: Path) -> None:
    report = compare([bpe, byte_tokenizer()], TEXT, prices={"bytes": 2.0})
    for each in report.tokenizers:
        for figure in (each.bytes_per_token, each.ratio):
            assert figure.interval is not None
            assert figure.interval[0] <= figure.value <= figure.interval[1]
    assert all(each.interval is None for each in (
        compare([bpe], "a few words").tokenizers[0].bytes_per_token,
    ))  # fmt: skip


def test_money_is_tokens_times_the_price(bpe: Path) -> None:
    report = compare([bpe, byte_tokenizer()], TEXT, prices={"bytes": 2.0})
    one, bytewise = report.tokenizers
    assert one.cost is None and one.cost_per_megabyte is None
    assert bytewise.cost == pytest.approx(2 * report.n_bytes / 1e6)
    assert bytewise.cost_per_megabyte is not None and bytewise.cost_per_megabyte.value == 2.0
    assert "a MB" in str(report) and "Cost" in str(report)


def test_files_are_told_by_type(bpe: Path, folder: Path) -> None:
    report = compare([bpe, byte_tokenizer()], [folder, "a text"])
    sizes = {each.name: each.n_bytes for each in report.file_types}
    assert sizes == {
        ".txt": len(TEXT.encode()),
        ".py": (folder / "a.py").stat().st_size,
        ".md": (folder / "b.md").stat().st_size,
        "text": 6,
    }
    assert list(sizes.values()) == sorted(sizes.values(), reverse=True)
    for each in report.file_types:
        assert each.n_tokens[1] == each.n_bytes and each.bytes_per_token[1].value == 1
    assert sum(each.n_tokens[0] for each in report.file_types) == report.tokenizers[0].n_tokens
    assert report.n_left_out == 1 and "1 file left out that is no text" in str(report)
    with pytest.raises(FormatError, match="no text"):
        compare([bpe], folder / "d.bin")


def test_languages_are_ranked_by_how_far_the_tokenizers_are_apart(bpe: Path) -> None:
    report = compare([bpe, byte_tokenizer()], TEXT)
    spreads = [abs(np.log(each.ratios[1].value)) for each in report.languages if each.ratios[1]]
    assert len(spreads) == 3 and spreads == sorted(spreads, reverse=True)
    tokenizer = tokkit.load_tokenizer(bpe)
    for each in report.languages:
        texts = PARALLEL[each.code]
        assert each.n_tokens == (
            sum(len(tokenizer.encode(text)) for text in texts),
            sum(len(text.encode()) for text in texts),
        )


def test_what_a_vocabulary_lacks_is_told_or_refused() -> None:
    report = compare([letters(unknown=True), byte_tokenizer()], "abc cab ?")
    assert report.tokenizers[0].n_unknown == 1 and "Unknown" in str(report)
    assert report.languages[0].n_tokens[0] is None and "times" not in str(report)
    assert_stands_alone(report.to_html())
    with pytest.raises(EncodingError, match="letters cannot express a text"):
        compare([letters(unknown=False), byte_tokenizer()], "abc ?")


def test_outputs_say_the_same(bpe: Path, folder: Path) -> None:
    report = compare([bpe, byte_tokenizer()], folder, names=["<b>one</b>", "two"])
    page = report.to_html()
    assert_stands_alone(page)
    assert_links_lead_somewhere(page)
    assert "<b>one" not in page and "byte for byte" not in page
    data = json.loads(report.to_json())
    assert [each["name"] for each in data["tokenizers"]] == ["<b>one</b>", "two"]
    assert data["tokenizers"][0]["n_tokens"] == report.tokenizers[0].n_tokens
    assert {each["code"] for each in data["languages"]} == set(PARALLEL)
    assert f"{report.tokenizers[0].n_tokens:,}" in str(report) and "ComparisonReport" in repr(
        report
    )
    assert all(len(line) <= 96 for line in str(report).splitlines())


def test_one_tokenizer_and_one_short_text_are_enough(bpe: Path) -> None:
    report = compare([bpe], "x")
    assert_stands_alone(report.to_html())
    assert report.tokenizers[0].ratio.value == 1


@pytest.mark.parametrize(
    ("tokenizers", "data", "options", "message"),
    [
        ([], "x", {}, "tokenizers is empty"),
        ("smollm2", "x", {}, "tokenizers"),
        ([byte_tokenizer()], "", {}, "no text"),
        ([byte_tokenizer()], [], {}, "no text"),
        ([byte_tokenizer()], 3, {}, "data"),
        ([byte_tokenizer()], "x", {"names": ["a", "b"]}, "one for each"),
        ([byte_tokenizer()], "x", {"prices": {"b": 1.0}}, "none of the tokenizers"),
        ([byte_tokenizer()], "x", {"prices": {"bytes": -1.0}}, "finite price"),
    ],
)
def test_what_cannot_be_compared_is_refused(
    tokenizers: object, data: object, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        tokkit.compare_tokenizers(tokenizers, data, **options)  # pyright: ignore[reportArgumentType]


def test_names_of_two_are_told_apart() -> None:
    paths = [Path("/a/x/t.json"), Path("/b/x/t.json"), Path("/b/y/u.json")]
    found = names_apart([("x/t.json", paths[0]), ("x/t.json", paths[1]), ("u.json", paths[2])])
    assert found == ["a/x/t.json", "b/x/t.json", "u.json"]
    same = names_apart([("x/t.json", paths[0]), ("x/t.json", paths[0])])
    assert same == ["x/t.json (1)", "x/t.json (2)"]
    assert names_apart([("one", None), ("two", None)]) == ["one", "two"]


def test_what_only_loading_tells_is_a_text_where_it_is_no_tokenizer(
    bpe: Path, folder: Path
) -> None:
    ranks = folder / "looks like ranks"
    ranks.write_text("Chapter 1 begins\n")
    split = split_names([str(bpe), str(ranks)])
    assert not split.is_sure and not split.texts
    tokenizers, files = split.open()
    assert len(tokenizers) == 1 and files == [ranks]


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        ('{"model": {"type": "BPE", "vocab": {}}}', "tokenizer"),
        ('{"config": {}, "vocab": []}', "tokenizer"),
        ('{"model": "a", "text": "b"}', "text"),
        ("some words", "text"),
        ("Chapter 1 begins\n", "unsure"),
        ("\nChapter", "unsure"),
    ],
)
def test_kinds_are_told_without_loading(data: str, kind: str, tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text(data)
    assert kind_of(str(path)) == kind
    assert kind_of("smollm2") == "tokenizer"
    unused = "".join(f"[unused{k}]\n" for k in range(99))
    (tmp_path / "words.txt").write_text(f"[PAD]\n{unused}[UNK]\nthe\n")
    assert kind_of(str(tmp_path / "words.txt")) == "unsure"


def test_tokenizers_come_first_and_texts_after_them(bpe: Path, folder: Path) -> None:
    again = (
        write_bpe(folder / "other" / "tokenizer.json")
        if (folder / "other").mkdir() is None
        else bpe
    )
    names = [str(bpe), str(again), str(folder / "a.py"), str(folder / "b.md")]
    tokenizers, files = split_names(names).open()
    assert len(tokenizers) == 2 and files == [folder / "a.py", folder / "b.md"]
    with pytest.raises(FormatError, match=r"a\.py"):
        split_names([str(folder / "a.py"), str(bpe)])
    broken = folder / "broken.model"
    broken.write_bytes(b"nothing")
    with pytest.raises(FormatError, match=r"broken\.model"):
        split_names([str(bpe), str(broken), str(folder / "a.py")]).open()
    with pytest.raises(ArgumentError, match="tokenizers come first"):
        split_names([str(bpe), str(folder / "a.py"), "smollm2"])
