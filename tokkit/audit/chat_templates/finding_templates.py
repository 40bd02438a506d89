"""The chat templates that come with a tokenizer's file; read as text, never run."""

from __future__ import annotations

from pathlib import Path
from typing import cast

from tokkit.errors import FormatError
from tokkit.files.gguf_headers import is_gguf, read_metadata
from tokkit.files.json_text import parse_json, want_list, want_object, want_str
from tokkit.files.reading import decode_utf8, read_bounded

MAX_TEMPLATE_BYTES = 1 << 20
_MAX_CONFIG_BYTES = 16 << 20
_KEY = "tokenizer.chat_template"


def find_templates(path: Path) -> dict[str, str]:
    """Name -> template, of the metadata of a GGUF file, or of the files beside a tokenizer.

    Beside a tokenizer: `chat_template.jinja`, those in `additional_chat_templates/`, and the field
    `chat_template` of `chat_template.json` and `tokenizer_config.json`, one template or a list of
    named ones. The template that has no name is called `default`.

    Raises:
        FormatError: one of the files is damaged.
    """
    if is_gguf(path):
        return _from_gguf(path)
    found: dict[str, str] = {}
    for name in ("tokenizer_config.json", "chat_template.json"):
        beside = path.parent / name
        if beside.is_file():
            data = read_bounded(beside, limit=_MAX_CONFIG_BYTES)
            found |= _of_field(want_object(parse_json(data, name), name).get("chat_template"), name)
    for beside in sorted((path.parent / "additional_chat_templates").glob("*.jinja")):
        found[beside.stem] = _read(beside)
    if (path.parent / "chat_template.jinja").is_file():
        found["default"] = _read(path.parent / "chat_template.jinja")
    return found


def _read(path: Path) -> str:
    return decode_utf8(read_bounded(path, limit=MAX_TEMPLATE_BYTES), path.name)


def _from_gguf(path: Path) -> dict[str, str]:
    metadata = read_metadata(path, lambda key: key == _KEY or key.startswith(f"{_KEY}."))
    return {
        key.removeprefix(_KEY).lstrip(".") or "default": value
        for key, value in metadata.items()
        if isinstance(value, str)
    }


def _of_field(value: object, where: str) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, str):
        return {"default": value}
    if isinstance(value, dict):
        named = cast("dict[str, object]", value)
        return {name: want_str(text, f"{where}: {name}") for name, text in named.items()}
    found: dict[str, str] = {}
    for item in want_list(value, f"{where}: chat_template"):
        entry = want_object(item, f"{where}: chat_template")
        name = want_str(entry.get("name"), f"{where}: chat_template.name")
        if name in found:
            raise FormatError(f"{where}: two chat templates are called {name!r}; expected one")
        found[name] = want_str(entry.get("template"), f"{where}: chat_template.{name}")
    return found
