"""Laws of the tokenizer of speech."""

from __future__ import annotations

import signal as signals
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tokkit

torch: Any = pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.dm_codec.toy_speech import CONFIG, RATE, recordings, signal
from tokkit.errors import ArgumentError, EncodingError, FormatError, ModelError
from tokkit.models import DMCodec, DMCodecConfig, DMCodecRecipe, Recording, Recordings
from tokkit.models.dm_codec import model as module
from tokkit.models.dm_codec.learning import distillation_loss, drawn_depths
from tokkit.models.training import TrainingOptions, train
from tokkit.tokenizer.entropy_coding import read_ids, write_ids

DATA = recordings()
HELD_OUT = signal(99, 1.03)


def trained(
    data: Recordings = DATA, folder: Path | None = None, *, steps: int = 40, **changes: Any
) -> Any:
    torch.manual_seed(0)
    model = DMCodec(replace(CONFIG, **changes))
    options = TrainingOptions(steps=steps, learning_rate=5e-3, evaluations=2)
    result = train(model, data, options, folder=folder)
    return model.eval(), result


@pytest.fixture(scope="module")
def model() -> Any:
    return trained(steps=160)[0]


def roots(model: Any, samples: Any) -> Any:
    return model.analysed(model.framed(np.asarray(samples, np.float32))[None])[0]


def error(model: Any, ids: Any) -> float:
    """Of what is decoded, by how loud each frequency is."""
    given = roots(model, model.decode(ids)) - roots(model, HELD_OUT)
    return float(given.abs().mean())


def test_it_answers_as_a_tokenizer(model: Any) -> None:
    ids = model.encode(HELD_OUT)
    assert ids.shape == (52, 4) and ids.dtype == np.int64
    assert (model.modality, model.sample_rate, model.prefix_axis) == ("speech", RATE, "depth")
    assert model.vocab_sizes == (16,) * 4 and model.deterministic and not model.lossless
    decoded = model.decode(ids)
    assert decoded.shape == (52 * 160,) and decoded.dtype == np.float32
    assert np.array_equal(decoded, model.decode(ids))
    soft = model.soft_assign(HELD_OUT)
    assert soft.shape == (52, 4, 16) and np.array_equal(soft.argmax(-1), ids)
    assert np.allclose(np.exp(soft).sum(-1), 1, atol=1e-5)


@pytest.mark.parametrize("depth", [1, 3, 4])
def test_the_rate_is_that_of_the_bytes_that_are_written(model: Any, depth: int) -> None:
    ids = model.encode(HELD_OUT, budget=depth)
    rate = model.rate(ids)
    data = write_ids(ids, model.vocab_sizes, prefix_axis="depth")
    assert rate.coded_bytes == len(data) and rate.n_units == 52 / 50
    assert rate.nominal_bits_per_unit == pytest.approx(50 * 4 * depth)
    assert np.array_equal(read_ids(data, model.vocab_sizes, prefix_axis="depth"), ids)


@pytest.mark.parametrize("depth", [1, 2, 3])
def test_truncated_ids_are_those_of_a_budget_and_ignore_later_streams(
    model: Any, depth: int
) -> None:
    ids = model.encode(HELD_OUT)
    short = model.truncate(ids, depth)
    assert np.array_equal(short, model.encode(HELD_OUT, budget=depth))
    absent = ids.copy()
    absent[:, depth:] = -1
    others = (ids + 5) % 16
    others[:, :depth] = short
    assert np.array_equal(model.decode(absent), model.decode(short))
    assert np.array_equal(model.decode(model.truncate(others, depth)), model.decode(short))
    zeros = ids.copy()
    zeros[:, depth:] = 0
    assert not np.array_equal(model.decode(zeros), model.decode(short))


def test_shuffled_tokens_hurt(model: Any) -> None:
    ids = model.encode(HELD_OUT)
    shuffled = np.random.default_rng(0).permutation(ids)
    assert error(model, shuffled) > 1.2 * error(model, ids)


def test_what_else_is_in_a_batch_makes_no_difference(model: Any) -> None:
    one, other, third = (roots(model, signal(seed)) for seed in (1, 2, 3))
    with torch.no_grad():
        alone = model.encoder(one[None])
        among = model.encoder(torch.stack([third, one, other]))[1:2]
        assert torch.allclose(alone, among, atol=1e-5)
        assert torch.allclose(model.decoder(alone), model.decoder(among), atol=1e-5)


