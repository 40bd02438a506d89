"""Laws of the diff: what changed is found, nothing else is, and the smallest text is smallest."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.toy_subjects import byte_tokenizer, write_two_releases
from tokkit.audit.diff.comparison import compare
from tokkit.audit.diff.json_diff import diff_schema
from tokkit.audit.diff.merges import longest_increasing
from tokkit.audit.diff.sections import diff_sections
from tokkit.audit.diff.segmentations import compare_texts, differs
from tokkit.audit.diff.tokens import compare_tokens
from tokkit.text.normalizers import Lowercase, library_normalizer
from tokkit.text.spec import TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

jsonschema = pytest.importorskip("jsonschema", reason="validates the JSON; in the dev extra")

TEXTS = {"eng": ["the sea", "shells DON'T 123"], "rus": ["привет море", "мир"]}


@pytest.fixture(scope="module")
def paths(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A tokenizer of 400 tokens, and a release of it with 340 and a pretokenizer setting less."""
    return write_two_releases(tmp_path_factory.mktemp("diff"))


def spec_of(tokens: Sequence[bytes]) -> TokenizerSpec:
    kinds = np.full(len(tokens), TokenKind.NORMAL, dtype=np.uint8)
    return replace(byte_tokenizer().spec, token_bytes=tuple(tokens), kinds=kinds)


TOKENS = st.lists(st.binary(min_size=1, max_size=2), max_size=12)


@given(TOKENS)
def test_a_vocabulary_is_equal_to_itself(tokens: list[bytes]) -> None:
    changes = compare_tokens(spec_of(tokens), spec_of(tokens))
    assert (changes.added, changes.removed, changes.moved) == ((), (), ())
    assert changes.n_same == len(tokens)


@given(TOKENS, TOKENS)
def test_every_token_is_added_removed_moved_or_the_same(old: list[bytes], new: list[bytes]) -> None:
    changes = compare_tokens(spec_of(old), spec_of(new))
    kept = changes.n_same + changes.n_moved
    assert len(changes.removed) + kept == len(old)
    assert len(changes.added) + kept == len(new)
    for data in {*old, *new}:
        more = new.count(data) - old.count(data)
        added = sum(token.data == data for token in changes.added)
        removed = sum(token.data == data for token in changes.removed)
        assert (added, removed) == (max(0, more), max(0, -more))
    same = sum(a == b for a, b in zip(old, new, strict=False))
    assert changes.n_same == same


@given(TOKENS.filter(lambda tokens: len(set(tokens)) == len(tokens)), st.integers(1, 5))
def test_a_shift_is_one_range(tokens: list[bytes], offset: int) -> None:
    new = [b"new%d" % k for k in range(offset)] + tokens
    changes = compare_tokens(spec_of(tokens), spec_of(new))
    if tokens:
        (moved,) = changes.moved
        assert (moved.first, moved.last, moved.offset) == (0, len(tokens) - 1, offset)
        assert moved.n_tokens == len(tokens)


@given(st.permutations(range(8)))
def test_longest_increasing_is_increasing_and_no_shorter_than_any(values: list[int]) -> None:
    places = longest_increasing(values)
    chosen = [values[place] for place in places]
    assert places == sorted(places) and chosen == sorted(chosen)
    best = max(
        sum(1 for k in range(8) if mask >> k & 1)
        for mask in range(256)
        if (picked := [v for k, v in enumerate(values) if mask >> k & 1]) == sorted(picked)
    )
    assert len(places) == best


def test_equal_tokenizers_have_no_difference(paths: tuple[Path, Path]) -> None:
    diff = compare(paths[0], load_tokenizer(paths[0]), texts=TEXTS)
    assert diff.is_same
    assert "No difference was found." in str(diff)
    assert all(cost.before == cost.after for cost in diff.costs)


def test_two_releases_differ_in_what_was_changed(paths: tuple[Path, Path]) -> None:
    diff = compare(*paths, texts=TEXTS)
    assert not diff.is_same
    assert len(diff.tokens.removed) == 60
    assert diff.tokens.added == ()
    assert diff.merges is not None
    assert len(diff.merges.removed) >= 50
    assert diff.merges.added == diff.merges.reordered == ()
    assert [setting.name for setting in diff.settings] == ["pretokenizer", "control tokens"]
    assert diff.settings[0].after == "none"
    assert {cost.code for cost in diff.costs} >= {"eng", "rus", "python"}


