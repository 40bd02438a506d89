"""Models declare their outputs, whatever those are called."""

from __future__ import annotations

import pytest
from torch import nn

from tests.models.toy_models import TOYS, Toy
from tokkit.models.blocks.output_layer import OutputLayer, output_weights


@pytest.mark.parametrize("toy", TOYS, ids=lambda toy: toy.name)
def test_the_layer_that_gives_logits_is_the_output_of_each_text_model(toy: Toy) -> None:
    model = toy.build()
    linear = [each.weight for each in model.modules() if isinstance(each, nn.Linear)]
    of_logits = [weight for weight in linear if len(weight) >= 257]  # no other is as large here
    assert [id(weight) for weight in output_weights(model)] == list(map(id, of_logits))
    assert len(of_logits) == 1


def test_a_layer_between_hidden_states_is_no_output() -> None:
    network = nn.ModuleDict({"head": nn.Linear(2, 2), "classes": nn.Embedding(2, 2)})
    assert output_weights(network) == []
    network["lead"] = OutputLayer(2, 3)
    assert [id(weight) for weight in output_weights(network)] == [id(network["lead"].weight)]
