"""The bytes of a tree are those of `tokkit.bytelm`, and their gradients those of differences."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("transformers")
import tokkit
from tests.hypernets.plain_models.toy_models import toy_model, toy_tokenizer
from tests.text.format_samples import CORPUS
from tokkit.hypernets.distillation.byte_distillation import _tree_states
from tokkit.hypernets.distillation.byte_tree import byte_logprobs, tree_of
from tokkit.hypernets.distillation.classroom import Classroom
from tokkit.hypernets.frozen_body import FrozenBody

TEXTS = ["if x:\n a # é", pytest.param(CORPUS[0][:40], marks=pytest.mark.slow)]


@pytest.mark.parametrize("text", TEXTS)
def test_a_tree_gives_the_bytes_of_the_byte_model(text: str) -> None:
    fast = toy_tokenizer(340)
    model = toy_model("llama", 340)
    data = text.encode()
    lm: Any = tokkit.load_lm((model, fast))
    wanted = lm.open().score(data)[:-1]
    room = Classroom(FrozenBody(model), None, tuple(lm.token_lm.bos_ids))  # pyright: ignore[reportArgumentType]
    vocabulary = lm._vocabulary
    places = [*range(0, len(data), 2)]
    tree = tree_of(vocabulary, data, places)
    ids = torch.from_numpy(tree.tokens[1:])
    states = _tree_states(room, room.body.old_inputs(ids[None])[0], tree.above, tree.depths)
    logits = model.get_output_embeddings()(states)
    found = byte_logprobs(vocabulary, tree, logits, len(places)).detach().numpy()
    np.testing.assert_allclose(np.exp(found), np.exp(wanted[places]), atol=2e-6)


def test_gradients_are_those_of_differences() -> None:
    fast = toy_tokenizer(340)
    lm: Any = tokkit.load_lm((toy_model("llama", 340), fast))
    data = b"def f(x):\n    return x"
    tree = tree_of(lm._vocabulary, data, [3, 9, 17])
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn((len(tree.tokens), 340), generator=generator, dtype=torch.float64)
    weights = torch.rand((3, 257), generator=generator, dtype=torch.float64)

    def total(shift: Any) -> Any:
        made = byte_logprobs(lm._vocabulary, tree, logits + shift, 3)
        return (made.clamp_min(-20) * weights).sum()

    shift = torch.zeros_like(logits, requires_grad=True)
    total(shift).backward()
    direction = torch.randn(logits.shape, generator=generator, dtype=torch.float64)
    step = 1e-5 * direction
    slope = (total(step) - total(-step)) / 2e-5
    assert float(slope) == pytest.approx(float((shift.grad * direction).sum()), rel=1e-5)
