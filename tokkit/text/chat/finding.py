"""The chat templates that come with a tokenizer, and the tokens that they name; none is run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from tokkit.errors import FormatError
from tokkit.files.gguf_headers import is_gguf, read_metadata
from tokkit.files.json_text import parse_json, want_list, want_object, want_str
from tokkit.files.reading import decode_utf8, read_bounded
from tokkit.text.formats.hugging_face.special_ids import token_text

MAX_TEMPLATE_BYTES = 1 << 20
_MAX_CONFIG_BYTES = 16 << 20
_KEY = "tokenizer.chat_template"
_GGUF_TOKENS = {
    "tokenizer.ggml.bos_token_id": "bos_token",
    "tokenizer.ggml.eos_token_id": "eos_token",
    "tokenizer.ggml.unknown_token_id": "unk_token",
    "tokenizer.ggml.padding_token_id": "pad_token",
}


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


def find_chat_tokens(path: Path, texts: Mapping[int, str]) -> dict[str, str]:
    """What templates call `bos_token`, `eos_token` and the like -> its text.

    Args:
        path: of a GGUF file, or of a tokenizer with `tokenizer_config.json` or
            `special_tokens_map.json` beside it.
        texts: of control tokens, by id.

    Raises:
        FormatError: one of the files is damaged.
    """
    if is_gguf(path):
        metadata = read_metadata(path, lambda key: key in _GGUF_TOKENS)
        ids = {name: metadata[key] for key, name in _GGUF_TOKENS.items() if key in metadata}
        return {name: texts[k] for name, k in ids.items() if isinstance(k, int) and k in texts}
    found: dict[str, str] = {}
    for name in ("special_tokens_map.json", "tokenizer_config.json"):
        beside = path.parent / name
        if beside.is_file():
            data = read_bounded(beside, limit=_MAX_CONFIG_BYTES)
            found |= token_texts(want_object(parse_json(data, name), name))
    return found


def token_texts(config: Mapping[str, object]) -> dict[str, str]:
    """The fields `..._token` of a configuration that name a token -> its text."""
    texts = {name: token_text(value) for name, value in config.items() if name.endswith("_token")}
    return {name: text for name, text in texts.items() if text is not None}


@dataclass(frozen=True)
class LoadedChat:
    """What a tokenizer that another library has loaded says of chats.

    Attributes:
        template: as transformers keeps it, or None.
        tokens: what templates call `bos_token` and the like -> its text.
    """

    template: object = None
    tokens: Mapping[str, str] = field(default_factory=dict[str, str])

    @classmethod
    def of(cls, tokenizer: Any) -> LoadedChat:
        """Of a tokenizer, or of a processor with one."""
        source = getattr(tokenizer, "tokenizer", tokenizer)
        tokens = token_texts(getattr(source, "special_tokens_map", {}))
        return cls(getattr(source, "chat_template", None), tokens)

    @property
    def templates(self) -> dict[str, str]:
        """Name -> template."""
        return _of_field(self.template, "the loaded tokenizer")


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
