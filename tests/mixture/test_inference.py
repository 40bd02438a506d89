"""Shares that are known come out, and what cannot be trusted is said."""

from __future__ import annotations

import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import BertWordPieceTokenizer

import tokkit
from tests.mixture.toy_mixture import SHARES, train, write_samples, write_text
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.mixture.inference import CountingOptions
from tokkit.mixture.result import MixtureResult
from tokkit.text.tokenizer import TextTokenizer


@pytest.fixture(scope="module")
def toy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("toy")
    train(path / "tokenizer.json")
    write_samples(path / "samples")
    return path


@pytest.fixture(scope="module")
def tokenizer(toy: Path) -> TextTokenizer:
    return tokkit.load_tokenizer(toy / "tokenizer.json")


@pytest.fixture(scope="module")
def samples(toy: Path) -> dict[str, Path]:
    return {name: toy / f"samples/{name}.txt" for name in SHARES}


@pytest.fixture(scope="module")
def result(tokenizer: TextTokenizer, samples: dict[str, Path]) -> MixtureResult:
    return tokkit.infer_mixture(tokenizer, samples)


# -- the numbers -----------------------------------------------------------------------------


def test_known_shares_come_out(result: MixtureResult) -> None:
    assert result.categories == tuple(SHARES)
    assert sum(result.proportions.values()) == pytest.approx(1)
    assert result.proportions == pytest.approx(SHARES, abs=0.03)
    assert result.intervals is not None
    for name, (low, high) in result.intervals.items():
        assert 0 <= low <= result.proportions[name] <= high <= 1
    assert result.status == "converged"
    assert result.n_merges == len(result.residuals) > 1000
    assert result.unsupported < 0.02
    assert result.misfit < 1.3


def test_the_linear_program_agrees(tokenizer: TextTokenizer, samples: dict[str, Path]) -> None:
    found = tokkit.infer_mixture(tokenizer, samples, method="linear-program", max_merges=60)
    assert found.proportions == pytest.approx(SHARES, abs=0.05)
    assert found.intervals is None
    assert found.unexplained is None
    assert found.missing is None and not found.seems_incomplete
    assert found.status == "optimal"
    assert "no intervals" in " ".join(found.trust())


def test_sources_of_every_kind_give_the_same(
    tokenizer: TextTokenizer, samples: dict[str, Path], result: MixtureResult
) -> None:
    mixed = {
        "north": samples["north"].read_bytes(),
        "south": samples["south"].read_text(encoding="utf-8"),
        "east": [samples["east"]],
    }
    assert tokkit.infer_mixture(tokenizer, mixed).to_json() == result.to_json()
    path = samples["north"].parents[1] / "tokenizer.json"
    assert tokkit.infer_mixture(path, samples).to_json() == result.to_json()


def test_a_wider_level_gives_wider_intervals(
    tokenizer: TextTokenizer, samples: dict[str, Path], result: MixtureResult
) -> None:
    wide = tokkit.infer_mixture(tokenizer, samples, level=0.99).intervals
    assert wide is not None and result.intervals is not None
    for name, (low, high) in result.intervals.items():
        assert wide[name][0] <= low and high <= wide[name][1]


def test_the_order_of_categories_does_not_matter(
    tokenizer: TextTokenizer, samples: dict[str, Path], result: MixtureResult
) -> None:
    turned = tokkit.infer_mixture(tokenizer, dict(reversed(samples.items())))
    assert turned.categories == tuple(reversed(SHARES))
    assert turned.proportions == pytest.approx(dict(result.proportions), abs=1e-4)


