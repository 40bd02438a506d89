"""`tokenizer_config.json`: what stands beside a vocabulary and is not in it.

Source: `transformers`, `PreTrainedTokenizerBase.from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

from tokkit.errors import FormatError
from tokkit.files.json_text import want_list, want_object, want_str
from tokkit.text.formats.hugging_face.special_ids import token_text


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


def added_tokens_beside(
    ids: Mapping[str, int],
    n_tokens: int,
    controls: Mapping[str, str],
    config: Mapping[str, object],
    where: str,
) -> list[dict[str, object]]:
    """The `added_tokens` of a tokenizer.json for a vocabulary with a config beside it.

    Args:
        ids: spelling -> id of the vocabulary.
        n_tokens: how many tokens it has.
        controls: role -> text of the control tokens.
        config: tokenizer_config.json, or empty.
        where: for messages.

    Returns:
        The declared tokens and the control tokens. What the vocabulary lacks comes after it, as the
        library numbers it.

    Raises:
        FormatError: a damaged config.
    """
    added: dict[str, dict[str, object]] = {}
    for node in declared_tokens(config, where):
        text = want_str(node.get("content"), f"{where}.content")
        added[text] = node | {"special": True} if text in controls.values() else node
    following = n_tokens + sum(text not in ids for text in added)
    for text in dict.fromkeys((*controls.values(), *_extra_texts(config, where))):
        if text in added:
            continue
        token_id = ids.get(text)
        if token_id is None:
            token_id = following
            following += 1
        added[text] = {"id": token_id, "content": text, "special": True, "normalized": False}
    return list(added.values())


def _extra_texts(config: Mapping[str, object], where: str) -> list[str]:
    for key in ("extra_special_tokens", "additional_special_tokens"):
        value = config.get(key)
        if value:
            if isinstance(value, dict):
                value = list(cast("dict[str, object]", value).values())
            return [token_text(item) or "" for item in want_list(value, f"{where}.{key}")]
    return []
