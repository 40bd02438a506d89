"""What the published schema permits, and what it does not, does the server no harm."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from tests.serve.running_server import Client, plain_lm, running, toy_lm
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.serve.dialects import DIALECTS
from tokkit.serve.options import ServeOptions
from tokkit.serve.schema.bodies import BODIES
from tokkit.serve.schema.document import describe

JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(1 << 70), 1 << 70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(exclude_categories=()), max_size=8),
    st.sampled_from([[], {}, [[[]]], [None], {"a": {"b": []}}, [1, "a"], ["\x00"], 1e308]),
)


@pytest.fixture(scope="module")
def small() -> Iterator[Client]:
    """A server that never writes much."""
    toy, plain = toy_lm(), plain_lm()
    models = {"toy": toy, "plain": plain, "both": ByteEnsemble([toy, plain])}
    limits: dict[str, int] = {"max_tokens": 3, "default_tokens": 2, "fill_budget": 8}
    with running(models, ServeOptions(port=0, max_choices=2, **limits)) as server:  # pyright: ignore[reportArgumentType]
        yield server


def permitted(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values that a schema permits, of the few words that ours use."""
    several = schema.get("oneOf", schema.get("anyOf"))
    if several is not None:
        return st.one_of(*map(permitted, several))
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    if isinstance(schema["type"], list):
        return st.one_of(*(permitted({**schema, "type": kind}) for kind in schema["type"]))
    low, high = schema.get("minimum"), schema.get("maximum")
    match schema["type"]:
        case "null":
            return st.none()
        case "boolean":
            return st.booleans()
        case "integer":
            return st.integers(low, high)
        case "number":
            return st.floats(low, high, allow_nan=False)
        case "string":
            words = st.sampled_from(["toy", "plain", "both", "the na", "\n", "ï", "<fim_prefix>"])
            return words | st.text(min_size=schema.get("minLength", 0), max_size=6)
        case "array":
            most = min(schema.get("maxItems", 3), 3)
            return st.lists(
                permitted(schema["items"]), min_size=schema.get("minItems", 0), max_size=most
            )
        case "object":
            return objects(schema)
        case other:
            raise AssertionError(other)


def objects(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    fields = {name: permitted(each) for name, each in schema.get("properties", {}).items()}
    required = {name: fields.pop(name) for name in schema.get("required", [])}
    return st.fixed_dictionaries(required, optional=fields)


@st.composite
def requests(draw: st.DrawFn) -> tuple[str, Any, bool]:
    """A path, a body, and whether the schema permits it for sure."""
    path = draw(st.sampled_from(sorted(path for path, schema in BODIES.items() if schema)))
    body = draw(permitted(BODIES[path]))
    wrong = draw(
        st.dictionaries(st.sampled_from(sorted(BODIES[path]["properties"])), JUNK, max_size=2)
    )
    return path, {**body, **wrong}, not wrong


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(asked=requests())
def test_no_body_is_a_fault_of_the_server(small: Client, asked: tuple[str, Any, bool]) -> None:
    path, body, is_permitted = asked
    if is_permitted:
        Draft202012Validator(BODIES[path]).validate(body)
    status, answer, headers = small.send("POST", path, json.dumps(body).encode())
    assert status < 500, (path, body, answer)
    if status >= 400:
        assert json.loads(answer)["error"]
    elif headers["content-type"] == "application/json":
        json.loads(answer)
    assert b'"code":500' not in answer and b"internal_error" not in answer


def test_the_schema_tells_every_route(client: Client) -> None:
    status, body, _ = client.send("GET", "/openapi.json")
    told = json.loads(body)
    assert (status, told["openapi"]) == (200, "3.1.0")
    assert told == describe(DIALECTS)
    posted = {path for each in DIALECTS for method, path in each.routes if method == "POST"}
    assert posted == set(BODIES)
    for schema in BODIES.values():
        Draft202012Validator.check_schema(schema)


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("schemathesis") is None, reason="pip install '.[fuzz]'"
)
def test_schemathesis_finds_no_fault(small: Client, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{small.url}/openapi.json"]
    command += ["--checks", "not_a_server_error", "--max-examples", "8", "--seed", "1"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=500)
    told = done.stdout[-6000:] + done.stderr[-2000:]
    assert "Test cases:" in told, told
    assert "Server error" not in told, told
