"""Every parameter of every public entry refuses what is of another type, as a `TokkitError`.

Which values are wrong is judged here, from the annotation alone. A value that fits its annotation
may be taken or refused, and is never answered with an error that is none of ours.
"""

from __future__ import annotations

import inspect
import types
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal, TypeVar, cast

import pytest

pytest.importorskip("tokenizers")
import tokkit
from tests.bytelm.completion.fim_toys import all_bytes_with, with_format
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.errors import TokkitError
from tokkit.mixture.inference import CountingOptions
from tokkit.mixture.samples.shard_text import ReadOptions

TEXT = "def area(r):\n    return r * r\n"
FIM = FIM_FORMATS["starcoder"]
VALUES = (
    5,
    -1,
    1.5,
    None,
    "x",
    "a\0b",
    "\ud800",
    b"\xff",
    [],
    ["a"],
    [None],
    {},
    {"a": 1},
    object(),
)
ELSEWHERE = {
    *(
        "AuditReport",
        "ComparisonReport",
        "MergedBatch",
        "MixtureResult",
        "ScoreReport",
        "TokkitError",
    ),
    *("NgramLM", "TransformersLM", "load_lm", "transfer", "TransferReport", "TransferResult"),
}
"""Results; what a method makes; and what needs torch, which is tested beside its other options."""
DEAR = {"audit_tokenizer", "compare_tokenizers", "infer_mixture"}
"""Take seconds."""
PREFIX = "TextTokenizer.truncate"
"""Refuses every budget: a text has no shorter code. Nor has it a context."""
TOGETHER = {"evaluate_with", "push_with", "score_with"}
INTERNAL = TOGETHER | {"tallies", "at", "foresee", "take_foreseen", "sharing"}
"""What states are asked by the library itself, for speed."""


def fits(value: object, hint: Any) -> bool:
    """Whether `value` is of the type that an annotation says."""
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any or isinstance(hint, TypeVar) or getattr(hint, "_is_protocol", False):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, each) for each in inside)
    if origin is Literal:
        return isinstance(value, str) and value in inside
    if hint is None:
        return value is None
    if hint in (int, float):
        return isinstance(value, int | hint)
    if not isinstance(value, origin or hint):
        return False
    if origin is not None and issubclass(origin, Mapping):
        items = cast(Mapping[Any, Any], value).items()
        return all(fits(k, inside[0]) and fits(v, inside[1]) for k, v in items)
    if origin is not None and issubclass(origin, Iterable):
        if isinstance(value, str):  # would be taken apart
            return False
        return all(fits(each, inside[0]) for each in cast(Iterable[Any], value))
    return True


@cache
def toys() -> dict[str, Any]:
    """What the entries are called with, and on, by the name of the parameter."""
    tokenizer = tokkit.TextTokenizer(with_format(all_bytes_with(b"ar", b"re"), FIM))
    ngram = tokkit.NgramLM.train([TEXT], tokenizer)
    lm = tokkit.ByteLM(ngram)
    folder = Path(mkdtemp())
    tokenizer.save(folder)
    (folder / "text").write_text(TEXT)
    right: dict[str, Any] = {
        "tokenizer": tokenizer, "spec": tokenizer.spec, "token_lm": ngram, "lm": lm,
        "members": [lm], "state": lm.open("def"), "max_bytes": 2, "token": 1, "contexts": [[1]],
        "name": "x", "template": FIM.template, "ends": FIM.ends, "path": "a.py",
        "corpora": {"a": [TEXT], "b": ["re" + TEXT]},
        "options": tokkit.AuditOptions(reference=False),
        "sequences": ["def def"], "models": lm, "request": Request("def", max_bytes=2),
        "every": tokkit.ByteLM(ngram, encodings="all"), "tokenizers": [tokenizer],
        "messages": [{"role": "user", "content": "def"}],
        "chat": tokkit.Chat([{"role": "user", "content": "d"}], template="{{ messages[0].role }}"),
        "x": "def", "budget": 1, "tolerance": 0.5,
        "text_file": folder / "text", "into": folder / "ids.npy",
    }  # fmt: skip
    right |= dict.fromkeys(("data", "prefix", "prompt"), "def")
    right |= dict.fromkeys(("source", "folder"), folder)
    right |= dict.fromkeys(("suffix", "middle", "text"), "r")
    right |= {name: ["def"] for name in ("prefixes", "prompts", "texts")}
    return right | {name: [1] for name in ("ids", "context", "end_ids")}


