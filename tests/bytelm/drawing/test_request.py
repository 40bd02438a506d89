"""One request stands behind every entry that draws: the same options, checked in one way."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import tokkit
from tokkit.arguments import MAX_BYTES
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import Sampling
from tokkit.bytelm.drawing.speculation.options import SpeculationOptions
from tokkit.errors import ArgumentError

FIELDS = {field.name: field for field in dataclasses.fields(Request)}
OWN = FIELDS.keys() - {field.name for field in dataclasses.fields(Sampling)} - {"prompt", "suffix"}
ENTRIES: dict[str, tuple[Callable[..., Any], set[str]]] = {
    "stream": (ByteModel.stream, set()),
    "generate": (ByteModel.generate, set()),
    "generate_batch": (ByteModel.generate_batch, set()),
    "complete": (tokkit.complete, set()),
    "stream_completion": (tokkit.stream_completion, set()),
    "infill": (tokkit.infill, {"pattern"}),
    "Infilling.stream": (tokkit.Infilling.stream, {"pattern"}),
    "beam_search": (tokkit.beam_search, {"seed", "speculate", "draft"}),
}


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_entry_takes_the_fields_of_a_request_with_their_defaults(entry: str) -> None:
    function, lacking = ENTRIES[entry]
    parameters = inspect.signature(function).parameters
    assert OWN - parameters.keys() == lacking
    for name in parameters.keys() & FIELDS.keys() - {"prompt", "suffix"}:
        default = FIELDS[name].default
        missing = inspect.Parameter.empty if default is dataclasses.MISSING else default
        assert parameters[name].default == missing
        assert parameters[name].kind is inspect.Parameter.KEYWORD_ONLY


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"prompt": 3}, "expected bytes or str"),
        ({"max_bytes": -1}, "max_bytes"),
        ({"max_bytes": MAX_BYTES + 1}, "max_bytes"),
        ({"max_bytes": 1.5}, "max_bytes"),
        ({"seed": -1}, "seed"),
        ({"seed": "7"}, "seed"),
        ({"stop": [""]}, "stop string is empty"),
        ({"stop": None}, "stop must be"),
        ({"stop": [3]}, "expected bytes or str"),
        ({"stop": b"\xa9", "valid_utf8": True}, "inside a character"),
        ({"temperature": -1}, "temperature"),
    ],
    ids=str,
)
def test_construction_refuses_what_is_out_of_range(options: dict[str, Any], told: str) -> None:
    fine: dict[str, Any] = {"prompt": "a", "max_bytes": 1}
    with pytest.raises(ArgumentError, match=told):
        Request(**{**fine, **options})


def test_text_and_stop_strings_are_bytes_however_they_are_given() -> None:
    once: Any = (text for text in ("a", b"\xa9"))
    request = Request("é", max_bytes=1, stop=once)
    for same in (request, dataclasses.replace(request, seed=1)):
        assert (same.text, same.stops) == (b"\xc3\xa9", [b"a", b"\xa9"])
    assert Request(b"", max_bytes=1, stop="ab").stops == [b"ab"]


def test_numbers_of_numpy_become_those_of_python() -> None:
    numbers: dict[str, Any] = {"top_k": 5, "repetition_length": 16, "no_repeat_ngram": 3, "seed": 7}
    plain = Request("a", max_bytes=200, temperature=0.5, **numbers)
    small: dict[str, Any] = {name: np.uint8(value) for name, value in numbers.items()}
    make: Any = Request
    request = make("a", max_bytes=np.uint8(200), temperature=np.float16(0.5), **small)
    assert request == plain
    assert all(type(getattr(request, name)) is int for name in ("max_bytes", *numbers))
    assert type(request.temperature) is float
    make = SpeculationOptions
    assert type(make(max_rows=np.uint8(200)).max_rows) is int
