"""Learned tokenizers and models refuse what is of another type, as all public entries do."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
pytest.importorskip("tokenizers")
from tests.models.dm_codec.toy_speech import CONFIG as SPEECH
from tests.models.dm_codec.toy_speech import signal
from tests.models.flextok.toys import CONFIG as PICTURES
from tests.models.flextok.toys import blocks
from tests.models.toy_models import STACK
from tests.test_wrong_types import complaints, parameters
from tokkit.bytelm.drawing.request import Request
from tokkit.errors import TokkitError
from tokkit.models import ByteConfig, ByteTransformer, DMCodec, FlexTok, VQGraph, VQGraphConfig
from tokkit.models.flextok.generator import GeneratorConfig, PictureGenerator

_OF_TORCH = set(dir(torch.nn.Module))
_INTERNAL = {
    # What a model tells its own parts, in tensors.
    *("forward", "analysed", "bounded", "coded", "framed", "start_codes", "student_loss", "build"),
    *("begin", "extend", "read_through", "glance", "nats", "training_nats", "save_parts", "fresh"),
    "may_have_opened",
}
RAGGED = [[1], [1, 2]]
EDGES = np.array([[0, 1], [1, 2]])


@cache
def models() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each with right arguments, by the name of the parameter."""
    torch.manual_seed(0)
    graph = VQGraph(VQGraphConfig(n_features=3, n_classes=2, n_codes=4, width=8, hidden=8))
    generator = PictureGenerator(GeneratorConfig(3, n_tokens=2, vocab_size=8, stack=STACK))
    codec = DMCodec(SPEECH)
    return {
        "FlexTok": (
            FlexTok(PICTURES),
            {"x": blocks(1)[0], "ids": [1, 2], "n_units": 1, "classes": [1], "seeds": [1]},
        ),
        "VQGraph": (graph, {"x": np.eye(3, dtype=np.float32), "context": EDGES, "ids": [1, 2, 0]}),
        "DMCodec": (codec, {"x": signal(0, 0.1), "ids": [[1, 2, 0, 1]]}),
        "PictureGenerator": (generator, {"classes": [1], "seeds": [1]}),
        "ByteTransformer": (
            ByteTransformer(ByteConfig(STACK)),
            {
                "prompt": "def",
                "prompts": ["def"],
                "data": "def",
                "prefix": "d",
                "max_bytes": 2,
                "request": Request("def", max_bytes=2),
            },
        ),
    }


def entries() -> dict[str, Callable[..., Any]]:
    """The public methods of all of them."""
    found: dict[str, Callable[..., Any]] = {}
    for name, (model, _) in models().items():
        for key in sorted(set(dir(type(model))) - _OF_TORCH - _INTERNAL):
            method = inspect.getattr_static(model, key)
            if not key.startswith("_") and isinstance(method, types.FunctionType | classmethod):
                found[f"{name}.{key}"] = getattr(model, key)
    return found


def arguments(name: str, folder: Path) -> dict[str, Any]:
    """Those that an entry needs, and that are right."""
    owner, _, method = name.partition(".")
    model, right = models()[owner]
    known = {**right, "folder": folder, "budget": 1, "seed": 0, "data": right.get("data", 5)}
    if method.endswith("_many"):
        known |= {"x": right["x"][None], "ids": [right["ids"]]}
    signature = inspect.signature(entries()[name]).parameters
    needed = {key for key, each in signature.items() if each.default is inspect.Parameter.empty}
    needed |= {"context"} & set(signature) if "context" in right else set()
    model.save(folder)
    return {key: known[key] for key in signature if key in needed and key in known}


def by_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function whose arguments may all be given by name."""
    places = [
        key
        for key, each in inspect.signature(function).parameters.items()
        if each.kind is inspect.Parameter.POSITIONAL_ONLY
    ]
    return lambda **given: function(*[given.pop(key) for key in places], **given)


CASES = [
    (name, key) for name, method in entries().items() for key in parameters(method) if key != "self"
]


@pytest.mark.parametrize(("name", "key"), CASES)
def test_a_wrong_type_is_refused_by_name(
    name: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    method = entries()[name]
    right, hint = arguments(name, tmp_path / "model"), parameters(method)[key]
    assert not complaints(by_name(method), right, key, hint)
    with suppress(TokkitError):
        by_name(method)(**right | {key: RAGGED})