def on(value: object, owner: str) -> dict[str, Callable[..., Any]]:
    """The public methods of an object."""
    methods = inspect.getmembers(value, inspect.ismethod)
    return {f"{owner}.{n}": m for n, m in methods if not n.startswith("_") and n not in INTERNAL}


@cache
def entries() -> dict[str, Callable[..., Any]]:
    """Every public function, class and method."""
    toy = toys()
    names = [name for name in tokkit.__all__ if not name.startswith("_") and name not in ELSEWHERE]
    found: dict[str, Callable[..., Any]] = {name: getattr(tokkit, name) for name in names}
    found |= on(toy["tokenizer"], "TextTokenizer") | on(toy["token_lm"], "NgramLM")
    found |= on(tokkit.Infilling(toy["lm"], "def", "r"), "Infilling") | on(FIM, "FimFormat")
    models = {"ByteLM": toy["lm"], "ByteLM of all": toy["every"]}
    models |= {"ByteEnsemble": tokkit.ByteEnsemble([toy["lm"], toy["every"]])}
    for name, model in models.items():
        found |= on(model, name) | on(model.open("def"), f"state of {name}")
    return found | {"CountingOptions": CountingOptions, "ReadOptions": ReadOptions}


def arguments(name: str) -> dict[str, Any]:
    """Those that an entry needs, and that are right."""
    needed = set(inspect.signature(entries()[name]).parameters)
    if name in ("Infilling", "infill", "audit_tokenizer", "RepositoryFiles", "EditorSession"):
        needed -= {"context", "name", "budget"}
    if name == "AuditOptions":
        return {}
    if name.endswith("chat") or name == "Batch":
        needed -= {"options"}
    if name == "compare_tokenizers":  # its other arguments are as good when left out
        needed = {"tokenizers", "data"}
    if name.startswith("TextTokenizer."):
        needed -= {"context"} | ({"budget"} if name != PREFIX else set())
    given = {key: toys()[key] for key in needed & toys().keys()}
    if name == "TextTokenizer.decode_many":
        given["ids"] = [[1]]
    if name == "TextTokenizer.encode_file":
        given["path"] = toys()["text_file"]
    if "prompt" in given or "request" in given:
        given.pop("state", None)
    return given


def parameters(function: Callable[..., Any]) -> dict[str, Any]:
    """Name -> annotation, those of keywords that are passed through included."""
    hints = typing.get_type_hints(function.__init__ if inspect.isclass(function) else function)
    hints.pop("return", None)
    if hints.pop("sampling", None) is not None:
        hints |= typing.get_type_hints(SamplingOptions)
    return hints


def complaints(
    function: Callable[..., Any], right: dict[str, Any], key: str, hint: Any, *, dear: bool = False
) -> list[str]:
    """What happens to values that should not happen; where calls are dear, to wrong ones alone."""
    found: list[str] = []
    for value in VALUES:
        if dear and fits(value, hint):
            continue
        try:
            result = function(**right | {key: value})
            if isinstance(result, Iterator):
                list(result)
        except TokkitError:
            continue
        except BaseException as error:
            found.append(f"{value!r:.20}: {type(error).__name__}: {error}"[:200])
        else:
            if not fits(value, hint):
                found.append(f"{value!r:.20} is taken")
    return found


CASES = [(name, key) for name, function in entries().items() for key in parameters(function)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "key"), CASES)
def test_a_wrong_type_is_refused_by_name(
    name: str, key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    function = entries()[name]
    hint = parameters(function)[key]
    assert not complaints(function, arguments(name), key, hint, dear=name in DEAR)


@pytest.mark.parametrize("name", entries())
def test_the_right_arguments_are_taken(name: str) -> None:
    if name not in DEAR | {PREFIX, "ByteLM.to", "ByteLM of all.to"}:
        entries()[name](**arguments(name))
