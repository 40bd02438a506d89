"""The search for better ids finds what trying each of them would."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.flextok.toys import CONFIG, blocks, new_model
from tokkit.models.flextok import search
from tokkit.models.flextok.learning import nearest_points
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
            tried = [ids, *([*ids[:place], c, *ids[place + 1 :]] for c in neighbours(ids[place]))]
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


def test_codes_of_large_pictures_are_looked_at_in_parts(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = model._tensor(X)
    whole = nearest_first(model.mean_decoder, model.quantizer, x)
    monkeypatch.setattr(search, "_MOST_NUMBERS", 5 * CONFIG.n_numbers)
    parts = nearest_first(model.mean_decoder, model.quantizer, x)
    assert whole is not None and parts is not None
    assert parts.tolist() == whole.tolist() and whole.max() >= 5


def test_the_nearer_of_two_beginnings_is_kept(model: Any) -> None:
    """The encoder's, and the one after the first code that alone is nearest."""
    x = model._tensor(X)
    first = nearest_first(model.mean_decoder, model.quantizer, x)
    assert first is not None and first.tolist() == [alone(model, each) for each in X]
    with torch.no_grad():
        begun = [model.coded(x)[1], model.coded(x, model.quantizer.decode(first))[1]]
    ids = [model.quantizer.encode(each).tolist() for each in begun]
    assert [each[0] for each in ids[1]] == first.tolist()
    sweeps = model.config.search
    kept: list[int] = []
    for picture, found, *both in zip(X, model.encode_many(X).tolist(), *ids, strict=True):
        ends = [one_by_one(model, picture, each, sweeps) for each in both]
        errors = [error(model, picture, each) for each in ends]
        kept.append(int(np.argmin(errors)))
        assert found == ends[kept[-1]]
    assert set(kept) == {0, 1}


def test_there_is_one_beginning_where_codes_are_many_or_one_id_was_not_learned(model: Any) -> None:
    for config in (
        replace(CONFIG, levels=(64, 65)),
        replace(CONFIG, recipe=replace(CONFIG.recipe, budgets=(2, 4))),
    ):
        other = new_model(config)
        assert nearest_points(other, other._tensor(X)) is None
        assert other.encode_many(X).shape == (len(X), 4)


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
