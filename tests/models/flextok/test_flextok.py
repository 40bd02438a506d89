"""Laws of the tokenizer of pictures."""

from __future__ import annotations

import signal
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokkit

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.flextok.toys import CONFIG, PICTURES, SMALL, blocks, new_model
from tokkit.errors import ArgumentError, EncodingError, FormatError
from tokkit.models import FlexTok, FlexTokConfig, FlexTokRecipe, Pictures
from tokkit.models.flextok.encoder import attention_mask
from tokkit.models.flextok.learning import draw_lengths, moved, powers_of_two
from tokkit.models.flextok.model import psnr
from tokkit.models.flextok.patches import cut, join
from tokkit.models.training import TrainingOptions, train
from tokkit.tokenizer.entropy_coding import read_ids, write_ids

X = blocks(12, seed=1)


def trained(folder: Path | None = None, *, steps: int = 4, progress: Any = None) -> Any:
    model = new_model()
    options = TrainingOptions(steps=steps, learning_rate=0.005, evaluations=2)
    return model, train(model, PICTURES, options, folder=folder, progress=progress)


@pytest.fixture(scope="module")
def model() -> Any:
    return trained(steps=20)[0]


def test_it_answers_as_a_tokenizer(model: Any) -> None:
    ids = model.encode(X[0])
    assert ids.shape == (4,) and ids.dtype == np.int64
    assert model.vocab_sizes == (16,) and model.streams == 1 and model.prefix_axis == "sequence"
    assert not model.deterministic and not model.lossless and not model.needs_context
    rate = model.rate(ids[:3])
    data = write_ids(ids[:3], model.vocab_sizes, prefix_axis="sequence")
    assert (rate.n_units, rate.nominal_bits, rate.coded_bytes) == (64, 12, len(data))
    assert np.array_equal(read_ids(data, model.vocab_sizes, prefix_axis="sequence"), ids[:3])
    decoded = model.decode(ids)
    assert decoded.shape == (8, 8, 1) and decoded.dtype == np.uint8
    soft = model.soft_assign(X[0])
    assert np.array_equal(soft.argmax(1), ids)
    assert not np.array_equal(ids, model.encode_many(X[:1], search=False)[0])
    assert np.allclose(np.exp(soft).sum(1), 1, atol=1e-5)


def test_a_budget_is_the_same_as_truncation(model: Any) -> None:
    ids = model.encode(X[0])
    for budget in (1, 3, 4, 9):
        assert np.array_equal(model.encode(X[0], budget=budget), ids[:budget])
        assert np.array_equal(model.truncate(ids, budget), ids[:budget])


@pytest.mark.parametrize("seed", [None, 5])
def test_decoding_truncated_ids_ignores_later_ids(model: Any, seed: int | None) -> None:
    ids = model.encode(X[0])
    for n in range(4):
        padded = np.concatenate([ids[:n], np.full(4 - n, -1)])
        first = model.decode(ids[:n], seed=seed)
        assert np.array_equal(first, model.decode(padded, seed=seed))
        assert not np.array_equal(first, model.decode([*ids[:n], (ids[n] + 5) % 16], seed=seed))
    codes = model.quantizer.decode(torch.from_numpy(model.encode_many(X)))
    others, lengths = codes.clone(), torch.full((len(X),), 2)
    others[:, 2:] = 0.37
    with torch.no_grad():
        assert torch.equal(model.mean_decoder(codes, lengths), model.mean_decoder(others, lengths))
        assert torch.equal(directions(model, codes, lengths), directions(model, others, lengths))


def directions(model: Any, codes: Any, lengths: Any) -> Any:
    """Of the flow, in the middle, from fixed noise."""
    noise = torch.randn((len(codes), 8, 8, 1), generator=torch.Generator().manual_seed(0))
    times = torch.linspace(0.1, 0.9, len(codes))
    return model.flow_decoder(noise, times, noise / 2, codes, lengths)


def test_the_first_registers_do_not_see_later_ones(model: Any) -> None:
    x = model._tensor(X)
    with torch.no_grad():
        before = model.bounded(x)
        kept = model.encoder.registers.detach().clone()
        model.encoder.registers[2:] += 1
        after = model.bounded(x)
        model.encoder.registers.copy_(kept)
    assert torch.equal(before[:, :2], after[:, :2])
    assert not torch.equal(before[:, 2:], after[:, 2:])
    assert attention_mask(2, 2).tolist() == [
        [True, True, False, False], [True, True, False, False],
        [True, True, True, False], [True, True, True, True],
    ]  # fmt: skip