def test_a_code_depends_on_a_bounded_part_of_the_signal_around_it(model: Any) -> None:
    other = HELD_OUT.copy()
    other[: 20 * 160] = signal(5, 0.4)
    same = (model.encode(other) == model.encode(HELD_OUT)).all(1)
    assert model.streaming and same[20 + CONFIG.margin :].all() and not same[:20].all()


def test_a_long_signal_is_read_and_written_in_pieces_as_in_one(
    model: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = model.encode(HELD_OUT)
    before = roots(model, model.decode(whole))
    monkeypatch.setattr(module, "_FRAMES_AT_ONCE", 16)
    assert (model.encode(HELD_OUT) == whole).mean() > 0.99  # but for ties, rounded otherwise
    pieces = model.decode(whole)
    assert len(pieces) == 52 * 160
    assert float((roots(model, pieces) - before).abs().mean()) < 0.5 * error(model, whole)


@pytest.mark.parametrize("n", [1, 2, 159, 160, 161, 255, 1001])
def test_any_length_is_encoded_and_decoded_as_whole_frames(model: Any, n: int) -> None:
    ids = model.encode(HELD_OUT[1000 : 1000 + n])
    assert len(ids) == -(-n // 160)
    assert model.decode(ids).shape == (len(ids) * 160,)
    assert model.decode(ids[:0]).shape == (0,)


def test_silence_stays_nearly_silent_and_clipping_within_full_scale(model: Any) -> None:
    silent = model.decode(model.encode(np.zeros(4000, np.float32)))
    loud = model.decode(model.encode(HELD_OUT))
    assert np.abs(silent).max() < 0.1 * np.abs(loud).max()
    clipped = np.clip(20 * HELD_OUT, -1, 1)
    decoded = model.decode(model.encode(clipped))
    assert np.isfinite(decoded).all() and np.abs(decoded).max() <= 1


def test_a_louder_signal_is_decoded_louder(model: Any) -> None:
    soft, loud = (model.decode(model.encode(gain * HELD_OUT)) for gain in (0.4, 1.0))
    assert np.square(loud).mean() > 2 * np.square(soft).mean()


def test_a_signal_comes_back_from_its_spectra() -> None:
    model = DMCodec(replace(CONFIG, phase_steps=32))
    wanted = roots(model, HELD_OUT)
    given = model.spectra.synthesise(wanted).numpy()
    assert float((roots(model, given) - wanted).abs().mean()) < 0.1 * float(wanted.mean())


@pytest.mark.slow
def test_each_stream_lowers_the_error_on_what_is_held_out() -> None:
    torch.manual_seed(0)
    config = replace(
        CONFIG, n_codes=8, width=16, hidden=48, layers=1,
        recipe=replace(CONFIG.recipe, plain_steps=150, start_frames=2000, batch=8, segment=24),
    )  # fmt: skip
    model = DMCodec(config)
    data = recordings(40, 2.0)
    train(model, data, TrainingOptions(steps=700, learning_rate=5e-3, evaluations=0))
    errors = {1: 0.0, 2: 0.0, 3: 0.0, 4: 0.0}
    with torch.no_grad():
        for each in data.validation:
            wanted = roots(model, each.samples)
            ids = model.quantizer.encode(model.encoder(wanted[None]))
            for depth in errors:
                given = model.decoder(model.quantizer.decode(ids[..., :depth]))[0]
                errors[depth] += float((given - wanted).square().mean())
    found = list(errors.values())
    assert all(later < before for before, later in pairwise(found)), found
    assert found[1] < 0.95 * found[0] and found[3] < 0.9 * found[0], found


def same_state(one: Any, two: Any) -> bool:
    other = two.state_dict()
    return all(torch.equal(each, other[name]) for name, each in one.state_dict().items())


def test_save_and_load_give_the_same_ids_and_signals(model: Any, tmp_path: Path) -> None:
    model.save(tmp_path)
    for loaded in (tokkit.load_tokenizer(tmp_path), DMCodec.load(tmp_path)):
        assert isinstance(loaded, DMCodec) and loaded.config == CONFIG
        assert same_state(loaded, model) and loaded.fingerprint == model.fingerprint
        ids = loaded.encode(HELD_OUT)
        assert np.array_equal(ids, model.encode(HELD_OUT))
        assert np.array_equal(loaded.decode(ids), model.decode(ids))
    half = DMCodec.load(tmp_path, dtype="bfloat16")
    assert half.decode(half.encode(HELD_OUT)).dtype == np.float32
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(FormatError):
        tokkit.load_tokenizer(tmp_path)


@pytest.mark.parametrize("stop", [5, 30])
@pytest.mark.usefixtures("sigint_raises")
def test_an_interrupted_training_goes_on_to_the_same_model(stop: int, tmp_path: Path) -> None:
    def interrupt(what: str, step: int, of: int) -> None:
        if step == stop:
            signals.raise_signal(signals.SIGINT)

    torch.manual_seed(0)
    options = TrainingOptions(steps=40, learning_rate=5e-3, evaluations=2)
    with pytest.raises(KeyboardInterrupt):
        train(DMCodec(CONFIG), DATA, options, folder=tmp_path, progress=interrupt)
    resumed, result = trained(folder=tmp_path)
    assert result.resumed_at == stop and same_state(resumed, trained()[0])
    with pytest.raises(ModelError, match="other recordings than those given"):
        trained(recordings(3), folder=tmp_path)


def test_curves_are_about_what_is_held_out() -> None:
    figures = trained()[1].records[-1].evaluation
    assert figures.keys() == {"error_1", "error_2", "error_4", "perplexity"}
    assert 1 < figures["perplexity"] <= 16
    alone = Recordings(DATA.train)
    assert not any(record.evaluation for record in trained(alone)[1].records)


def taught(seed: int) -> Recordings:
    """Teachers that know how loud a frame is, and in half of the frames in which band."""
    made: list[Recording] = []
    for each in DATA.train:
        frames = np.pad(each.samples, (0, -len(each.samples) % 160)).reshape(-1, 160)
        loud = np.sqrt(np.square(frames).mean(1, keepdims=True) + 1e-4)
        noise = np.random.default_rng(seed).standard_normal((len(loud), 2)) * 0.01
        language = np.concatenate([loud, -loud], 1) + noise
        language[::2] = np.nan
        made.append(replace(each, speech=np.log(loud).astype(np.float32), language=language))
    return Recordings(made, DATA.validation)


def test_the_first_code_learns_what_its_teachers_know() -> None:
    recipe = replace(CONFIG.recipe, speech=1.0, language=1.0)
    alone, told = (
        trained(taught(0), steps=80, speech_width=1, language_width=2, recipe=each)[0]
        for each in (replace(recipe, speech=0.0, language=0.0), recipe)
    )
    target = torch.from_numpy(taught(0).train[0].speech)
    target = (target - target.mean()) / target.std()
    losses: list[float] = []
    for codec in (alone, told):
        ids = torch.from_numpy(codec.encode(DATA.train[0].samples, budget=1))
        with torch.no_grad():
            found = codec.teachers["speech"](codec.quantizer.decode(ids))
        known = torch.ones(1, len(target), dtype=torch.bool)
        losses.append(float(distillation_loss(found[None], target[None], known)))
    assert losses[1] < 0.7 * losses[0]


def test_a_recording_shorter_than_a_segment_is_learned_from() -> None:
    short = Recording(
        HELD_OUT[:700], RATE, speech=np.random.default_rng(0).random((5, 2), np.float32)
    )
    _, result = trained(Recordings([short]), steps=22, speech_width=2)
    assert result.step == 22


def test_the_distillation_is_zero_exactly_at_the_teacher() -> None:
    teacher = torch.randn(3, 20, 5, generator=torch.Generator().manual_seed(0))
    known = torch.ones(3, 20, dtype=torch.bool)
    known[0, :7] = False
    known[2] = False
    holes = torch.where(known[..., None], teacher, torch.nan)
    found = torch.where(known[..., None], teacher, 7.0)
    assert float(distillation_loss(found, holes, known)) == pytest.approx(0, abs=1e-6)
    assert float(distillation_loss(2 * found, holes, known)) == pytest.approx(0, abs=1e-6)
    other = (found + 0.3 * torch.randn_like(found)).requires_grad_()
    loss = distillation_loss(other, holes, known)
    loss.backward()
    assert float(loss.detach()) > 0.001 and bool(torch.isfinite(other.grad).all())
    assert not bool(other.grad[~known].any()) and bool(other.grad[known].any())
    nobody = distillation_loss(other, holes, torch.zeros_like(known))
    assert float(nobody.detach()) == 0


def test_depths_are_drawn_from_all_that_there_are() -> None:
    torch.manual_seed(0)
    counts = torch.bincount(drawn_depths(4000, 8, 1.0), minlength=9)
    assert counts[0] == 0 and bool((counts[1:] > 100).all()) and counts[1] > 2 * counts[4]
    assert drawn_depths(50, 8, 0.0).tolist() == [8] * 50


def test_one_stream_has_no_prefix(tmp_path: Path) -> None:
    torch.manual_seed(0)
    model = DMCodec(replace(CONFIG, depth=1))
    ids = model.encode(HELD_OUT)
    assert ids.shape == (52,) and model.prefix_axis == "none" and model.vocab_size == 16
    assert model.soft_assign(HELD_OUT).shape == (52, 16)
    assert model.decode(ids).shape == (52 * 160,)
    with pytest.raises(ArgumentError, match="budget"):
        model.encode(HELD_OUT, budget=1)


@pytest.mark.parametrize("rate", [8000, 16_000, 24_000])
def test_a_frame_is_20_ms_at_any_sample_rate(rate: int) -> None:
    model = DMCodec(replace(CONFIG, sample_rate=rate))
    assert model.encode(np.zeros(rate, np.float32)).shape == (50, 4)
    assert len(model.decode(np.zeros((50, 4), int))) == rate


@pytest.mark.parametrize(
    ("x", "message"),
    [
        (np.zeros(0, np.float32), "without a sample"),
        (np.zeros((100, 2), np.float32), "several channels"),
        (np.zeros(100, np.int16), "32768"),
        (np.full(100, np.nan, np.float32), "not finite"),
        (np.full(100, 1e300), "not finite"),
        (np.full(100, 3e4, np.float32), "full scale is 1"),
        (np.array(["a"]), "float type"),
        (np.zeros(10, complex), "float type"),
    ],
)
def test_a_bad_signal_is_one_clear_error(model: Any, x: Any, message: str) -> None:
    for ask in (model.encode, model.soft_assign):
        with pytest.raises(ArgumentError, match=message):
            ask(x)
    with pytest.raises(ArgumentError, match=message):
        Recording(x, RATE)


def test_what_does_not_apply_is_refused(model: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ArgumentError, match="context"):
        model.encode(HELD_OUT, context=1)
    with pytest.raises(ArgumentError, match="seed"):
        model.decode([[1]], seed=0)
    with pytest.raises(ArgumentError, match="budget"):
        model.encode(HELD_OUT, budget=0)
    with pytest.raises(EncodingError, match="0 to 15"):
        model.decode([[1, 16]])
    with pytest.raises(EncodingError, match="absent"):
        model.decode([[1, -1, 3], [1, 2, 3]])
    with pytest.raises(ArgumentError, match="1 to 4"):
        model.decode(np.zeros((3, 5), int))
    options = TrainingOptions(steps=1)
    with pytest.raises(ArgumentError, match="learns from"):
        train(model, b"text", options)
    with pytest.raises(ArgumentError, match="16,000 samples a second"):
        train(model, Recordings([Recording(HELD_OUT, 16_000)]), options)
    with pytest.raises(ArgumentError, match="20 steps would teach the codes"):
        train(model, DATA, replace(options, steps=20))
    with pytest.raises(ArgumentError, match="speech_width is 0"):
        train(model, taught(0), options)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(tokkit.TokkitError, match="one process"):
        train(model, DATA, options)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"sample_rate": 11_025}, "multiple of 50"),
        ({"speech": np.zeros((51, 3), np.float32)}, r"\(52, width\)"),
        ({"language": np.zeros((52, 3), int)}, "float type"),
        ({"speech": np.diag(np.full(52, np.nan))}, "all of its row"),
    ],
)
def test_senseless_recordings_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        replace(Recording(HELD_OUT, RATE), **change)
    with pytest.raises(ArgumentError, match="no recording"):
        Recordings([])
    with pytest.raises(ArgumentError, match="list of recordings"):
        Recordings(HELD_OUT)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    "change",
    [
        {"sample_rate": 44_100}, {"n_codes": 0}, {"depth": 0}, {"kernel": 4}, {"recipe": None},
        {"temperature": 0.0}, {"speech_width": -1},
    ],
)  # fmt: skip
def test_senseless_configurations_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError):
        DMCodecConfig(**change)
    with pytest.raises(ArgumentError):
        DMCodecRecipe(drop=1.5)


@pytest.mark.parametrize(
    ("samples", "message"),
    [(np.zeros(RATE, np.float32), "are silent"), (HELD_OUT[:1], "1 frames of 20 ms")],
)
def test_what_teaches_nothing_is_refused(samples: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        trained(Recordings([Recording(samples, RATE)]), steps=22)
