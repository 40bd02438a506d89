"""Laws of all quantisers, and of each kind."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tokkit.errors import ArgumentError, EncodingError
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer
from tokkit.quantize.k_means import k_means, spread_start
from tokkit.quantize.residual import ABSENT, ResidualQuantizer
from tokkit.quantize.vector import VectorQuantizer


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def vectors(n: int = 40, width: int = 4) -> Any:
    return torch.randn(n, width)


def trained(quantizer: Any, n: int = 400, steps: int = 5) -> Any:
    for _ in range(steps):
        quantizer(quantizer.bound(vectors(n, quantizer.width)))
    return quantizer.eval()


def made(kind: str) -> Any:
    if kind == "vector":
        return trained(VectorQuantizer(4, 16))
    if kind == "residual":
        return trained(ResidualQuantizer([VectorQuantizer(4, n) for n in (8, 5, 3)], drop=0.5))
    return FiniteScalarQuantizer((5, 4, 2, 3)).eval()


KINDS = ["vector", "residual", "finite scalar"]


@pytest.mark.parametrize("kind", KINDS)
def test_decoding_is_of_what_was_encoded_and_each_vector_stands_alone(kind: str) -> None:
    quantizer = made(kind)
    x = quantizer.bound(vectors())
    found = quantizer(x)
    ids = quantizer.encode(x)
    assert torch.equal(found.ids, ids)
    assert torch.allclose(found.values, quantizer.decode(ids), atol=1e-6)
    order = torch.randperm(len(x))
    assert torch.equal(quantizer.encode(x[order][:7]), ids[order][:7])
    assert torch.equal(quantizer.encode(x.reshape(5, 8, 4)).reshape(ids.shape), ids)
    assert quantizer.encode(x[:0]).shape == ids[:0].shape
    sizes = torch.tensor(quantizer.vocab_sizes)
    assert bool((ids.reshape(len(x), -1) < sizes).all() and (ids >= 0).all())


@pytest.mark.parametrize("kind", KINDS)
def test_the_most_likely_codes_are_those_of_encode(kind: str) -> None:
    quantizer = made(kind)
    x = quantizer.bound(vectors())
    logprobs = quantizer.soft_assign(x, temperature=0.7)
    assert torch.equal(logprobs.argmax(-1), quantizer.encode(x))
    assert torch.allclose(logprobs.exp().sum(-1), torch.ones(1), atol=1e-5)
    sharper = quantizer.soft_assign(x, temperature=0.1)
    assert bool((sharper.amax(-1) >= logprobs.amax(-1)).all())


@pytest.mark.parametrize("kind", KINDS)
def test_the_gradient_passes_straight_through(kind: str) -> None:
    quantizer = made(kind)
    x = quantizer.bound(vectors()).requires_grad_()
    weights = vectors()
    (quantizer(x).values * weights).sum().backward()
    assert torch.equal(x.grad, weights)


@pytest.mark.parametrize("kind", KINDS)
def test_evaluation_changes_nothing_and_a_state_is_the_quantizer(kind: str) -> None:
    quantizer = made(kind)
    before = {name: each.clone() for name, each in quantizer.state_dict().items()}
    x = quantizer.bound(vectors())
    ids = quantizer(x).ids
    after = quantizer.state_dict()
    assert all(torch.equal(each, after[name]) for name, each in before.items())
    other = made(kind)
    other.load_state_dict(before)
    assert torch.equal(other.encode(x), ids)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["float16", "bfloat16", "float64"])
def test_vectors_and_ids_of_any_precision_are_taken(kind: str, name: str) -> None:
    quantizer, x = made(kind), vectors().to(getattr(torch, name))
    found = quantizer(x)
    assert found.values.dtype == x.dtype
    assert torch.equal(quantizer.eval()(x).ids, quantizer.encode(x))
    ids = found.ids.clamp(max=1)
    assert torch.equal(quantizer.decode(ids.to(torch.int32)), quantizer.decode(ids))
    assert torch.equal(quantizer.decode(ids.to(torch.uint8)), quantizer.decode(ids))


@pytest.mark.parametrize("kind", KINDS)
def test_what_does_not_fit_is_refused(kind: str) -> None:
    quantizer = made(kind)
    nan = vectors()
    nan[3, 2] = torch.nan
    whole = torch.zeros(3, 4, dtype=torch.int64)
    for wrong in (nan, vectors(3, 5), whole, whole.numpy(), vectors().numpy(), [[0.0] * 4]):
        for call in (quantizer, quantizer.encode, quantizer.soft_assign):
            with pytest.raises(ArgumentError, match="vectors"):
                call(wrong)
        if wrong is not nan:
            with pytest.raises(ArgumentError, match="vectors"):
                quantizer.bound(wrong)
    for wrong in (whole.numpy(), [[0] * 4]):
        with pytest.raises(ArgumentError, match="ids"):
            quantizer.decode(wrong)
    ids = quantizer.encode(vectors())
    with pytest.raises(EncodingError, match="codes are 0"):
        quantizer.decode(ids + 1000)
    with pytest.raises(EncodingError, match="outside any codes"):
        quantizer.decode((0 * ids - 1).to(torch.uint64))
    with pytest.raises(ArgumentError, match="whole numbers"):
        quantizer.decode(ids * 1.0)
    with pytest.raises(ArgumentError, match="temperature"):
        quantizer.soft_assign(vectors(), temperature=0)


@pytest.mark.parametrize("levels", [(8, 8, 8, 5, 5, 5), (2,), (3, 3), (4, 7, 2), (6, 5)])
def test_every_finite_scalar_round_trips(levels: tuple[int, ...]) -> None:
    quantizer = FiniteScalarQuantizer(levels)
    ids = torch.arange(quantizer.vocab_sizes[0])
    points = quantizer.decode(ids)
    assert torch.equal(quantizer.encode(points), ids)
    assert float(points.min()) == -1 and len(points.unique(dim=0)) == len(ids)


def test_as_many_levels_as_float32_tells_apart_round_trip_and_no_more() -> None:
    quantizer = FiniteScalarQuantizer(((1 << 20) - 1,))
    ids = torch.cat([torch.arange(5000), quantizer.vocab_sizes[0] - 1 - torch.arange(5000)])
    assert torch.equal(quantizer.encode(quantizer.decode(ids)), ids)
    with pytest.raises(ArgumentError, match="a number of levels"):
        FiniteScalarQuantizer((2, (1 << 20) + 1))


@pytest.mark.parametrize("levels", [2, 3, 4, 5, 8])
def test_bounded_numbers_reach_every_level_as_the_paper_rounds_them(levels: int) -> None:
    quantizer = FiniteScalarQuantizer((levels,))
    x = torch.linspace(-9, 9, 20_000)[:, None]
    ids = quantizer.encode(quantizer.bound(x))
    assert ids.unique().tolist() == list(range(levels))
    half = (levels - 1) * 1.001 / 2
    offset = 0.0 if levels % 2 else 0.5
    shift = torch.atanh(torch.tensor(offset / half))
    paper = torch.round(torch.tanh(x + shift) * half - offset)[:, 0]
    assert torch.equal(ids, (paper + levels // 2).long())


def test_codes_far_from_zero_are_told_apart() -> None:
    near = torch.randn(500, 3, generator=torch.Generator().manual_seed(0))
    quantizer = VectorQuantizer(3, 32)
    quantizer.codes.copy_(near[:32])
    expected = quantizer.encode(near)
    quantizer.codes.add_(10_000)
    far = near + 10_000
    distances = torch.cdist(far.double(), quantizer.codes.double())
    found = quantizer.encode(far)
    assert torch.equal(found, distances.argmin(1))
    assert torch.equal(quantizer.soft_assign(far).argmax(1), found)
    assert float((found == expected).float().mean()) > 0.99
    assert torch.equal(quantizer.encode(quantizer.decode(found)), found)


def test_codes_start_where_the_vectors_are() -> None:
    centres = 10 * torch.randn(6, 4)
    x = (centres[:, None] + 0.01 * torch.randn(6, 30, 4)).reshape(-1, 4)
    found = k_means(x, 6)
    assert torch.allclose(torch.cdist(centres, found).amin(1), torch.zeros(6), atol=0.05)
    quantizer = VectorQuantizer(4, 6)
    quantizer(x)
    assert float(quantizer(x).loss) < 0.001
    assert len(quantizer.encode(x).reshape(6, 30).unique(dim=1).flatten().unique()) == 6


@pytest.mark.parametrize("name", ["float16", "bfloat16", "float32", "float64"])
def test_a_start_takes_each_row_before_any_again(name: str) -> None:
    rows = (100 + torch.randn(5, 7)).to(getattr(torch, name))
    chosen = spread_start(rows.repeat(20, 1), 8)
    assert chosen.dtype == rows.dtype
    assert len(chosen[:5].unique(dim=0)) == 5


def test_a_code_follows_the_mean_of_its_vectors() -> None:
    quantizer = VectorQuantizer(4, 1, decay=0.5)
    quantizer(torch.zeros(10, 4))
    for _ in range(30):
        quantizer(torch.ones(10, 4))
    assert torch.allclose(quantizer.codes, torch.ones(1, 4), atol=1e-6)


def test_a_code_out_of_use_is_put_on_a_vector() -> None:
    quantizer = VectorQuantizer(4, 8, decay=0.5)
    quantizer(vectors())
    quantizer.codes[5] = 1000.0
    quantizer.uses[5] = 0.0
    quantizer.sums[5] = 0.0
    x = vectors()
    quantizer(x)
    assert bool((quantizer.codes[5] == x).all(1).any())
    kept = VectorQuantizer(4, 8, replace_below=0.0)
    kept(vectors())
    kept.codes[5], kept.uses[5], kept.sums[5] = 1000.0, 0.0, 0.0
    kept(vectors())
    assert float(kept.codes[5, 0]) == 1000


def test_fewer_vectors_than_codes_are_their_own_codes_and_stay_so() -> None:
    quantizer = VectorQuantizer(4, 64)
    x = vectors(10)
    for _ in range(200):
        quantizer(x)
    quantizer.eval()
    assert torch.allclose(quantizer.decode(quantizer.encode(x)), x, atol=1e-5)
    assert len(quantizer.encode(x).unique()) == 10


def test_each_residual_layer_lowers_the_error_of_unseen_vectors() -> None:
    quantizer = trained(ResidualQuantizer([VectorQuantizer(4, 16) for _ in range(4)]), steps=20)
    x = vectors(500)
    ids = quantizer.encode(x)
    errors = [float((quantizer.decode(ids[:, :k]) - x).square().mean()) for k in range(1, 5)]
    assert all(later < 0.8 * earlier for earlier, later in pairwise(errors))
    assert torch.equal(quantizer.encode(x, depth=2), ids[:, :2])


def test_an_absent_code_adds_nothing_and_is_not_code_zero() -> None:
    quantizer = made("residual")
    ids = quantizer.encode(vectors())
    absent, zero = ids.clone(), ids.clone()
    absent[:, 2], zero[:, 2] = ABSENT, 0
    assert torch.equal(quantizer.decode(absent), quantizer.decode(ids[:, :2]))
    assert not torch.equal(quantizer.decode(absent), quantizer.decode(zero))
    absent[:, 1:] = torch.tensor([ABSENT, 0])
    with pytest.raises(EncodingError, match="absent"):
        quantizer.decode(absent)
    with pytest.raises(ArgumentError, match="1 to 3"):
        quantizer.decode(torch.zeros(5, 4, dtype=torch.int64))


def test_dropped_streams_are_absent_from_ids_and_values() -> None:
    quantizer = ResidualQuantizer([VectorQuantizer(4, 8, decay=0.0) for _ in range(3)], drop=1.0)
    quantizer(vectors(300))
    layers: Any = quantizer.layers
    codes = [layer.codes.clone() for layer in layers]
    x = vectors(300)
    found = quantizer(x)
    depths = (found.ids >= 0).sum(1)
    assert depths.unique().tolist() == [1, 2, 3]
    for row in range(20):
        kept = [codes[k][found.ids[row, k]] for k in range(int(depths[row]))]
        assert torch.allclose(found.values[row], torch.stack(kept).sum(0), atol=1e-5)


@pytest.mark.parametrize(
    "make",
    [
        lambda: FiniteScalarQuantizer(()),
        lambda: FiniteScalarQuantizer((1, 4)),
        lambda: FiniteScalarQuantizer((1000,) * 4),
        lambda: VectorQuantizer(0, 4),
        lambda: VectorQuantizer(4, 4, decay=1.0),
        lambda: VectorQuantizer(4, 4, commitment=-1),
        lambda: ResidualQuantizer([]),
        lambda: ResidualQuantizer([VectorQuantizer(4, 4), VectorQuantizer(5, 4)]),
        lambda: ResidualQuantizer([VectorQuantizer(4, 4)], drop=1.5),
    ],
)
def test_senseless_quantizers_are_refused(make: Any) -> None:
    with pytest.raises(ArgumentError):
        make()


@pytest.mark.parametrize("kind", KINDS)
def test_a_number_that_is_none_is_refused_in_training_and_spoils_nothing(kind: str) -> None:
    quantizer = made(kind).train()
    good = vectors(width=quantizer.width)
    quantizer(quantizer.bound(good))
    before = {name: each.clone() for name, each in quantizer.state_dict().items()}
    bad = good.clone()
    bad[0, 0] = torch.nan
    with pytest.raises(ArgumentError, match="not finite"):
        quantizer(bad)
    assert all(torch.equal(each, before[name]) for name, each in quantizer.state_dict().items())
    assert quantizer(good[:0]).ids.shape[0] == 0