@pytest.mark.parametrize("width", [24, 0])
def test_a_register_is_told_what_the_codes_before_it_leave_out(width: int) -> None:
    model = new_model(replace(CONFIG, feedback=width))
    if width:
        torch.nn.init.normal_(model.feedback.output)
    x = model._tensor(X)
    first = model.quantizer.decode(torch.arange(len(X)) % model.vocab_size)
    with torch.no_grad():
        before, values = model.coded(x)
        after, others = model.coded(x, first)
        expected = model.quantizer.decode(model.quantizer.encode(before))
        assert torch.allclose(values, expected)
        assert torch.allclose(others[:, 0], first)
        assert torch.equal(before[:, 0], after[:, 0])
        assert torch.equal(before, after) == (width == 0)
        if width:
            left = x - model.mean_decoder(others, torch.full((len(X),), 2))
            said = model.encoder(x)[:, 2] + model.feedback(left, 2)
            assert torch.allclose(model.quantizer.bound(said), after[:, 2], atol=1e-5)


def test_prefixes_are_what_each_length_decodes_to(model: Any) -> None:
    codes = model.quantizer.decode(torch.from_numpy(model.encode_many(X)))
    with torch.no_grad():
        together = model.mean_decoder.prefixes(codes, (1, 3))
        for place, length in enumerate((1, 3)):
            alone = model.mean_decoder(codes, torch.full((len(X),), length))
            assert torch.allclose(together[place], alone, atol=1e-5)


def test_batch_composition_and_order_do_not_matter(model: Any) -> None:
    ids = model.encode_many(X)
    assert np.array_equal(ids, np.stack([model.encode(each) for each in X]))
    assert np.array_equal(model.encode_many(X[::-1])[::-1], ids)
    some = [row[: place % 5] for place, row in enumerate(ids)]
    seeds = list(range(len(X)))
    for of_these in (None, seeds):
        alone = [
            model.decode(each, seed=None if of_these is None else seed)
            for each, seed in zip(some, seeds, strict=True)
        ]
        together = model.decode_many(some, seeds=of_these)
        backwards = model.decode_many(some[::-1], seeds=None if of_these is None else seeds[::-1])
        for found in (together, backwards[::-1]):
            assert np.abs(found.astype(int) - np.stack(alone)).max() <= 1  # of 255, by rounding


def test_decoding_without_a_seed_is_always_the_same_and_a_seed_draws(model: Any) -> None:
    ids = model.encode(X[0])
    torch.manual_seed(1)
    expected, drawn = model.decode(ids), model.decode(ids, seed=3)
    torch.manual_seed(2)
    assert np.array_equal(model.decode(ids), expected)
    assert np.array_equal(model.decode(ids, seed=3), drawn)
    assert not np.array_equal(model.decode(ids, seed=4), drawn)
    before = torch.get_rng_state()
    model.decode(ids, seed=5)
    assert torch.equal(torch.get_rng_state(), before)


def test_stored_ids_come_back_from_their_codes(model: Any) -> None:
    every = torch.arange(16)
    assert torch.equal(model.quantizer.encode(model.quantizer.decode(every)), every)


def test_without_ids_the_mean_of_all_pictures_is_expected() -> None:
    model, _ = trained(steps=1)
    known = PICTURES.images[PICTURES.parts()[0]]
    mean = known.mean(0) / 127.5 - 1
    assert np.allclose(model.mean_decoder.mean.reshape(8, 8, 1), mean, atol=1e-5)
    assert model.decode([]).shape == (8, 8, 1)
    kept = model.mean_decoder.mean.clone()
    train(model, 255 - PICTURES.images, TrainingOptions(steps=1))
    assert torch.equal(
        model.mean_decoder.mean, kept
    )  # what goes on from a model does not change it


@pytest.mark.slow
def test_each_further_id_helps_on_unseen_pictures_and_shuffled_ids_hurt() -> None:
    model, result = trained(steps=300)
    figures = result.records[-1].evaluation
    unseen = blocks(200, seed=9)
    ids = model.encode_many(unseen)
    curve = [psnr(unseen, model.decode_many(ids[:, :n])) for n in range(5)]
    assert all(after > before + 0.2 for before, after in pairwise(curve))
    doublings = [curve[n] for n in (0, 1, 2, 4)]
    assert all(after > before + 0.3 for before, after in pairwise(doublings))
    assert figures["psnr_4"] > figures["psnr_2"] > figures["psnr_1"]
    assert figures["flow_loss"] < result.records[0].evaluation["flow_loss"] - 0.2
    random = np.random.default_rng(0)
    for axis in (0, 1):  # among pictures, and within them
        shuffled = random.permuted(ids, axis=axis)
        assert psnr(unseen, model.decode_many(shuffled)) < curve[-1] - 1
    drawn = model.decode_many(ids, seeds=range(len(ids)))
    others = model.decode_many(random.permutation(ids), seeds=range(len(ids)))
    assert psnr(unseen, drawn) > psnr(unseen, others) + 1  # what is drawn fits the ids


