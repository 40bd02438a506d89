"""Laws of the generator of ids."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.flextok.toys import SMALL
from tokkit.errors import ArgumentError
from tokkit.models import GeneratorConfig, LabelledIds, PictureGenerator, Pictures
from tokkit.models.saving.configs import config_identity
from tokkit.models.training import TrainingOptions, train
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer

CONFIG = GeneratorConfig(n_classes=3, n_tokens=4, vocab_size=12, stack=SMALL, batch=32, dropout=0.0)


def counting(n: int = 300) -> LabelledIds:
    """The first id is the class, or it and three; each further one is two more than the last."""
    random = np.random.default_rng(0)
    labels = random.integers(0, 3, n)
    first = labels + 3 * random.integers(0, 2, n)
    return LabelledIds(first[:, None] + 2 * np.arange(4), labels)


@pytest.fixture(scope="module", params=[(), (4, 3)], ids=["by id", "by level"])
def generator(request: Any) -> Any:
    torch.manual_seed(0)
    model = PictureGenerator(replace(CONFIG, levels=request.param))
    result = train(model, counting(), TrainingOptions(steps=150, learning_rate=0.02))
    bits = [each.evaluation["bits_per_id"] for each in result.records if each.evaluation]
    assert bits[-1] < 0.35 < 2 < bits[0]  # one of the four ids is a toss of a coin
    return model.eval()


def test_it_writes_ids_of_the_class(generator: Any) -> None:
    classes = np.arange(60) % 3
    ids = generator.generate(classes, seeds=range(60))
    right = (ids - ids[:, :1] == 2 * np.arange(4)).all(1) & (ids[:, 0] % 3 == classes)
    assert right.mean() > 0.9
    assert 0.2 < (ids[:, 0] < 3).mean() < 0.8


def test_a_picture_depends_on_its_own_seed_alone(generator: Any) -> None:
    ids = generator.generate([0, 1, 2, 1], seeds=[5, 6, 7, 6])
    assert np.array_equal(ids[1], ids[3])
    assert np.array_equal(generator.generate([2], seeds=[7]), ids[2:3])
    assert np.array_equal(generator.generate([0, 1], seeds=[5, 6], budget=2), ids[:2, :2])
    greedy = generator.generate([0, 0], seeds=[1, 2], temperature=0.0)
    assert np.array_equal(greedy[0], greedy[1])


def test_guidance_moves_towards_the_class(generator: Any) -> None:
    classes = np.zeros(200, np.int64)
    shares = [
        (generator.generate(classes, seeds=range(200), budget=1, guidance=by)[:, 0] % 3 == 0).mean()
        for by in (0.0, 1.0)
    ]
    assert shares[0] < 0.7 < 0.9 < shares[1]


def test_a_later_id_does_not_change_earlier_logits(generator: Any) -> None:
    ids = torch.tensor([[1, 3, 5], [1, 3, 9]])
    with torch.no_grad():
        logits = generator(ids, torch.tensor([1, 1]))
    assert torch.allclose(logits[0, :3], logits[1, :3], atol=1e-5)
    assert not torch.allclose(logits[0, 3], logits[1, 3], atol=1e-3)


def test_ids_share_what_is_learned_of_their_levels() -> None:
    model = PictureGenerator(replace(CONFIG, levels=(4, 3)))
    levels = FiniteScalarQuantizer((4, 3)).decode(torch.arange(12))
    for part in (model.shared_rows, model.shared_head):
        rows = part()
        assert rows.shape == (12, SMALL.width)
        for one, two, other, another in ((0, 1, 8, 9), (0, 4, 3, 7)):
            same = torch.equal(levels[two] - levels[one], levels[another] - levels[other])
            assert same and not torch.allclose(rows[one], rows[two])
            assert torch.allclose(rows[two] - rows[one], rows[another] - rows[other], atol=1e-6)
    logits = model(torch.zeros(1, 0, dtype=torch.int64), torch.tensor([0]))
    logits[0, 0, 5].backward()
    gradient: Any = model.shared_head.weight.grad
    assert (gradient.abs().sum(1) > 0).tolist() == [False, True, False, False, False, True, False]


def test_what_was_saved_before_there_were_levels_keeps_its_name() -> None:
    assert "levels" not in config_identity(CONFIG)
    assert config_identity(replace(CONFIG, levels=(4, 3)))["levels"] == (4, 3)


@pytest.mark.parametrize("levels", [(4, 4), (1, 12), 12, (12.5,)])
def test_levels_make_as_many_ids(levels: Any) -> None:
    with pytest.raises(ArgumentError, match="level"):
        replace(CONFIG, levels=levels)


def test_save_and_load_write_the_same_ids(generator: Any, tmp_path: Path) -> None:
    generator.save(tmp_path)
    loaded = PictureGenerator.load(tmp_path)
    assert loaded.fingerprint == generator.fingerprint
    found = loaded.generate([0, 1, 2], seeds=[1, 2, 3])
    assert np.array_equal(found, generator.generate([0, 1, 2], seeds=[1, 2, 3]))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"classes": [3], "seeds": [0]}, "a class must be"),
        ({"classes": [0], "seeds": []}, "0 seeds for 1"),
        ({"classes": [0], "seeds": [-1]}, "a seed must be"),
        ({"classes": [0], "seeds": [0], "budget": 5}, "budget must be"),
        ({"classes": [0], "seeds": [0], "temperature": -1}, "temperature must be"),
        ({"classes": [0], "seeds": [0], "guidance": float("nan")}, "guidance must be"),
    ],
)
def test_senseless_requests_are_refused(generator: Any, arguments: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        generator.generate(**arguments)


@pytest.mark.parametrize(
    ("ids", "labels", "message"),
    [
        (np.zeros((2, 5), int), [0, 1], "4 places of 12"),
        (np.full((2, 4), 12), [0, 1], "4 places of 12"),
        (np.zeros((2, 4), int), [0, 3], "a class is 3"),
        (np.full((2, 4), -1), [0, 1], "none absent"),
        (np.zeros((2, 4)), [0, 1], "whole numbers"),
        (np.zeros((2, 4), int), [0], "labels must be"),
    ],
)
def test_other_ids_are_refused(ids: Any, labels: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        train(PictureGenerator(CONFIG), LabelledIds(ids, labels), TrainingOptions(steps=1))


@pytest.mark.parametrize("seed", [-1, None, 0.5])
def test_a_seed_of_the_draw_is_a_whole_number(seed: Any) -> None:
    with pytest.raises(ArgumentError, match="seed"):
        LabelledIds(np.zeros((4, 2), np.int64), np.zeros(4, np.int64), seed=seed)
    with pytest.raises(ArgumentError, match="seed"):
        Pictures(np.zeros((4, 2, 2, 1), np.uint8), seed=seed)
