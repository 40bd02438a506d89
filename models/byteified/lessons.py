"""Lessons of a byteified model: texts, what the token model says of them, and the exact answer.

A lesson is a batch of windows, their `TokenView`s, and as the teacher the exact probabilities of
the next byte, summed over tokens (`tokkit.ByteLM`). They do not depend on the decoder, so they are
made once and written down, a file a batch; making them costs much more than learning from them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.errors import FormatError, ModelError, refused_by_system
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.files.writing import whole_file
from tokkit.models.byteified.token_view import TokenReader, TokenView
from tokkit.models.text_models.corpus import Corpus
from tokkit.models.text_models.windows import Windows

ABOUT = "lessons.json"
"""What the lessons beside it are of."""
WEIGHTS = "weights of the token model"
"""Told there since lessons of another model of the same vocabulary are refused, too."""
_LOWEST = -60.0
"""Nats, of what the teacher says, so that half precision holds it."""
_VIEW = ("states", "settled", "depths", "shares", "ended", "suffixes")
_KINDS = {
    "states": torch.float16,
    "settled": torch.int32,
    "depths": torch.int32,
    "shares": torch.float32,
    "ended": torch.float32,
    "suffixes": torch.int32,
}


@dataclass(frozen=True, eq=False)
class Lesson:
    """A window.

    Attributes:
        data: its bytes.
        ends: whether its document ends with it.
        view: the token model at each place, that before the first byte included.
        taught: float16 (len(data) + 1, 257), nats: the exact law of the next symbol.
    """

    data: bytes
    ends: bool
    view: TokenView
    taught: NDArray[np.float16]


def made_lessons(lm: ByteLM, reader: TokenReader, windows: Windows) -> Iterator[Lesson]:
    """The lessons of some windows; those that the tokenizer cannot write drop out."""
    for data, ends in zip(windows.data, windows.ends.tolist(), strict=True):
        if reader.can_write(data):
            # One at a time: a pass over several attends, in vain, to all of them.
            _, (view,) = reader.read([reader.start()], [data], first=True)
            taught = lm.open().score(data).clip(min=_LOWEST).astype(np.float16)
            yield Lesson(data, bool(ends), view, taught)


def prepared_lessons(
    lm: ByteLM,
    reader: TokenReader,
    corpus: Corpus,
    n_batches: int,
    folder: Path,
    about: Mapping[str, Any],
) -> Iterator[list[Lesson]]:
    """The lessons of the first batches of a corpus, each read from the folder or made and written.

    Args:
        lm: the teacher.
        reader: of the same model.
        corpus: what is read.
        n_batches: how much of it.
        folder: made where it is missing.
        about: JSON of what the lessons depend on; a folder with those of something else is refused.

    Raises:
        FormatError: a file is damaged, or cannot be written.
        ModelError: the folder holds lessons of other texts or of another model; a hidden state is
            beyond half precision, in which they are written.
    """
    _claim(folder, about)
    for number in range(n_batches):
        path = folder / f"{number:05}.safetensors"
        if not path.exists():
            lessons = list(made_lessons(lm, reader, corpus.batch(number)))
            with refused_by_system(f"write {path}"), whole_file(path) as stream:
                stream.write(_written(lessons))
        yield read_lessons(path)


def _claim(folder: Path, about: Mapping[str, Any]) -> None:
    """Say in a folder what its lessons are of, or compare it with what is said there.

    Raises:
        FormatError: it cannot be read or written.
        ModelError: they differ.
    """
    path = folder / ABOUT
    wanted = json.loads(json.dumps(about))
    if not path.exists():
        with refused_by_system(f"write {str(path)!r}"):
            folder.mkdir(parents=True, exist_ok=True)
            with whole_file(path) as stream:
                stream.write(json.dumps(wanted, indent=1).encode() + b"\n")
        return
    found = want_object(parse_json(read_bounded(path, limit=1 << 20), str(path)), str(path))
    found = {WEIGHTS: wanted.get(WEIGHTS), **found}  # older ones do not tell
    for name in sorted(found.keys() | wanted.keys()):
        if found.get(name) != wanted.get(name):
            raise ModelError(
                f"{folder}: lessons of another {name} ({found.get(name)!r:.80}; here it is "
                f"{wanted.get(name)!r:.80}); go on with the same, or begin in a new folder"
            )


def _written(lessons: Sequence[Lesson]) -> bytes:
    from safetensors.torch import save

    tensors: dict[str, torch.Tensor] = {}
    for number, lesson in enumerate(lessons):
        tensors[f"{number}.data"] = torch.frombuffer(bytearray(lesson.data), dtype=torch.uint8)
        tensors[f"{number}.ends"] = torch.tensor([lesson.ends])
        tensors[f"{number}.taught"] = torch.from_numpy(lesson.taught)
        for name in _VIEW:
            array = torch.from_numpy(getattr(lesson.view, name))
            tensors[f"{number}.{name}"] = array.to(_KINDS[name])
        states = tensors[f"{number}.states"]
        if not bool(states.isfinite().all()):
            raise ModelError(
                "the token model gives hidden states beyond 65,504, which lessons do not hold"
            )
    return save(tensors)


def read_lessons(path: Path) -> list[Lesson]:
    """What was written to a file.

    Raises:
        FormatError: it is damaged.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors = {name: each.numpy() for name, each in load_file(path).items()}
        numbers = sorted(int(name.partition(".")[0]) for name in tensors if name.endswith(".data"))
        return [
            Lesson(
                tensors[f"{number}.data"].tobytes(),
                bool(tensors[f"{number}.ends"][0]),
                TokenView(**{name: tensors[f"{number}.{name}"] for name in _VIEW}),
                tensors[f"{number}.taught"],
            )
            for number in numbers
        ]
    except (SafetensorError, OSError, KeyError, ValueError) as error:
        raise FormatError(f"{path}: no lessons, or damaged ({error}); delete the file") from error
