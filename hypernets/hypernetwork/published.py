"""Published checkpoints (`benjamin/zett-hypernetwork-*`): `config.json` and `model.safetensors`.

The layout is that of their PyTorch port (`hf_hypernet/modeling_hypernet.py` of the authors'
repository): its transformer is `RobertaModel`, its parameters have the names of `architecture`. A
checkpoint makes rows itself, with no heuristic beside it, for all tokens that are not the old
vocabulary's. Fallback ids begin behind the old vocabulary, one for each byte that it lacks, in the
order of the bytes; all are kept, the last as well.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from tokkit.errors import ArgumentError, FormatError
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.hypernets.hypernetwork.trained import TrainedHypernet, load_network

CONFIG = "config.json"
WEIGHTS = "model.safetensors"
_KEY = "hn_hidden_size"
_IGNORED = ("model.embeddings.word_embeddings.weight", "model.embeddings.position_ids")
"""RoBERTa's own token embeddings, which nothing reads, and a buffer of older versions."""


def is_published(folder: Path) -> bool:
    """Whether a folder has the files of a published checkpoint, and a key that no other model has.

    Raises:
        FormatError: its configuration is no JSON object.
    """
    return _has_files(folder) and _KEY in _document(folder)


def _has_files(folder: Path) -> bool:
    return all((folder / name).is_file() for name in (CONFIG, WEIGHTS))


def _document(folder: Path) -> dict[str, Any]:
    where = str(folder / CONFIG)
    return want_object(parse_json(read_bounded(folder / CONFIG), where), where)


def load_published(
    folder: str | os.PathLike[str], *, language: str | None = None
) -> TrainedHypernet:
    """Read a published checkpoint. Nothing is unpickled, and no code of it is run.

    Args:
        folder: with `config.json` and `model.safetensors`.
        language: as the configuration calls it, as `"en"`, for those that have languages.

    Raises:
        FormatError: files that are missing, damaged, or do not fit each other.
        UnsupportedError: parts of the architecture that the published PyTorch code lacks, too.
        ArgumentError: a language that it has not, or none where it has some.
    """
    path = Path(folder)
    if not _has_files(path):
        raise FormatError(f"{path}: expected {CONFIG} and {WEIGHTS}")
    document = _document(path)
    config = HypernetConfig.from_published(document)
    network = load_network(config, path / WEIGHTS, ignored=_IGNORED)
    number = None
    if config.n_languages or language is not None:
        names = document.get("langs")
        known = [each for each in names if isinstance(each, str)] if isinstance(names, list) else []
        if language not in known[: config.n_languages]:
            raise ArgumentError(
                f"language is {language!r}; the checkpoint has {', '.join(known) or 'none'}"
            )
        number = known.index(language)
    return TrainedHypernet(network.eval(), False, "mean", None, number)
