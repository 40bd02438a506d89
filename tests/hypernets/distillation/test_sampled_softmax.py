"""A softmax over some tokens, which is the whole one where it samples all, and on the average."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.hypernets.distillation.test_distilling import STEPS, Made, same
from tokkit.hypernets.distillation import row_distillation
from tokkit.hypernets.distillation.sampled_softmax import SampledSoftmax, probable_tokens
from tokkit.hypernets.distillation.trained_rows import TrainedRows
from tokkit.hypernets.rows import Rows

N, WIDTH = 40, 6


def drawn(*shape: int) -> Any:
    return np.random.default_rng(len(shape)).normal(size=shape).astype(np.float32)


def rows() -> TrainedRows:
    given = Rows(drawn(N, WIDTH), drawn(N, WIDTH) * 2, drawn(N))
    return TrainedRows(given, inputs=np.arange(3), outputs=np.array([1, 5, 7, 30]))


def sample(n_sampled: int) -> SampledSoftmax:
    return SampledSoftmax(N, torch.tensor([2, 5, 11]), n_sampled)


STATES = torch.from_numpy(drawn(5, WIDTH))
TOKENS = torch.tensor([7, 1, 5, 7, 20])


@pytest.mark.parametrize("n_sampled", [N - 6, N])
def test_a_sample_of_all_tokens_gives_the_whole_loss_and_its_gradient(n_sampled: int) -> None:
    whole, part = rows(), rows()
    expected = whole.log_losses(STATES, TOKENS)
    found = part.sampled_losses(STATES, TOKENS, sample(n_sampled))
    torch.testing.assert_close(found, expected)
    expected.sum().backward()
    found.sum().backward()
    torch.testing.assert_close(part.outputs.grad, whole.outputs.grad)
    torch.testing.assert_close(part.bias.grad, whole.bias.grad)


def test_the_sum_is_right_on_the_average_of_all_samples() -> None:
    logits = torch.from_numpy(drawn(N)).double()
    torch.manual_seed(0)
    sums = []
    for _ in range(4000):
        ids, corrections = sample(4).candidates(TOKENS)
        assert len(ids) == len(set(ids.tolist())) == 6 + 4
        sums.append(float((logits[ids] + corrections).exp().sum()))
    off = np.mean(sums) - float(logits.exp().sum())
    assert abs(off) < 4 * np.std(sums) / np.sqrt(len(sums))


def test_tokens_of_the_batch_and_certain_ones_always_count_as_they_are() -> None:
    ids, corrections = sample(1).candidates(TOKENS)
    certain = torch.isin(ids, torch.tensor([1, 2, 5, 7, 11, 20]))
    assert certain.sum() == 6
    assert (corrections[certain] == 0).all()
    torch.testing.assert_close(corrections[~certain], torch.tensor([float(np.log(34))]))


def test_probable_tokens_are_those_with_the_highest_mean_probability() -> None:
    states, matrix, bias = drawn(9, WIDTH), torch.from_numpy(drawn(N, WIDTH)), torch.zeros(N)
    wanted = (torch.from_numpy(states) @ matrix.T).softmax(1).mean(0).argsort()[-7:]
    assert probable_tokens(states, matrix, bias, 7).tolist() == sorted(wanted.tolist())


def test_row_distillation_with_all_tokens_sampled_gives_the_rows_of_the_whole_softmax(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = Made()
    whole, _ = made.distil("row-distillation", replace(STEPS, steps=2))

    def all_sampled(room: Any, bench: Any) -> Any:
        return given(room, bench, all_up_to=0, n_sampled=1000)

    given = row_distillation.sample_of
    monkeypatch.setattr(row_distillation, "sample_of", all_sampled)
    found, _ = made.distil("row-distillation", replace(STEPS, steps=2))
    assert not same(found, made.rows)
    for name in ("inputs", "outputs", "bias"):
        np.testing.assert_allclose(getattr(found, name), getattr(whole, name), atol=2e-5)
