"""Signals to look at: as they were given, and as some of their ids decode; bounded."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
import pytest

from tests.audit.known import assert_figures_known
from tokkit.audit import codebook
from tokkit.audit.codebook.rate_distortion import Point, bd_rate
from tokkit.audit.subject import Subject
from tokkit.report.json_data import json_text, section_data
from tokkit.report.page.tables import section_html
from tokkit.tokenizer import Tokenizer


class Coarse:
    """Pictures of 2 x 2, or recordings, as numbers that later ids make finer."""

    streams, n_units = 1, 4
    needs_context, lossless = False, False

    def __init__(self, modality: str, prefix_axis: str = "sequence") -> None:
        self.modality, self.prefix_axis = modality, prefix_axis
        self.sample_rate = 8000 if modality == "speech" else None
        self.vocab_sizes, self.vocab_size = (256,), 256
        self.seen: list[int] = []

    def encode(self, x: Any, /, *, budget: int | None = None, context: Any = None) -> Any:
        self.seen.append(np.size(x))
        array = np.asarray(x, np.float32)
        scaled = 127 * (array + 1) if self.modality == "speech" else array
        return scaled.reshape(-1)[:4].astype(np.int64)[:budget]

    decode_many: Any = Tokenizer.decode_many

    def truncate(self, ids: Any, budget: int) -> Any:
        return ids[:budget]

    def decode(self, ids: Any, *, seed: int | None = None) -> Any:
        whole = np.zeros(4, np.uint8)
        whole[: len(ids)] = ids
        if self.modality == "speech":
            return (whole / 127 - 1).astype(np.float32)
        return whole.reshape(2, 2, 1)


def section_of(tokenizer: Any, signals: Any, **options: Any) -> Any:
    return codebook.examine(Subject(tokenizer), signals=signals, **options).section


def test_pictures_are_shown_by_one_some_and_all_ids() -> None:
    image: Any = pytest.importorskip("PIL.Image")
    pictures = np.random.default_rng(0).integers(1, 256, (20, 2, 2, 1), dtype=np.uint8)
    section = section_of(Coarse("image"), list(pictures))
    (shown,) = section.exhibits
    assert shown.heads == ("as given", "1 id", "2 ids", "4 ids") and len(shown.rows) == 8
    first, *_, last = (np.asarray(image.open(io.BytesIO(each))) for each in shown.rows[0])
    np.testing.assert_array_equal(first, pictures[0, ..., 0])
    np.testing.assert_array_equal(last, pictures[0, ..., 0])
    assert "data:image/png" in section_html(section)
    assert "exhibits" not in json.loads(json_text(section_data(section)))


def test_large_pictures_and_long_recordings_are_bounded() -> None:
    tokenizer = Coarse("image")
    large = np.ones((1, 1 << 18, 1), np.uint8)
    plain = np.ones((2, 2, 1), np.uint8)
    tokenizer.decode = lambda ids, seed=None: plain  # type: ignore[method-assign]
    assert len(section_of(tokenizer, [plain, large], distortion=lambda a, b: 0.0)
               .exhibits[0].rows) == 1  # fmt: skip
    assert section_of(tokenizer, [large], distortion=lambda a, b: 0.0).exhibits == ()
    speech = Coarse("speech")
    section = section_of(speech, [np.zeros(100_000, np.float32)] * 5, distortion=lambda a, b: 0.0)
    (shown,) = section.exhibits
    assert len(shown.rows) == 3 and shown.media == "audio/wav"
    assert min(speech.seen[-3:]) == 4 * 8000 == max(speech.seen[-3:])


@pytest.mark.parametrize(
    ("prefix_axis", "heads"), [("sequence", ("1 id", "2 ids", "4 ids")), ("none", ("4 ids",))]
)
@pytest.mark.parametrize("modality", ["image", "speech"])
def test_heads_say_how_many_ids_are_decoded(
    modality: str, prefix_axis: str, heads: tuple[str, ...]
) -> None:
    signal = np.ones(4, np.float32) if modality == "speech" else np.ones((2, 2, 1), np.uint8)
    (shown,) = section_of(Coarse(modality, prefix_axis), [signal] * 3).exhibits
    assert shown.heads == ("as given", *heads)


def curve(*points: tuple[float, float]) -> list[Point]:
    return [Point(k, bits, distortion) for k, (bits, distortion) in enumerate(points, 1)]


CURVE = curve((10, 0.9), (20, 0.5), (40, 0.2), (80, 0.05))


def test_twice_the_bits_are_a_bd_rate_of_one_hundred_percent() -> None:
    twice = [Point(each.ids, 2 * each.bits, each.distortion) for each in CURVE]
    assert bd_rate(twice, CURVE) == pytest.approx(100)
    assert bd_rate(CURVE, twice) == pytest.approx(-50)
    assert bd_rate(CURVE, CURVE) == pytest.approx(0)


def test_a_bd_rate_is_that_of_the_distortions_in_common() -> None:
    parallel = curve((30, 0.7), (45, 0.35), (90, 0.12))
    forth, back = bd_rate(parallel, CURVE), bd_rate(CURVE, parallel)
    assert forth is not None and back is not None
    assert (1 + forth / 100) * (1 + back / 100) == pytest.approx(1)
    assert bd_rate(CURVE, curve((1, 0.01), (2, 0.001))) is None
    assert bd_rate(CURVE, CURVE[:1]) is None
    assert bd_rate(CURVE, curve((10, 0.5), (20, 0.6))) is None


def test_another_tokenizer_is_measured_beside() -> None:
    signals = list(np.random.default_rng(0).integers(1, 256, (9, 2, 2, 1), dtype=np.uint8))
    section = section_of(Coarse("image"), signals, against=Coarse("image"))
    assert_figures_known([section])
    facts = {fact.key: fact for fact in section.facts}
    assert facts["bd_rate_percent"].value == 0
    assert [table.key for table in section.tables][-1] == "rate_distortion_of_other"
