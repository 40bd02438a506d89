"""`export_tokenizer`: from any tokenizer to a plain fast tokenizer of transformers.

1. What came as a `tokenizer.json`, or as a loaded tokenizer of `tokenizers` or of `transformers`
   that is fast, is kept, with its added tokens, chat template, roles and padding (`originals`).
2. Anything else is written as a tokenizer.json (`document`), as is a file that declares ids which
   its library would place elsewhere (GPT-4o's).
3. Both are compared with tokkit's own reading on trial texts, and again after a round through
   `save_pretrained` and `from_pretrained`. What differs is refused by name (`trial`).
"""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.errors import UnsupportedError
from tokkit.hypernets.tokenizer_export.document import tokenizer_document
from tokkit.hypernets.tokenizer_export.originals import original_of
from tokkit.hypernets.tokenizer_export.roles import SpecialRoles, roles_of
from tokkit.hypernets.tokenizer_export.trial import check_same_ids, difference, trial_texts
from tokkit.text.loading import find_file
from tokkit.text.of_text import load_text_tokenizer
from tokkit.text.tokenizer import TextTokenizer

UNBOUNDED = 1 << 40
"""Above it, `model_max_length` is transformers' way to say that nobody knows."""


@dataclass(frozen=True)
class ExportedTokenizer:
    """A tokenizer in two forms that give the same ids.

    Attributes:
        tokenizer: a fast tokenizer of transformers (`PreTrainedTokenizerFast`). Its `len` is the
            number of ids, holes included.
        text: the same as tokkit reads it.
        kept: whether `tokenizer` is the one that was passed, and not one that was written here.
        notes: what a user should know, a sentence each.
    """

    tokenizer: Any
    text: TextTokenizer
    kept: bool
    notes: tuple[str, ...] = ()


def export_tokenizer(
    source: Any, *, max_length: int | None = None, allow_download: bool = False
) -> ExportedTokenizer:
    """A fast tokenizer of transformers that encodes exactly as `source`.

    `tokenizer(text, add_special_tokens=False)` gives the ids of `text.encode(text, specials=True)`,
    also after `save_pretrained` and `AutoTokenizer.from_pretrained`. With
    `split_special_tokens=True` it gives those of `text.encode(text)`; where the library cannot do
    that (in a Unigram model it finds every entry), a note says so.

    Args:
        source: whatever `load_tokenizer` takes. A tokenizer that transformers or `tokenizers` has
            loaded is copied, never changed.
        max_length: how many tokens the model takes (`model_max_length`), where the source does not
            say; None: left open.
        allow_download: whether a hub id may be fetched.

    Raises:
        ArgumentError: a tokenizer of something else than text.
        FormatError: the file is missing, damaged or not a tokenizer.
        UnsupportedError: it does something that the `tokenizers` library does in another way, which
            the message names.
        MissingExtraError: transformers is not installed.
    """
    with quiet_transformers():
        return _export(source, max_length, allow_download)


def _export(source: Any, max_length: int | None, allow_download: bool) -> ExportedTokenizer:
    text = load_text_tokenizer(source, allow_download=allow_download)
    path = None
    if isinstance(source, str | os.PathLike):
        path = find_file(source, allow_download=allow_download)
    original = original_of(source, path)
    if original is not None and not (path is not None and text.spec.runtime_ids):
        if max_length is not None and original.model_max_length > UNBOUNDED:
            original.model_max_length = max_length
        return _checked(original, text, kept=True)
    roles = _roles(source, text, path)
    fast = written(text, roles, max_length=max_length)
    return _checked(fast, text, kept=False)


def _roles(source: Any, text: TextTokenizer, path: Path | None) -> SpecialRoles:
    if path is not None or not hasattr(source, "save_pretrained"):
        return roles_of(text.spec, path)
    with tempfile.TemporaryDirectory() as folder:  # a slow tokenizer of transformers
        source.save_pretrained(folder)
        return roles_of(text.spec, Path(folder) / "tokenizer_config.json")


def written(text: TextTokenizer, roles: SpecialRoles, *, max_length: int | None = None) -> Any:
    """A fast tokenizer that is written anew from a spec; not compared with it yet.

    Args:
        text: the tokenizer.
        roles: what its control tokens are for.
        max_length: how many tokens the model takes, where `roles` does not say.

    Raises:
        UnsupportedError: something that no tokenizer.json can say, named.
    """
    import tokenizers
    import transformers

    document = tokenizer_document(text.spec, roles)
    try:
        inner = tokenizers.Tokenizer.from_str(json.dumps(document, ensure_ascii=False))
    except Exception as error:  # the library has no error type of its own
        raise UnsupportedError(
            f"{text.name}: the tokenizers library refuses it as a tokenizer.json ({error})"
        ) from error
    options: dict[str, Any] = {f"{role}_token": name for role, name in roles.texts.items()}
    longest = roles.max_length or max_length
    if longest is not None:
        options["model_max_length"] = longest
    if roles.chat_template is not None:
        options["chat_template"] = roles.chat_template
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, clean_up_tokenization_spaces=False, **options
    )


def _checked(fast: Any, text: TextTokenizer, *, kept: bool) -> ExportedTokenizer:
    check_same_ids(fast, text)
    again = reloaded(fast)
    if again.backend_tokenizer.to_str() != fast.backend_tokenizer.to_str():
        check_same_ids(again, text)  # written in another way, it may still do the same
    found = difference(fast, text, trial_texts(text), specials=False)
    return ExportedTokenizer(fast, text, kept, _notes(text, found, kept=kept))


def reloaded(fast: Any) -> Any:
    """What transformers makes of a tokenizer that it saved.

    Raises:
        UnsupportedError: it cannot be saved, or not be loaded again.
    """
    import transformers

    auto: Any = transformers.AutoTokenizer
    with tempfile.TemporaryDirectory() as folder:
        try:
            fast.save_pretrained(folder)
            return auto.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:  # each tokenizer raises what it likes
            raise UnsupportedError(
                f"{type(fast).__name__} does not survive save_pretrained and from_pretrained "
                f"({type(error).__name__}: {error}); pass the path of its files"
            ) from error


def _notes(text: TextTokenizer, difference: str | None, *, kept: bool) -> tuple[str, ...]:
    notes: list[str] = []
    if not kept and text.spec.runtime_ids:
        notes.append(
            f"the file declares {len(text.spec.runtime_ids)} ids that transformers would place "
            "elsewhere; they are as declared"
        )
    if difference is not None:
        notes.append(
            "with split_special_tokens=True, text that spells a control token is not encoded as "
            f"tokkit does it, as on {difference}"
        )
    if text.spec.float32_paths:
        notes.append(
            "SentencePiece rounds the scores of paths to float32, transformers does not: two "
            "segmentations of nearly equal score, far into a text, may be told apart differently"
        )
    if kept and text.spec.unmarked_ids:
        notes.append(
            f"{len(text.spec.unmarked_ids)} tokens spelled like control tokens are not marked as "
            "such, and transformers cuts them out of any text"
        )
    return tuple(notes)
