"""`tokenizer_config.json`: what stands beside a vocabulary and is not in it.

Source: `transformers`, `PreTrainedTokenizerBase.from_pretrained`.
"""

from __future__ import annotations

from collections.abc import Mapping

from tokkit.errors import FormatError
from tokkit.text.formats.hf_added_tokens import AddedToken, read_added_tokens
from tokkit.text.formats.json_text import want_list, want_object


def declared_tokens(
    config: Mapping[str, object] | None, where: str, *, control: bool = False
) -> list[AddedToken]:
    """The tokens of `added_tokens_decoder`, which maps ids, as text, to what they are.

    Args:
        config: the parsed file, or None.
        where: for messages.
        control: whether all of them are control tokens, whatever their flags say.

    Raises:
        FormatError: damaged: an id that is no number or out of bounds, a token without a text.
    """
    if config is None or config.get("added_tokens_decoder") is None:
        return []
    where = f"{where}.added_tokens_decoder"
    items: list[object] = []
    for key, value in want_object(config["added_tokens_decoder"], where).items():
        if not (key.isascii() and key.isdigit() and len(key) <= 10):
            raise FormatError(f"{where}: the key {key[:60]!r}; expected an id")
        node = {**want_object(value, f"{where}[{key}]"), "id": int(key)}
        items.append(node | {"special": True} if control else node)
    return read_added_tokens(items, {}, where)


def code_of(config: Mapping[str, object] | None) -> str:
    """The module that a config names for its tokenizer, as `"tokenization_kimi"`, or "".

    The code is never run: the name only tells whose tokenizer it is.
    """
    auto_map = {} if config is None else config.get("auto_map")
    if not isinstance(auto_map, dict):
        return ""
    classes = want_object(auto_map, "auto_map").get("AutoTokenizer")
    names = want_list(classes, "auto_map") if isinstance(classes, list) else [classes]
    for name in names:
        if isinstance(name, str):
            return name.rpartition("--")[2].partition(".")[0]
    return ""
