"""Rows from a donor are the sums that the donor's are, and a donor is not trusted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
from tests.hypernets.plain_models.toy_models import logits, toy_model, toy_tokenizer
from tests.reference.matching_pursuit_reference import pursue
from tests.text.format_samples import CORPUS
from tokkit.errors import ArgumentError, ModelError
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_rows
from tokkit.hypernets.transfer import transfer
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

N_OLD, N_NEW = 280, 340


@pytest.fixture(scope="module")
def small() -> Any:
    return toy_tokenizer(N_OLD)


@pytest.fixture(scope="module")
def large() -> Any:
    return toy_tokenizer(N_NEW)


def donor_with(row: float | None = None, *, token: int = N_NEW - 1) -> Any:
    """A toy donor, of whose rows one is filled with a number."""
    model = toy_model("phi", N_NEW)
    if row is not None:
        with torch.no_grad():
            model.get_input_embeddings().weight[token] = row
    return model


@pytest.mark.parametrize("k", [None, 3])
@pytest.mark.parametrize("kind", ["llama", "mistral"], ids=["tied", "untied"])
def test_rows_are_the_sums_that_the_donors_rows_are(
    kind: str, k: int | None, small: Any, large: Any
) -> None:
    model, donor = toy_model(kind, N_OLD), donor_with()
    result = transfer((model, small), large, method="omp", donor=(donor, large), k=k)
    shared = np.arange(2, N_OLD)  # the toys agree on these ids; 0 and 1 are control tokens
    sides = [input_rows] if kind == "llama" else [input_rows, output_rows]
    for rows in sides:
        old, theirs, made = rows(model), rows(donor), rows(result.model)
        assert np.array_equal(made[:N_OLD], old)
        for token in (N_OLD, N_NEW - 1):
            sums = pursue(theirs[token].astype(float), theirs[shared].astype(float), k or 8)
            expected = sum(weight * old[shared[atom]] for atom, weight in sums.items())
            assert made[token] == pytest.approx(expected, rel=1e-3, abs=1e-3)
    assert result.report.n_predicted == N_NEW - N_OLD
    assert result.report.tied == (kind == "llama")


def test_a_model_is_its_own_best_donor(large: Any, small: Any) -> None:
    """Rows that are sums of few shared ones come back, and the logits with them."""
    donor = toy_model("llama", N_NEW)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        weight = donor.get_input_embeddings().weight
        for token in range(N_OLD, N_NEW):
            atoms = torch.randperm(N_OLD - 2, generator=generator)[:2] + 2
            weight[token] = weight[atoms[0]] - weight[atoms[1]] / 2
    old = toy_model("llama", N_OLD)
    state = donor.state_dict()
    names = {name for name, value in state.items() if value.shape[:1] == (N_NEW,)}
    cut = {name: value[:N_OLD] if name in names else value for name, value in state.items()}
    old.load_state_dict(cut)
    result = transfer((old, small), large, method="omp", donor=(donor, large), k=8)
    ids = large(CORPUS[0], add_special_tokens=False)["input_ids"][:30]
    torch.testing.assert_close(logits(result.model, ids), logits(donor, ids), rtol=0.02, atol=0.02)


def test_a_hostile_row_of_a_donor_is_the_first_outlier(small: Any, large: Any) -> None:
    result = transfer(
        (toy_model("llama", N_OLD), small), large, method="omp", donor=(donor_with(50.0), large)
    )
    outlier = result.report.inputs.outliers[0]
    assert outlier.token == N_NEW - 1
    assert outlier.deviation > 3 * result.report.inputs.outliers[1].deviation


@pytest.mark.parametrize("token", [5, N_NEW - 1], ids=["shared", "new"])
@pytest.mark.parametrize("row", [float("nan"), float("inf")])
def test_rows_that_are_no_numbers_are_refused(
    row: float, token: int, small: Any, large: Any
) -> None:
    donor = (donor_with(row, token=token), large)
    with pytest.raises(ModelError, match=rf"token {token} .* is not finite"):
        transfer((toy_model("llama", N_OLD), small), large, method="omp", donor=donor)


def test_rows_that_come_out_beyond_all_numbers_are_refused(small: Any, large: Any) -> None:
    donor = donor_with(3e38)
    with torch.no_grad():
        donor.get_input_embeddings().weight[:N_OLD] *= 1e-20
    with pytest.raises(ModelError, match="Do not trust this donor"):
        transfer((toy_model("llama", N_OLD), small), large, method="omp", donor=(donor, large))


def test_a_donor_with_another_tokenizer_is_refused(small: Any, large: Any) -> None:
    model = (toy_model("llama", N_OLD), small)
    with pytest.raises(ArgumentError, match="ids beyond its rows, 340 against 280"):
        transfer(model, large, method="omp", donor=model)
    more, other = toy_tokenizer(N_NEW), toy_tokenizer(N_NEW)
    more.add_tokens(["<|more|>"])
    other.add_tokens(["<|other|>"])
    with pytest.raises(ArgumentError, match=r"its token 340 is .*, and the new tokenizer's"):
        transfer(model, more, method="omp", donor=(toy_model("llama", N_NEW + 1), other))
    with pytest.raises(ModelError, match="does not match its tokenizer"):
        transfer(model, large, method="omp", donor=(toy_model("llama", N_OLD), large))


def test_a_sum_of_more_rows_than_there_are_is_refused(small: Any, large: Any) -> None:
    model, donor = (toy_model("llama", N_OLD), small), (donor_with(), large)
    with pytest.raises(ArgumentError, match=r"278 tokens in common, .* rank 32; pass k=32"):
        transfer(model, large, method="omp", donor=donor, k=33)


def only(letters: str, folder: Path) -> TextTokenizer:
    """A WordPiece tokenizer of a few letters."""
    path = folder / f"{letters}-vocab.txt"
    path.write_text("".join(f"{word}\n" for word in ("[UNK]", "[CLS]", "[SEP]", *letters)))
    return load_tokenizer(path, format="bert")


def test_vocabularies_without_a_token_in_common_are_refused(tmp_path: Path) -> None:
    source, target = only("abcdef", tmp_path), only("uvwxyz", tmp_path)
    size = source.vocab_size
    donor = (toy_model("llama", size), target)
    with pytest.raises(ArgumentError, match="no token in common"):
        transfer((toy_model("llama", size), source), target, method="omp", donor=donor)