def test_save_and_load_give_the_same_ids_and_pictures(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path)
    for loaded in (tokkit.load_tokenizer(tmp_path), FlexTok.load(tmp_path)):
        assert isinstance(loaded, FlexTok) and loaded.config == CONFIG
        ids = loaded.encode(X[0])
        assert np.array_equal(ids, model.encode(X[0]))
        for seed in (None, 7):
            assert np.array_equal(loaded.decode(ids, seed=seed), model.decode(ids, seed=seed))
        assert loaded.fingerprint == model.fingerprint
    with pytest.raises(FormatError, match="holds a flextok"):
        tokkit.load_lm(tmp_path)
    (tmp_path / "config.json").write_text('{"n_tokens": 5}')
    with pytest.raises(FormatError, match="another configuration"):
        tokkit.load_tokenizer(tmp_path)


def test_a_file_of_half_the_bytes_computes_in_full_precision(model: Any, tmp_path: Path) -> None:
    half = new_model()
    half.load_state_dict(model.state_dict())
    half.to(torch.bfloat16).save(tmp_path)
    loaded: Any = tokkit.load_tokenizer(tmp_path)
    assert loaded.dtype == torch.float32
    assert FlexTok.load(tmp_path, dtype="bfloat16").dtype == torch.bfloat16
    ids = model.encode_many(X)
    near = psnr(model.decode_many(ids), loaded.decode_many(ids))
    assert near > 35 and loaded.decode(ids[0], seed=1).dtype == np.uint8


@pytest.mark.parametrize("stop", [1, 3])
@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_goes_on_to_the_same_model(stop: int, tmp_path: Path) -> None:
    def interrupt(what: str, step: int, of: int) -> None:
        if step == stop:
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        trained(tmp_path, progress=interrupt)
    resumed, result = trained(tmp_path)
    assert result.resumed_at == stop
    straight = trained()[0].state_dict()
    assert all(torch.equal(each, straight[name]) for name, each in resumed.state_dict().items())
    with pytest.raises(tokkit.TokkitError, match="another training"):
        train(new_model(), Pictures(X, held_out=0.2), TrainingOptions(steps=4), folder=tmp_path)


def test_the_flow_does_not_move_the_codes() -> None:
    model = new_model()
    with_flow = replace(CONFIG, recipe=replace(CONFIG.recipe, flow_share=0.0))
    other = new_model(with_flow)
    options = TrainingOptions(steps=3, clip_norm=None)  # a common norm would join them
    train(model, PICTURES, options)
    train(other, PICTURES, options)
    assert np.array_equal(model.eval().encode_many(X), other.eval().encode_many(X))


def test_squares_come_back_as_the_picture() -> None:
    x = torch.from_numpy(blocks(2, channels=3)).float()
    squares = cut(x, 4)
    assert squares.shape == (2, 4, 48)
    assert torch.equal(squares[0, 1], x[0, :4, 4:].flatten())
    assert torch.equal(join(squares, 4, (8, 8, 3)), x)


def test_lengths_are_powers_of_two_or_any_number() -> None:
    torch.manual_seed(0)
    drawn = [draw_lengths(FlexTokRecipe(powers=1.0, lengths=2), 12) for _ in range(50)]
    assert {each for some in drawn for each in some} == set(powers_of_two(12))
    drawn = [draw_lengths(FlexTokRecipe(powers=0.0, lengths=3), 12) for _ in range(200)]
    assert {each for some in drawn for each in some} == set(range(1, 13))
    assert all(1 == each[0] < each[1] < each[2] for each in drawn)
    drawn = [draw_lengths(FlexTokRecipe(powers=0.0, lengths=1), 12) for _ in range(200)]
    assert {each for some in drawn for each in some} == set(range(1, 13))
    assert draw_lengths(FlexTokRecipe(budgets=(7,)), 12) == (7,)
    assert draw_lengths(FlexTokRecipe(powers=1.0, lengths=9), 4) == (1, 2, 4)


