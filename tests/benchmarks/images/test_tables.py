"""The tables of pictures: what is measured, and that a run fills every row."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
import benchmarks.images.data_sets as data_sets
import benchmarks.images.distortion as distortion
import benchmarks.images.generation as generation
import benchmarks.images.judge as judge
import benchmarks.images.small_file as small_file
from benchmarks.images.data_sets import DataSet, read_data
from benchmarks.images.residual import residual_psnr
from benchmarks.shared.records import Records
from tests.models.flextok.toys import CONFIG, blocks, new_model
from tokkit.models.flextok.model import psnr
from tokkit.quantize.k_means import k_means, nearest


def toy(n: int = 300) -> DataSet:
    images = blocks(n)
    labels = (images.max((1, 2, 3)) > 170).astype(np.int64)
    cut = n * 2 // 3
    return DataSet("mnist", images[:cut], labels[:cut], images[cut:], labels[cut:])


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(CONFIG, n_tokens=2, flow_steps=2)
    monkeypatch.setitem(data_sets.CONFIGS, "mnist", config)
    for module in (data_sets, distortion, generation):
        monkeypatch.setattr(module, "BUDGETS", (1, 2))
    monkeypatch.setattr(distortion, "N_CODES", 8)
    monkeypatch.setattr(generation, "_KINDS", {"any": None, "fixed": 2})
    for name, value in (("JUDGE_STEPS", 20), ("WRITER_STEPS", 5), ("WRITTEN", 20)):
        monkeypatch.setattr(generation, f"QUICK_{name}", value)


@pytest.mark.usefixtures("small")
def test_every_row_is_measured_once(tmp_path: Path) -> None:
    options = argparse.Namespace(steps=4, quick=True, limit=None, folder=tmp_path)
    data = toy()
    records = Records(tmp_path / "a.jsonl", {}, "header")
    rows = distortion.rows_of(data, records, options)
    text = distortion.table(data, rows)
    assert text.count("| FlexTok") == 3 and "| residual k-means |" in text
    assert "| residual k-means, shrunk |" in text
    assert len(rows["nested"]["psnr"]) == len(rows["k-means"]["psnr"]) == 2
    before = (tmp_path / "a.jsonl").read_bytes()
    assert (
        distortion.rows_of(data, Records(tmp_path / "a.jsonl", {}, ""), options).keys()
        == rows.keys()
    )
    assert (tmp_path / "a.jsonl").read_bytes() == before
    other = Records(tmp_path / "b.jsonl", {}, "header")
    told = generation.table(data, generation.rows_of(data, other, options))
    assert told.count("| expected, ") == told.count("| drawn, ") == 3
    assert told.count("\n| any number of ids | ") == 2


@pytest.mark.parametrize("shrink", [0.0, 3.0])
def test_residual_k_means_is_the_sum_of_the_nearest_centres(tmp_path: Path, shrink: float) -> None:
    data = toy()
    found = residual_psnr(
        data.known, data.test, depth=2, n_codes=16, folder=tmp_path, shrink=shrink
    )
    left, rest = (
        torch.from_numpy(each.reshape(len(each), -1)).float() / 255
        for each in (data.known, data.test)
    )
    total = torch.zeros_like(rest)
    for layer in range(2):
        torch.manual_seed(layer)
        centres = k_means(left, 16)
        sizes = np.bincount(nearest(left, centres).numpy(), minlength=16)
        centres *= torch.tensor([n / (n + shrink) if n else 1.0 for n in sizes])[:, None]
        left = left - centres[nearest(left, centres)]
        total = total + centres[nearest(rest - total, centres)]
        decoded = (total * 255).clamp(0, 255).round().byte().numpy().reshape(data.test.shape)
        assert psnr(data.test, decoded) == pytest.approx(found[layer], abs=1e-3)
    assert found[1] > found[0]
    again = residual_psnr(
        data.known, data.test, depth=2, n_codes=16, folder=tmp_path, shrink=shrink
    )
    assert again == found


def test_sets_of_equal_pictures_are_not_apart_and_others_by_means_and_spread() -> None:
    random = np.random.default_rng(0)
    one = random.normal(size=(4000, 3))
    assert judge.frechet(one, one) == pytest.approx(0, abs=1e-6)
    assert judge.frechet(one, one + np.array([3, 0, 4])) == pytest.approx(25)
    assert judge.frechet(one, 2 * one) == pytest.approx(np.var(one, axis=0, ddof=1).sum(), rel=0.01)


def test_simple_pictures_need_fewer_ids() -> None:
    test = blocks(8)
    test[:4] = 0
    decoded = [
        np.where(np.arange(8)[:, None, None, None] < 4, 0, 255 - test).astype(np.uint8),
        test,
    ]
    needed = distortion.ids_needed(test, decoded)
    assert needed[:2] == [1, 1] and needed[2:] == [2, 2]


def test_what_is_no_data_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SystemExit, match="no pictures at"):
        read_data("mnist", tmp_path / "none")
    np.savez(tmp_path / "a.npz", x=blocks(20))
    with pytest.raises(SystemExit, match="have no classes"):
        read_data("mnist", tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x=blocks(20), y=np.arange(20))
    data = read_data("mnist", tmp_path / "b.npz", limit=10)
    assert len(data.known) == 9 and len(data.test) == 1
    assert not np.isin(data.test_labels, data.known_labels).any()


def test_a_small_file_is_half_as_large(tmp_path: Path) -> None:
    model = new_model()
    model.save(tmp_path / "whole")
    loaded = small_file.write_small(model, tmp_path / "small")
    sizes = [(tmp_path / name / "model.safetensors").stat().st_size for name in ("whole", "small")]
    assert sizes[1] < 0.6 * sizes[0]
    assert model.dtype == loaded.dtype == torch.float32