def test_inherited_merges_are_left_out(
    toy: Path, tokenizer: TextTokenizer, samples: dict[str, Path]
) -> None:
    short = train(toy / "short.json", vocab_size=800)
    parent = tokkit.load_tokenizer(short)
    found = tokkit.infer_mixture(tokenizer, samples, inherits=[parent])
    assert found.inherited is not None
    n_parent = found.inherited.n_theirs
    assert found.inherited.n_merges == pytest.approx(n_parent, abs=5)
    whole = tokkit.infer_mixture(tokenizer, samples)
    assert found.n_merges == whole.n_merges - found.inherited.n_merges
    assert any("come from short.json" in warning for warning in found.warnings)
    assert found.residual_bins()[0].first == found.inherited.n_merges + 1
    assert found.proportions == pytest.approx(SHARES, abs=0.1)
    same = tokkit.infer_mixture(tokenizer, samples, inherits=[tokenizer])
    assert same.inherited is None
    assert any("same tokenizer" in warning for warning in same.warnings)
    with pytest.raises(ArgumentError, match="cannot leave them out"):
        tokkit.infer_mixture(tokenizer, samples, inherits=[parent], method="linear-program")


# -- what is said about them -----------------------------------------------------------------


def test_a_missing_category_is_noticed(
    tokenizer: TextTokenizer, samples: dict[str, Path], result: MixtureResult
) -> None:
    found = tokkit.infer_mixture(tokenizer, {k: samples[k] for k in ("south", "east")})
    assert found.unsupported > result.unsupported + 0.1
    assert found.missing is not None and found.missing.is_rejected and found.seems_incomplete
    assert result.missing is not None and not result.missing.is_rejected
    assert result.missing.n_tested > 500
    assert "A category seems to be missing (p < 0.001)." in str(found)
    assert "No category seems to be missing (p = " in str(result)
    assert "a category is missing, or samples are of another kind" in found.trust()[0]
    assert any("early merges join pairs" in warning for warning in found.warnings)
    assert any("stand in no sample" in warning for warning in found.warnings)
    assert "Nothing in the merges" not in found.trust()[0]
    rare = found.diagnosis.too_rare
    assert rare and rare[0].step is not None
    assert rare[0].factor < 0.1


def test_disagreeing_pairs_name_their_category(
    tokenizer: TextTokenizer, samples: dict[str, Path]
) -> None:
    odd = samples["east"].read_text(encoding="utf-8") + "qqxx zzqq wwxx\n" * 20_000
    found = tokkit.infer_mixture(tokenizer, {**samples, "east": odd})
    pairs = {each.left + each.right for each in found.diagnosis.never_merged}
    assert pairs & {b" zz", b"qq", b"xx", b" z", b"zz", b"ww", b"qx", b"wx", b" w"}
    assert {found.categories[each.category or 0] for each in found.diagnosis.never_merged} == {
        "east"
    }


def test_near_duplicates_are_noticed(tokenizer: TextTokenizer, samples: dict[str, Path]) -> None:
    again = write_text("north", 400_000, seed=9)
    found = tokkit.infer_mixture(tokenizer, {**samples, "again": again})
    assert any("'north' and 'again' are nearly the same" in each for each in found.warnings)
    total = found.proportions["north"] + found.proportions["again"]
    assert total == pytest.approx(SHARES["north"], abs=0.03)


def test_small_and_dirty_samples_are_noticed(
    tokenizer: TextTokenizer, samples: dict[str, Path]
) -> None:
    dirty = samples["north"].read_bytes() + b"\xff" * 40
    small = samples["east"].read_bytes()[:20_000]
    found = tokkit.infer_mixture(tokenizer, {**samples, "north": dirty, "east": small})
    text = "\n".join(found.warnings)
    assert "category 'north': 0.010% of its bytes are not valid UTF-8" in text
    assert "category 'east': a sample of 20,000 bytes is small" in text


# -- errors ----------------------------------------------------------------------------------


def test_a_tokenizer_that_is_not_bpe_is_refused(tmp_path: Path, samples: dict[str, Path]) -> None:
    other = BertWordPieceTokenizer()
    other.train_from_iterator(["some text " * 9], vocab_size=60, show_progress=False)
    other.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(ArgumentError, match="wordpiece; a training mixture can only be inferred"):
        tokkit.infer_mixture(tmp_path / "tokenizer.json", samples)


@pytest.mark.parametrize("corpora", [{}, {"only": b"one text"}])
def test_fewer_than_two_categories_are_refused(
    tokenizer: TextTokenizer, corpora: dict[str, bytes]
) -> None:
    with pytest.raises(ArgumentError, match=f"samples of {len(corpora)} categories"):
        tokkit.infer_mixture(tokenizer, corpora)


