"""A trained hypernetwork with what it is for, and the folder that holds it.

`config.json` names the network's shape and the recipe that its rows need; the weights are a
safetensors file. The old vocabulary is known by a hash, so that a model with another is refused:
a fine-tuned variant of the model has the same, and may have more tokens behind.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from tokkit.arguments import as_plain, check_path
from tokkit.errors import FormatError, ModelError, refused_by_system
from tokkit.files.json_text import parse_json, want_index, want_int, want_object, want_str
from tokkit.files.reading import read_bounded
from tokkit.files.writing import whole_file
from tokkit.hypernets.hypernetwork.architecture import Hypernetwork
from tokkit.hypernets.hypernetwork.base_rows import HEURISTICS
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.models.saving.weights import (
    check_finite,
    check_folder,
    check_tensors,
    read_header,
    read_tensors,
    savable_state,
)
from tokkit.text.spec import TokenizerSpec, vocabulary_hash

CONFIG = "hypernet.json"
WEIGHTS = "hypernet.safetensors"
_VERSION = 1


@dataclass(frozen=True, eq=False)
class TrainedHypernet:
    """A network, and how rows are made with it.

    Attributes:
        network: it.
        residual: whether it adds to a heuristic's rows.
        heuristic: which.
        vocabulary: hash of the old vocabulary; None: not known, as of published checkpoints.
        language: whose embedding it reads, for networks that have them.
    """

    network: Hypernetwork
    residual: bool
    heuristic: str
    vocabulary: str | None
    language: int | None = None

    def save(self, folder: str | os.PathLike[str]) -> None:
        """Write the folder's two files, each whole; the configuration last.

        Raises:
            ArgumentError: no path, or one whose name is no UTF-8.
            FormatError: it cannot be written.
            ModelError: weights that could not be loaded again, as of numbers that are not finite.
        """
        from safetensors.torch import save

        path = check_folder(folder)
        state = savable_state(self.network, "the hypernetwork")
        document: dict[str, Any] = {
            "version": _VERSION,
            "network": self.network.config.to_dict(),
            "residual": self.residual,
            "heuristic": self.heuristic,
            "vocabulary": self.vocabulary,
        }
        if self.language is not None:
            document["language"] = self.language
        told = json.dumps(as_plain(document), indent=2).encode() + b"\n"
        with refused_by_system(f"write a hypernetwork to {str(path)!r}"):
            path.mkdir(parents=True, exist_ok=True)
            with whole_file(path / WEIGHTS) as stream:
                stream.write(save(state))
            with whole_file(path / CONFIG) as stream:
                stream.write(told)

    @classmethod
    def load(cls, folder: str | os.PathLike[str]) -> TrainedHypernet:
        """Read a folder that `save` wrote.

        Raises:
            ArgumentError: no path.
            FormatError: it is missing, damaged, or of another kind.
        """
        path = check_path(folder, "folder")
        where = str(path / CONFIG)
        if not (path / CONFIG).is_file():
            raise FormatError(f"{where} is missing; expected a folder of `tokkit train hypernet`")
        document = want_object(parse_json(read_bounded(path / CONFIG), where), where)
        if want_int(document.get("version"), f"{where}.version") != _VERSION:
            raise FormatError(f"{where}: of another version of tokkit; train it again")
        heuristic = want_str(document.get("heuristic"), f"{where}.heuristic")
        residual = document.get("residual")
        if heuristic not in HEURISTICS or not isinstance(residual, bool):
            raise FormatError(f"{where}: heuristic {heuristic!r}, residual {residual!r}")
        shape = HypernetConfig.from_dict(want_object(document.get("network"), where))
        network = load_network(shape, path / WEIGHTS)
        hashed, language = document.get("vocabulary"), document.get("language")
        if hashed is not None:
            hashed = want_str(hashed, f"{where}.vocabulary")
        if language is not None or shape.n_languages:
            language = want_index(language, f"{where}.language", shape.n_languages)
        return cls(network.eval(), residual, heuristic, hashed, language)

    def check_fits(self, spec: TokenizerSpec, width: int, *, tied: bool) -> None:
        """Refuse a model that it was not trained for.

        Args:
            spec: of the model's tokenizer.
            width: of the model's rows.
            tied: whether one matrix serves for both.

        Raises:
            ModelError: another width, vocabulary, or kind of head.
        """
        config = self.network.config
        if config.width != width:
            raise ModelError(
                f"the hypernetwork makes rows of {config.width} columns and the model has {width}; "
                "use one that was trained for this model or one that it was tuned from"
            )
        if config.reads_outputs == tied:
            kinds = ("one matrix for both", "an output matrix of its own")
            raise ModelError(
                f"the hypernetwork is for models with {kinds[config.reads_outputs]}, and this one "
                f"has {kinds[not tied]}"
            )
        if spec.vocab_size < config.n_source or (
            self.vocabulary is not None
            and vocabulary_hash(spec, config.n_source) != self.vocabulary
        ):
            raise ModelError(
                f"the model's tokenizer ({spec.name}, {spec.vocab_size:,} tokens) is not the one "
                f"that the hypernetwork was trained with ({config.n_source:,} tokens)"
            )


def load_network(
    shape: HypernetConfig, path: Path, *, ignored: Collection[str] = ()
) -> Hypernetwork:
    """A network with the weights of a safetensors file, all of them, in float32.

    Args:
        shape: of the network.
        path: the file.
        ignored: names in it that mean nothing.

    Raises:
        ArgumentError: the name of its folder is no UTF-8.
        FormatError: it is damaged, or of another shape.
    """
    _, found = read_header(path)
    found = {name: each for name, each in found.items() if name not in ignored}
    with torch.device("meta"):
        check_tensors(path, found, Hypernetwork(shape))
    network = Hypernetwork(shape)
    tensors = read_tensors(path)
    network.load_state_dict({name: tensors[name] for name in found})
    check_finite(path, network)
    return network
