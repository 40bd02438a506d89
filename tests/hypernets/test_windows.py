"""Windows that are longer than a model's positions are read in parts that begin afresh."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
from tests.hypernets.plain_models.toy_models import toy_model
from tokkit.errors import UnsupportedError
from tokkit.hypernets.windows import n_positions, read, within_positions

WINDOW = np.random.default_rng(0).integers(2, 280, 150).tolist()


def test_a_long_window_is_read_as_its_parts_are() -> None:
    model = toy_model("gpt2", 280)
    parts = [WINDOW[first : first + 63] for first in range(0, 150, 63)]
    whole = read(model, [WINDOW], starts=(0,), keep_states=True)
    apart = read(model, parts, starts=(0,), keep_states=True)
    assert whole.pieces.tolist() == WINDOW
    np.testing.assert_allclose(whole.logprobs, apart.logprobs, rtol=1e-5)
    assert whole.states is not None
    assert apart.states is not None
    np.testing.assert_allclose(whole.states, apart.states, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("kind", "limit"), [("gpt2", 64), ("roberta", 62), ("mamba", None)])
def test_positions_are_those_that_a_text_can_have(kind: str, limit: int | None) -> None:
    assert n_positions(toy_model(kind, 280)) == limit


def test_parts_are_as_long_as_fits_and_lose_nothing() -> None:
    model = toy_model("gpt2", 280)
    lengths = np.random.default_rng(1).integers(0, 30, 40).tolist()
    parts = list(within_positions(model, range(40), lambda p: [9] * lengths[p], n_around=4))
    assert [piece for part in parts for piece in part] == list(range(40))
    sizes = [sum(lengths[piece] for piece in part) for part in parts]
    assert max(sizes) <= 60
    for size, following in zip(sizes, parts[1:], strict=False):
        assert size + lengths[following[0]] > 60
    with pytest.raises(UnsupportedError, match="61 old ones"):
        list(within_positions(model, [0], lambda _: [9] * 61, n_around=4))
