"""A network that is asked is in its evaluation mode throughout, and afterwards as it was."""

from __future__ import annotations

import pytest
import torch

from tokkit.models.blocks.evaluating import evaluating


@pytest.mark.parametrize("trained", [(), ("",), ("1",), ("1.0",), ("", "0", "1.1")])
def test_no_part_is_trained_within_and_each_is_as_before_after(trained: tuple[str, ...]) -> None:
    shared = torch.nn.Dropout()
    network = torch.nn.Sequential(shared, torch.nn.Sequential(torch.nn.Dropout(), shared))
    network.eval()
    for name in trained:
        network.get_submodule(name).training = True
    before = [each.training for each in network.modules()]
    x = torch.ones(64)
    with evaluating(network):
        assert not any(each.training for each in network.modules())
        assert network(x).equal(x)
        assert torch.is_inference_mode_enabled()
    assert [each.training for each in network.modules()] == before


def test_modes_come_back_after_an_error() -> None:
    network = torch.nn.Sequential(torch.nn.Dropout())
    network.training = False
    with pytest.raises(ZeroDivisionError), evaluating(network):
        raise ZeroDivisionError
    assert (network.training, network[0].training) == (False, True)
