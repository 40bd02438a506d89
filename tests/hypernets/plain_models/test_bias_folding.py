"""A folded bias gives the logits of rows and bias, as far as one direction can."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokkit.errors import ArgumentError
from tokkit.hypernets.plain_models.bias_folding import fold_bias

RNG = np.random.default_rng(0)
ROWS = RNG.normal(size=(7, 5)).astype(np.float32)
BIAS = RNG.normal(size=7).astype(np.float32)


def test_states_on_a_plane_lose_nothing() -> None:
    hidden = RNG.normal(size=(400, 5))
    hidden[:, 2] = 3.0  # h . (e_2 / 3) is 1 for all of them
    folded = fold_bias(ROWS, BIAS, hidden, ridge=1e-9)
    assert folded.mean == pytest.approx(1, abs=1e-4)
    assert folded.deviation == pytest.approx(0, abs=1e-4)
    np.testing.assert_allclose(hidden @ folded.rows.T, hidden @ ROWS.T + BIAS, atol=1e-3)


def test_how_near_it_comes_is_told_of_states_that_it_was_not_fitted_to() -> None:
    hidden = RNG.normal(size=(100, 5)) + 4.0
    folded = fold_bias(ROWS, BIAS, hidden)
    order = np.random.default_rng(0).permutation(100)[:20]
    found = hidden[order] @ folded.direction
    assert folded.n_held_out == 20
    assert folded.mean == pytest.approx(float(found.mean()))
    assert folded.deviation == pytest.approx(float(found.std()))
    assert 0 < folded.deviation < 0.5


def test_a_llama_with_a_folded_bias_has_its_logits(tmp_path: Path) -> None:
    """Near enough for hidden states that share a large mean, and the same when loaded again."""
    torch = pytest.importorskip("torch")
    from tests.hypernets.plain_models.toy_models import logits, toy_model, toy_tokenizer
    from tokkit.hypernets.head import captured_states
    from tokkit.hypernets.plain_models.replacing import keeps_bias, replace_vocabulary
    from tokkit.hypernets.plain_models.source_models import load_source
    from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_rows
    from tokkit.hypernets.tokenizer_export.exporting import export_tokenizer

    target = export_tokenizer(toy_tokenizer())
    n = target.text.vocab_size
    source = load_source(toy_model("llama", n, hidden_size=32), tokenizer=target.text)
    assert not keeps_bias(source.model)
    batch = torch.randint(0, n, (8, 40), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode(), captured_states(source.model) as captured:
        source.model(batch)
    hidden = captured[0].flatten(0, 1).numpy()
    assert hidden.shape == (320, 32)
    rows = output_rows(source.model)
    np.testing.assert_allclose(
        hidden[:40] @ rows.T, logits(source.model, batch[0].tolist()), atol=1e-4
    )
    bias = RNG.normal(size=n).astype(np.float32)
    folded = fold_bias(rows, bias, hidden)
    made = replace_vocabulary(source, target, input_rows(source.model), output_rows=folded.rows)
    ids = batch[1].tolist()
    off = np.abs(logits(made.model, ids).numpy() - logits(source.model, ids).numpy() - bias)
    at_most = np.abs(hidden[40:80] @ folded.direction - 1).max() * np.abs(bias).max()
    assert off.max() <= at_most + 1e-3
    made.model.save_pretrained(tmp_path)
    again = type(made.model).from_pretrained(tmp_path)
    torch.testing.assert_close(logits(again, ids), logits(made.model, ids))


@pytest.mark.parametrize(
    ("changed", "match"),
    [
        ({"bias": BIAS[:-1]}, "bias"),
        ({"hidden": np.ones((400, 4))}, "width"),
        ({"hidden": np.ones((3, 5))}, "at least"),
        ({"hidden": np.full((400, 5), np.nan)}, "finite"),
        ({"ridge": -1.0}, "ridge"),
    ],
)
def test_what_does_not_fit_is_refused(changed: dict[str, Any], match: str) -> None:
    given: dict[str, Any] = {"rows": ROWS, "bias": BIAS, "hidden": np.ones((400, 5))} | changed
    with pytest.raises(ArgumentError, match=match):
        fold_bias(**given)
