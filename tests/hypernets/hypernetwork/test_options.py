"""Options of hypernetworks take values of their types, and save what is read again."""

from __future__ import annotations

import json
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the hf extra")
from tests.models.saving.wrong_values import alike, assert_refuses_wrong_values
from tokkit.errors import ArgumentError
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.hypernets.hypernetwork.options import HypernetOptions
from tokkit.hypernets.hypernetwork.sampling import SamplerOptions

NETWORK = HypernetConfig(width=8, n_source=4, norm_eps=1.0)


@pytest.mark.parametrize(
    "options",
    [HypernetOptions(), SamplerOptions(), NETWORK],
    ids=lambda each: type(each).__name__,
)
def test_values_of_other_types_are_refused(options: Any) -> None:
    assert_refuses_wrong_values(options)
    assert all(each == options for each in alike(options))


def test_what_says_the_same_is_saved_alike() -> None:
    for other in alike(NETWORK):
        told = json.dumps(other.to_dict())
        assert told == json.dumps(NETWORK.to_dict())
        assert HypernetConfig.from_dict(json.loads(told)) == NETWORK
    wrong: Any
    for wrong in ({"rescale": "no"}, {"norm_eps": None}):
        with pytest.raises(ArgumentError):
            HypernetConfig(width=8, n_source=4, **wrong)