def test_moved_pictures_are_the_same_elsewhere() -> None:
    torch.manual_seed(0)
    x = torch.zeros(64, 8, 8, 1)
    x[:, 3, 4] = 1
    there = moved(x, FlexTokRecipe(shift=2)).squeeze(-1).flatten(1).argmax(1)
    assert torch.equal(moved(x, FlexTokRecipe(shift=2)).sum((1, 2, 3)), torch.ones(64))
    assert set((there // 8).tolist()) == {1, 2, 3, 4, 5}
    assert set((there % 8).tolist()) == {2, 3, 4, 5, 6}
    mirrored = moved(x, FlexTokRecipe(flip=True)).squeeze(-1).flatten(1).argmax(1)
    assert set(mirrored.tolist()) == {28, 27}


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (X[0, ..., 0], r"uint8 \(8, 8, 1\).*\(8, 8\)"),
        (X[0, :7], r"got the shape \(7, 8, 1\)"),
        (np.repeat(X[0], 3, axis=2), r"got the shape \(8, 8, 3\)"),
        (np.repeat(X[0], 4, axis=2), "1 or 3 channels"),
        (X[0, :0], "got the shape"),
        (X[0].astype(np.uint16), "other depths of colour"),
        (X[0] / 255, "float64"),
        (np.full((8, 8, 1), np.nan), "float64"),
        (np.full((8, 8, 1), "a"), "must be uint8"),
        (None, "must be uint8"),
        (X, "must be uint8"),
    ],
)
def test_a_bad_picture_is_one_clear_error(model: Any, x: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        model.encode(x)


def test_what_does_not_apply_is_refused(model: Any) -> None:
    with pytest.raises(ArgumentError, match="context"):
        model.encode(X[0], context=1)
    for budget in (0, -1, 1.5, True):
        with pytest.raises(ArgumentError, match="budget"):
            model.encode(X[0], budget=budget)
    with pytest.raises(EncodingError, match="0 to 15"):
        model.decode([16])
    with pytest.raises(EncodingError, match="absent"):
        model.decode([-1, 3])
    with pytest.raises(ArgumentError, match="5 ids, and a picture has 4"):
        model.decode([0] * 5)
    with pytest.raises(ArgumentError, match="seed must be"):
        model.decode([0], seed=-1)
    with pytest.raises(ArgumentError, match="1 seeds for 2"):
        model.decode_many([[0], [1]], seeds=[1])
    with pytest.raises(ArgumentError, match="learns from pictures"):
        train(model, b"text", TrainingOptions(steps=1))
    with pytest.raises(ArgumentError, match=r"uint8 \(n, 8, 8, 1\)"):
        train(model, blocks(9, channels=3), TrainingOptions(steps=1))


@pytest.mark.parametrize(
    "change",
    [
        {"patch": 3}, {"channels": 2}, {"levels": ()}, {"levels": (1,)}, {"n_tokens": 0},
        {"recipe": None},
        {"height": 2800, "width": 2800}, {"n_tokens": 8200}, {"guidance": -1.0},
        {"temperature": 0.0}, {"flow": None},
        {"levels": (4096, 4097)}, {"recipe": FlexTokRecipe(budgets=(17,))},
    ],
)  # fmt: skip
def test_senseless_configurations_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        FlexTokConfig(**change)


@pytest.mark.parametrize(
    "change",
    [
        {"batch": 1},
        {"powers": 1.1},
        {"nearest": -0.1},
        {"budgets": (0,)},
        {"shift": -1},
        {"lengths": 0},
    ],
)
def test_senseless_recipes_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        FlexTokRecipe(**change)


@pytest.mark.parametrize("channels", [1, 3])
def test_even_and_odd_levels_and_pictures_that_are_not_square_round_trip(channels: int) -> None:
    config = replace(CONFIG, height=12, channels=channels, levels=(8, 8, 8, 5, 5, 5), encoder=SMALL)
    model = new_model(config)
    x = np.random.default_rng(0).integers(0, 256, (12, 8, channels), dtype=np.uint8)
    ids = model.encode(x)
    assert model.vocab_sizes == (64_000,) and model.decode(ids, seed=0).shape == x.shape


def test_pictures_of_several_sizes_and_unclear_flags_are_refused() -> None:
    model = new_model()
    with pytest.raises(ArgumentError, match="of one size"):
        model.encode_many([X[0], X[0][:4, :5]])
    with pytest.raises(ArgumentError, match="search"):
        model.encode_many(X[:1], search="no")


@pytest.mark.parametrize("n", [1, 5])
def test_the_same_picture_over_and_over_teaches_nothing(n: int) -> None:
    same = Pictures(np.repeat(X[:1], n, axis=0), held_out=0)
    with pytest.raises(ArgumentError, match="all the same"):
        train(new_model(), same, TrainingOptions(steps=1))
