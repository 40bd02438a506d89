"""The search for better ids finds what trying each of them would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.flextok.toys import CONFIG, blocks, new_model
from tokkit.models.flextok.search import nearest_first, searched

X = blocks(6, seed=3)
LENGTHS = (1, 2, 4)


@pytest.fixture(scope="module")
def model() -> Any:
    return new_model(replace(CONFIG, levels=(3, 4)))


def error(model: Any, picture: Any, ids: list[int]) -> float:
    """Sum over all lengths of the mean squared distance, of one picture."""
    codes = model.quantizer.decode(torch.tensor([ids]))
    total = 0.0
    with torch.no_grad():
        for length in LENGTHS:
            found = model.mean_decoder(codes, torch.tensor([length]))
            total += float((found - model._tensor(picture[None])).square().mean())
    return total


def neighbours(code: int) -> list[int]:
    """On the grid of 3 x 4 levels."""
    low, high = code % 3, code // 3
    around = [(low + 1, high), (low, high + 1), (low - 1, high), (low, high - 1)]
    return [a + 3 * b for a, b in around if 0 <= a < 3 and 0 <= b < 4]


def alone(model: Any, picture: Any) -> int:
    """The code by which alone the picture is nearest."""
    x = model._tensor(picture[None])
    codes = model.quantizer.decode(torch.arange(12))
    with torch.no_grad():
        found = [model.mean_decoder(each.expand(1, 4, -1), torch.tensor([1])) for each in codes]
    return int(np.argmin([float((each - x).square().mean()) for each in found]))


def one_by_one(model: Any, picture: Any, ids: list[int], sweeps: int) -> list[int]:
    for _ in range(sweeps):
        for place in range(4):
            codes = neighbours(ids[place]) + ([] if place else [alone(model, picture)])
            tried = [ids, *([*ids[:place], c, *ids[place + 1 :]] for c in codes)]
            ids = min(tried, key=lambda each: error(model, picture, each))
    return ids


@pytest.mark.parametrize("sweeps", [0, 1, 2])
def test_it_takes_the_best_neighbour_at_each_place(model: Any, sweeps: int) -> None:
    begun = torch.from_numpy(model.encode_many(X, search=False))
    with torch.no_grad():
        found = searched(
            model.mean_decoder, model.quantizer, model._tensor(X), begun,
            lengths=LENGTHS, sweeps=sweeps,
        )  # fmt: skip
    expected = [
        one_by_one(model, picture, ids, sweeps)
        for picture, ids in zip(X, begun.tolist(), strict=True)
    ]
    assert found.tolist() == expected
    assert sweeps == 0 or found.tolist() != begun.tolist()


def test_the_first_id_is_sought_among_all_codes_unless_they_are_many(model: Any) -> None:
    x = model._tensor(X)
    found = nearest_first(model.mean_decoder, model.quantizer, x)
    assert found is not None and found.tolist() == [alone(model, each) for each in X]
    begun = torch.full((len(X), 4), int(found[0]) ^ 1)
    with torch.no_grad():
        moved = searched(
            model.mean_decoder, model.quantizer, x, begun, lengths=(1,), sweeps=1
        )  # fmt: skip
    assert torch.equal(moved[:, 0], found)
    large = new_model(replace(CONFIG, levels=(64, 65)))
    assert nearest_first(large.mean_decoder, large.quantizer, x) is None
    assert large.encode_many(X).shape == (len(X), 4)


def test_more_sweeps_are_never_worse_and_end_where_nothing_is_better(model: Any) -> None:
    errors: list[Any] = []
    for sweeps in (0, 1, 2, 40, 41):
        own = replace(model.config, search=sweeps)
        model.config, kept = own, model.config
        ids = model.encode_many(X)
        model.config = kept
        errors.append([error(model, *each) for each in zip(X, ids.tolist(), strict=True)])
    assert all((np.diff(errors, axis=0) <= 1e-6).ravel())
    assert errors[3] == errors[4] and errors[0] > errors[1]
