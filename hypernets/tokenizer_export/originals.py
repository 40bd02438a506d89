"""Tokenizers that are fast tokenizers of transformers already, or the file of one: kept.

A class that transformers builds from a vocabulary (`LlamaTokenizer`) puts its own normalizer and
pretokenizer there when it is loaded again. So the plain class is taken, whose file says everything.
"""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.hypernets.tokenizer_export.roles import roles_of
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json


def original_of(source: Any, path: Path | None) -> Any | None:
    """The fast tokenizer that a source is, copied; None if it is none.

    Args:
        source: what the caller passed.
        path: the file that it means, if it is a name.
    """
    import tokenizers
    import transformers

    if isinstance(source, tokenizers.Tokenizer):
        return _wrapped(source)
    if isinstance(source, transformers.PreTrainedTokenizerFast):
        return _plain(source)
    if path is not None and path.name.endswith(".json") and _is_tokenizer_json(path):
        return _of_file(path)
    return None


def _is_tokenizer_json(path: Path) -> bool:
    document = want_object(parse_json(read_bounded(path), path.name), path.name)
    return "model" in document


def _wrapped(inner: Any) -> Any:
    """A tokenizer of `tokenizers` with the roles that its control tokens are known by."""
    import transformers

    spec = read_hf_json(parse_json(inner.to_str().encode(), "tokenizer"), "tokenizer")
    texts = dict(roles_of(spec).texts)
    if inner.padding is not None:
        texts["pad"] = inner.padding["pad_token"]
    roles = {f"{role}_token": text for role, text in texts.items()}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, clean_up_tokenization_spaces=False, **roles
    )


def _of_file(path: Path) -> Any:
    """A tokenizer.json, with tokenizer_config.json and a chat template if they lie beside it."""
    import transformers

    if path.name == "tokenizer.json" and (path.parent / "tokenizer_config.json").is_file():
        plain: Any = transformers.PreTrainedTokenizerFast
        return plain.from_pretrained(path.parent, local_files_only=True)
    import tokenizers

    return _wrapped(tokenizers.Tokenizer.from_file(str(path)))


def _plain(source: Any) -> Any:
    import transformers

    if type(source) is transformers.PreTrainedTokenizerFast:
        return copy.deepcopy(source)
    options = {
        key: value
        for key, value in copy.deepcopy(source.init_kwargs).items()
        if key not in ("vocab", "merges", "vocab_file", "merges_file", "tokenizer_file", "backend")
        and key not in ("add_bos_token", "add_eos_token", "tokenizer_object", "name_or_path")
    }
    named = source.special_tokens_map.items()
    options |= {key: token for key, token in named if isinstance(token, str)}
    for name in ("chat_template", "model_max_length", "padding_side", "truncation_side"):
        value = getattr(source, name, None)
        if value is not None:
            options[name] = value
    options["model_input_names"] = list(source.model_input_names)
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=source.backend_tokenizer, **options
    )