@pytest.mark.parametrize("empty", [b"", [b"", b""]])
def test_an_empty_category_is_refused(
    tokenizer: TextTokenizer, samples: dict[str, Path], empty: Any
) -> None:
    with pytest.raises(ArgumentError, match="category 'void' is empty"):
        tokkit.infer_mixture(tokenizer, {**samples, "void": empty})


def test_a_category_without_pairs_is_refused(
    tokenizer: TextTokenizer, samples: dict[str, Path]
) -> None:
    with pytest.raises(ArgumentError, match="category 'void' .* holds no two symbols"):
        tokkit.infer_mixture(tokenizer, {**samples, "void": b"a"})


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le", "cp1251", "koi8-r"])
def test_a_wrong_encoding_is_refused(
    tokenizer: TextTokenizer, samples: dict[str, Path], encoding: str
) -> None:
    text = samples["east"].read_text(encoding="utf-8")
    with pytest.raises(EncodingError, match=r"category 'east': [\d.]+% of its bytes are"):
        tokkit.infer_mixture(tokenizer, {**samples, "east": text.encode(encoding)})


def test_samples_that_support_nothing_are_refused(tokenizer: TextTokenizer) -> None:
    corpora = {"han": "日本語の文章\n".encode() * 99, "digits": b"0123456789 " * 99}
    with pytest.raises(ArgumentError, match="no sample holds the pair of any merge"):
        tokkit.infer_mixture(tokenizer, corpora)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method must be one of 'default', 'linear-program'"),
        ({"max_merges": 0}, "max_merges must be .* at least 1, got 0"),
        ({"level": 1.0}, "level must lie between 0 and 1"),
    ],
)
def test_options_out_of_range_are_refused(
    tokenizer: TextTokenizer, samples: dict[str, Path], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        tokkit.infer_mixture(tokenizer, samples, **options)
    with pytest.raises(ArgumentError, match="n_jobs is 0"):
        CountingOptions(n_jobs=0)


def test_a_missing_sample_is_an_error(tokenizer: TextTokenizer, samples: dict[str, Path]) -> None:
    with pytest.raises(FormatError, match="category 'none'"):
        tokkit.infer_mixture(tokenizer, {**samples, "none": "no/such/file"})


# -- the result ------------------------------------------------------------------------------


def test_json_holds_everything(result: MixtureResult) -> None:
    data = json.loads(result.to_json())
    assert {each["name"]: each["proportion"] for each in data["categories"]} == result.proportions
    assert data["unit"] == "bytes"
    assert data["n_merges"] == result.n_merges
    bins = data["residuals"]
    assert bins[0]["first"] == 1 and bins[-1]["last"] == result.n_merges
    assert all(a["last"] + 1 == b["first"] for a, b in pairwise(bins))


def test_the_table_ranks_the_categories(result: MixtureResult) -> None:
    header, *lines, told = str(result).splitlines()
    assert told.startswith("No category seems to be missing")
    assert "90% interval" in header
    assert [line.split()[0] for line in lines] == ["north", "south", "east"]
    widths = [line.count("█") for line in lines]
    assert widths == sorted(widths, reverse=True) and widths[0] > widths[-1] > 0


def test_residuals_are_small_where_the_mixture_is_right(result: MixtureResult) -> None:
    assert abs(float(np.nanmedian(result.residuals))) < 0.05


def test_no_intervals_where_no_mixture_fits(tokenizer: TextTokenizer) -> None:
    halves = {name: write_text("east", 200_000, seed) for seed, name in enumerate(("one", "two"))}
    found = tokkit.infer_mixture(tokenizer, halves)
    assert found.unsupported > 0.2
    assert found.intervals is None
    assert any("no intervals" in warning for warning in found.warnings)
    assert "no intervals" in found.trust()[1]
    assert found.with_groups({"both": ["*"]}).groups["both"].interval is None
    assert "%" in str(found)