def test_smallest_texts_differ_and_cannot_be_smaller(paths: tuple[Path, Path]) -> None:
    before, after = map(load_tokenizer, paths)
    diff = compare(before, after, texts=TEXTS)
    assert diff.texts.smallest
    sizes = [len(each.text.encode()) for each in diff.texts.smallest]
    assert sizes == sorted(sizes)
    for each in diff.texts.smallest:
        assert differs(before, after, each.text)
        assert each.before == tuple(map(before.token_bytes, before.encode(each.text)))
        for k in range(len(each.text)):
            shorter = each.text[:k] + each.text[k + 1 :]
            assert not (shorter and differs(before, after, shorter))


def test_counts_of_different_texts_are_right(paths: tuple[Path, Path]) -> None:
    before, after = map(load_tokenizer, paths)
    texts = {"a": ["the sea", "", "x"], "b": ["привет"]}
    changes = compare_texts(before, after, texts)
    for group, each in texts.items():
        expected = sum(before.encode(text) != after.encode(text) for text in each)
        found = changes.n_different[group]
        assert found <= expected  # ids may differ where the pieces do not
        assert found == sum(bool(text) and differs(before, after, text) for text in each)


def test_a_normaliser_is_a_setting() -> None:
    lower = library_normalizer("Lowercase")
    assert isinstance(lower, Lowercase)
    diff = compare(byte_tokenizer(), byte_tokenizer(lower), texts=TEXTS)
    assert [(s.name, s.before, s.after) for s in diff.settings] == [
        ("normalizer", "none", "Lowercase")
    ]
    smallest = diff.texts.smallest[0]
    assert len(smallest.text) == 1 and smallest.text != smallest.text.lower()


def test_outputs_are_valid_and_the_same_again(paths: tuple[Path, Path]) -> None:
    one, two = (compare(*paths, texts=TEXTS) for _ in range(2))
    assert (one.to_json(), one.to_html(), str(one)) == (two.to_json(), two.to_html(), str(two))
    document = json.loads(one.to_json())
    jsonschema.Draft202012Validator(diff_schema()).validate(document)
    assert len(document["tokens"]["removed"]) == 60
    assert not document["same"]


def test_the_page_runs_nothing_of_the_tokenizer() -> None:
    hostile = "<script>alert(1)</script>"
    before = byte_tokenizer()
    spec = replace(before.spec, name=hostile, special_tokens={hostile: 0})
    after = TextTokenizer(replace(spec, kinds=np.array([3] + [1] * 255, dtype=np.uint8)))
    page = compare(before, after, names=(hostile, hostile), texts=TEXTS).to_html()
    assert hostile not in page
    assert "&lt;script&gt;alert(1)" in page
    assert 'src="' not in page


def test_it_leads_with_what_decides_a_migration(paths: tuple[Path, Path], tmp_path: Path) -> None:
    mine = tmp_path / "mine.md"
    mine.write_text("the sea shells DON'T 123\n" * 900, encoding="utf-8")
    diff = compare(*paths, texts=TEXTS, data=[mine, "another text"])
    keys = [section.key for section in diff_sections(diff)]
    assert keys[:3] == ["own", "costs", "segmentations"]
    assert keys.index("vocabulary") > keys.index("settings") > keys.index("segmentations")
    before, after = map(load_tokenizer, paths)
    texts = [mine.read_text(encoding="utf-8"), "another text"]
    own = diff.own
    assert own is not None
    assert own.before == sum(len(before.encode(text)) for text in texts)
    assert own.after == sum(len(after.encode(text)) for text in texts)
    assert own.ratio.interval is not None and own.n_bytes == sum(map(len, texts))
    assert diff.texts.n_texts["your texts"] == 2  # lines, each once
    page = diff.to_html()
    assert page == compare(*paths, texts=TEXTS, data=[mine, "another text"]).to_html()
    assert ", yours " in page and str(diff).index("Your texts") < str(diff).index("removed")
    document = json.loads(diff.to_json())
    jsonschema.Draft202012Validator(diff_schema()).validate(document)
    assert document["own"]["tokens_after"] == own.after


def test_both_sides_have_names_of_their_own(paths: tuple[Path, Path], tmp_path: Path) -> None:
    copies: list[Path] = []
    for k, path in enumerate(paths):
        copies.append(tmp_path / f"{k}" / "same" / "tokenizer.json")
        copies[k].parent.mkdir(parents=True)
        copies[k].write_bytes(path.read_bytes())
    diff = compare(*copies, texts=TEXTS)
    assert (diff.before, diff.after) == ("0/same/tokenizer.json", "1/same/tokenizer.json")
    assert str(diff).startswith("0/same/tokenizer.json -> 1/same/tokenizer.json")
    assert "Tokens, 0/same/tokenizer.json" in diff.to_html()
