"""The laws of text models, on a toy of each kind, in both precisions."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch")
from tests.models import laws
from tests.models.toy_models import TOYS, Toy
from tokkit.models.text_models.text_model import CachedTextModel

DTYPES = {"float32": torch.float32, "float64": torch.float64}
OF_ALL = [
    laws.check_later_bytes_change_nothing,
    laws.check_mates_and_padding_change_nothing,
    laws.check_cuts_change_nothing,
    laws.check_ragged_batches_change_nothing,
    laws.check_continuations_sum_to_one,
    laws.check_forks_are_independent,
    laws.check_every_parameter_learns,
]


@pytest.fixture(scope="module", params=DTYPES.values(), ids=list(DTYPES))
def dtype(request: pytest.FixtureRequest) -> Any:
    return request.param


OF_TOYS = [
    pytest.param(toy, id=toy.name, marks=[pytest.mark.slow] if toy.slow else []) for toy in TOYS
]


@pytest.fixture(scope="module", params=OF_TOYS)
def model(request: pytest.FixtureRequest, dtype: Any) -> Any:
    toy: Toy = request.param
    return toy.made(dtype)


@pytest.mark.parametrize("law", OF_ALL, ids=[law.__name__.removeprefix("check_") for law in OF_ALL])
def test_law(law: Any, model: Any) -> None:
    law(model)


def test_nats_are_those_of_the_rows(model: Any) -> None:
    if isinstance(model, CachedTextModel):  # others say themselves what their nats are
        laws.check_nats_are_those_of_the_rows(model)


def test_saved_models_are_the_same(model: Any, tmp_path: Path) -> None:
    laws.check_saved_models_are_the_same(model, tmp_path)
