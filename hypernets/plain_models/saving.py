"""`save_model`: a model and its tokenizer in one folder, both loaded again as they are.

For some models (Qwen 2) `AutoTokenizer` takes a class of its own, with its own normalizer and
pretokenizer, whatever tokenizer_config.json names. Where it does so, the file names an `auto_map`,
at which `AutoTokenizer` takes the file's class: it then skips its own choice, and runs no code.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from tokkit.arguments import check_path
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import UnsupportedError

CONFIG = "config.json"
"""Without it, transformers opens no folder."""
_TOKENIZER_CONFIG = "tokenizer_config.json"


def save_model(model: Any, tokenizer: Any, folder: str | os.PathLike[str]) -> None:
    """Write a model and its tokenizer for `from_pretrained`.

    Args:
        model: of transformers.
        tokenizer: a fast tokenizer of transformers.
        folder: made where it is missing.

    Raises:
        UnsupportedError: `AutoTokenizer` loads another tokenizer than was saved.
        OSError: the folder cannot be written to.
    """
    path = check_path(folder, "folder")
    with quiet_transformers():
        model.save_pretrained(path)
        tokenizer.save_pretrained(path)
        if not _is_loaded_again(tokenizer, path):
            _name_class(path)
            if not _is_loaded_again(tokenizer, path):
                raise UnsupportedError(
                    f"for a {model.config.model_type} model AutoTokenizer loads another tokenizer "
                    "than was saved; save it with tokenizer.save_pretrained, and load it with "
                    "PreTrainedTokenizerFast.from_pretrained"
                )


def _is_loaded_again(tokenizer: Any, path: Path) -> bool:
    import transformers

    auto: Any = transformers.AutoTokenizer
    again = auto.from_pretrained(path, local_files_only=True, trust_remote_code=False)
    same = json.loads(again.backend_tokenizer.to_str()) == json.loads(
        tokenizer.backend_tokenizer.to_str()
    )
    return same and again.special_tokens_map == tokenizer.special_tokens_map


def _name_class(path: Path) -> None:
    config = path / _TOKENIZER_CONFIG
    document = json.loads(config.read_text(encoding="utf-8"))
    document["tokenizer_class"] = "PreTrainedTokenizerFast"
    document["auto_map"] = {"AutoTokenizer": [None, "tokenizer.PreTrainedTokenizerFast"]}
    config.write_text(json.dumps(document, indent=2, ensure_ascii=False), encoding="utf-8")
