"""`tokenizer_config.json`: what stands beside a vocabulary and is not in it.

Source: `transformers`, `PreTrainedTokenizerBase.from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tokkit.errors import FormatError
from tokkit.text.formats.json_text import want_object


def declared_tokens(config: Mapping[str, object] | None, where: str) -> list[dict[str, object]]:
    """The entries of `added_tokens_decoder`, in the form of a tokenizer.json's `added_tokens`.

    Raises:
        FormatError: damaged, or an id that is no number.
    """
    if config is None or config.get("added_tokens_decoder") is None:
        return []
    where = f"{where}.added_tokens_decoder"
    tokens: list[dict[str, object]] = []
    for key, value in want_object(config["added_tokens_decoder"], where).items():
        if not (key.isascii() and key.isdigit() and len(key) <= 10):
            raise FormatError(f"{where}: the key {key[:60]!r}; expected an id")
        tokens.append({**want_object(value, f"{where}[{key}]"), "id": int(key)})
    return tokens


def code_of(config: Mapping[str, object] | None) -> str:
    """The module that a config names for its tokenizer, as `"tokenization_kimi"`, or "".

    The code is never run: the name only tells whose tokenizer it is.
    """
    auto_map = None if config is None else config.get("auto_map")
    if not isinstance(auto_map, dict):
        return ""
    classes = cast("dict[str, object]", auto_map).get("AutoTokenizer")
    names = cast("list[object]", classes) if isinstance(classes, list) else [classes]
    for name in names:
        if isinstance(name, str):
            return name.rpartition("--")[2].partition(".")[0]
    return ""
