"""What is printed to paste into editors is what they can read."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tokkit.serve.setup_help import setup_help

URL = "http://127.0.0.1:8080"
DOCS = Path(__file__).parents[2] / "docs" / "serve.md"


def after(title: str, has_key: bool = False) -> list[str]:
    """The lines of one editor, without the title and the indentation."""
    lines = setup_help(URL, ["smollm2", "gemma3"], has_key).splitlines()
    start = next(k for k, line in enumerate(lines) if line.startswith(f"  {title} "))
    end = next(k for k in range(start + 1, len(lines)) if not lines[k].startswith(" " * 10))
    first = lines[start].removeprefix(f"  {title}").strip()
    return [first, *(line[16:] for line in lines[start + 1 : end])]


def test_continue_reads_its_settings() -> None:
    yaml: Any = pytest.importorskip("yaml")
    settings = yaml.safe_load("\n".join(after("Continue")[1:]))
    assert {"name", "version", "schema"} < set(settings)
    (model,) = settings["models"]
    assert model["apiBase"] == f"{URL}/v1"
    assert (model["model"], model["roles"]) == ("smollm2", ["autocomplete"])


def test_zed_reads_its_settings() -> None:
    first, *rest = after("Zed")
    settings = json.loads("{" + first.removeprefix("settings.json: ") + "\n".join(rest) + "}")
    asked = settings["edit_predictions"]["open_ai_compatible_api"]
    assert asked["api_url"] == f"{URL}/v1/completions"
    assert asked["prompt_format"] == "qwen"


@pytest.mark.parametrize("has_key", [False, True])
def test_a_key_stands_wherever_one_is_needed(has_key: bool) -> None:
    said = setup_help(URL, ["smollm2"], has_key)
    assert said.count("YOUR-KEY") == (5 if has_key else 0)
    body = re.search(r"-d '(.*)'", said)
    assert body is not None and json.loads(body[1])["prompt"]


def test_the_settings_of_the_docs_can_be_read() -> None:
    yaml: Any = pytest.importorskip("yaml")
    readers = {"json": json.loads, "yaml": yaml.safe_load, "toml": tomllib.loads}
    blocks = re.findall(r"```(\w+)\n(.*?)```", DOCS.read_text(encoding="utf-8"), re.DOTALL)
    read = [readers[kind](text) for kind, text in blocks if kind in readers]
    assert len(read) >= 5
    assert all("8080" in json.dumps(each) for each in read)
