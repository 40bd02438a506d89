"""How well models predict texts: `score`, in bits that may be compared whatever their vocabularies.

The bits of a text are those of its bytes under the semantics of each model: for a `ByteLM` the sum
over canonical encodings, or over all of them. Beside it stands what is usually reported for a token
model, the log-probability of its own token sequence alone.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeAlias, cast

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.documents import Text, one_or_several, read_documents
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState
from tokkit.bytelm.loading import load_lm
from tokkit.bytelm.windows import check_windows
from tokkit.errors import ArgumentError, EncodingError

Model: TypeAlias = ByteModel | str | os.PathLike[str]
_MODEL = (ByteModel, str, os.PathLike)


def bits_per_byte(logprob: float, n_bytes: int) -> float:
    """Nats of log-probability as bits for each byte; NaN for an empty text."""
    return -logprob / math.log(2) / n_bytes if n_bytes else math.nan


def _per_byte(logprob: float | None, n_bytes: int) -> float | None:
    return None if logprob is None else bits_per_byte(logprob, n_bytes)


@dataclass(frozen=True, slots=True)
class TextScore:
    """What one model says of one text.

    Attributes:
        n_bytes: of the text.
        logprob: nats, at most 0, of its bytes; with `encodings="all"` what the beam found, a lower
            bound.
        highest_logprob: nats, what it can be at most, with `encodings="all"`; else None.
        tokenization_logprob: nats, of the text's own token sequence, with no id forbidden; None for
            a model without tokens, or bytes that the vocabulary cannot express.
        impossible: why the text has no probability at all; None where it has some.
    """

    n_bytes: int
    logprob: float
    highest_logprob: float | None
    tokenization_logprob: float | None
    impossible: str | None

    @property
    def bits(self) -> float:
        """Bits of the whole text."""
        return -self.logprob / math.log(2)

    @property
    def bits_per_byte(self) -> float:
        """Bits for each byte; NaN for an empty text, as are the others."""
        return bits_per_byte(self.logprob, self.n_bytes)

    @property
    def least_bits_per_byte(self) -> float | None:
        """What `bits_per_byte` can be at least, with `encodings="all"`."""
        return _per_byte(self.highest_logprob, self.n_bytes)

    @property
    def tokenization_bits_per_byte(self) -> float | None:
        """Bits for each byte of the text's own token sequence."""
        return _per_byte(self.tokenization_logprob, self.n_bytes)


@dataclass(frozen=True, slots=True)
class DocumentScore:
    """One text under each model.

    Attributes:
        name: the path of a file, `text 2` for the second of the texts.
        n_bytes: its length.
        scores: by model.
    """

    name: str
    n_bytes: int
    scores: Mapping[str, TextScore]

    @property
    def bits(self) -> dict[str, float]:
        """Bits of the whole text, by model; infinite where it has no probability."""
        return {model: score.bits for model, score in self.scores.items()}


@dataclass(frozen=True, slots=True)
class ScoreReport:
    """Texts under models.

    Attributes:
        documents: in the order in which they were given.
        window, stride: bytes, as they were used; None where each text was scored as a whole.
    """

    documents: tuple[DocumentScore, ...]
    window: int | None = None
    stride: int | None = None

    @property
    def bits_per_byte(self) -> dict[str, float]:
        """Bits for each byte of all documents together, by model."""
        n_bytes = sum(document.n_bytes for document in self.documents)
        return {
            model: sum(document.bits[model] for document in self.documents) / n_bytes
            for model in self.documents[0].scores
        }


def score(
    models: Model | Iterable[Model] | Mapping[str, Model],
    data: Text | Iterable[Text],
    *,
    window: int | None = None,
    stride: int | None = None,
) -> ScoreReport:
    """Score texts under one model, or under several side by side.

    Args:
        models: one, a sequence, or a mapping of names to them: byte-level models, or what `load_lm`
            takes. What has to be loaded is held only while it scores. In a sequence a loaded model
            goes by its `name`, any other by the source as it is given.
        data: one text or a sequence. A `str` is the text itself, never the name of a file; an
            `os.PathLike`, such as `pathlib.Path`, is a file with the text.
        window: bytes that a model is shown at once, at least 2; see `ByteModel.logprob`.
        stride: bytes that each window but the first scores; by default half a window.

    Raises:
        ArgumentError: no model or two of one name, no bytes, an option out of range, or a window
            with a model of `encodings="all"`.
        FormatError: a file that cannot be read.
        ModelError: more tokens than a model reads, and no window.
        TokkitError: see `load_lm`.
    """
    windows = check_windows(window, stride)
    named, documents = _named(models), read_documents(data)
    if windows and any(_sums_all(model) for model in named.values()):
        raise ArgumentError(
            "a window goes with canonical encodings; leave it out, or load the model without "
            "encodings='all'"
        )
    scores: dict[str, list[TextScore]] = {}
    for name, model in named.items():
        lm = model if isinstance(model, ByteModel) else load_lm(model)
        scores[name] = [_score(lm, text, *(windows or (None, None))) for _, text in documents]
    scored = (
        DocumentScore(name, len(text), {model: found[k] for model, found in scores.items()})
        for k, (name, text) in enumerate(documents)
    )
    return ScoreReport(tuple(scored), *(windows or ()))


def _named(models: Any) -> dict[str, Model]:
    """Models by name."""
    given = isinstance(models, Mapping)
    several = cast(
        "list[Model]", one_or_several(models.values() if given else models, _MODEL, "models")
    )
    names = [_name(model) for model in several]  # of a mapping, too: it refuses what is no model
    names = list(cast("Mapping[str, Model]", models)) if given else names
    if not names:
        raise ArgumentError("there is no model to score with; pass at least one")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ArgumentError(f"two models are named {twice[0]!r}; pass a mapping of names to models")
    return dict(zip(names, several, strict=True))


def _name(model: Model) -> str:
    if isinstance(model, str | os.PathLike):
        return os.fspath(model)
    check_model(model)
    return model.name


def _sums_all(model: Model) -> bool:
    return isinstance(model, ByteLM) and model.encodings == "all"


def _score(lm: ByteModel, data: bytes, window: int | None, stride: int | None) -> TextScore:
    """One text under one model."""
    highest = tokenization = None
    if _sums_all(lm):
        state = lm.open(data)
        assert isinstance(state, AllEncodingsState)
        logprob, highest = state.logprob_bounds
    else:
        logprob = lm.logprob(data, window=window, stride=stride)
    if isinstance(lm, ByteLM):
        with suppress(EncodingError):  # bytes that the vocabulary lacks, or a part of a character
            tokenization = lm.token_logprob(data, window=window, stride=stride)
    possible = (logprob if highest is None else highest) > -math.inf
    why = None if possible else _why_impossible(lm, data)
    return TextScore(len(data), logprob, highest, tokenization, why)


def _why_impossible(lm: ByteModel, data: bytes) -> str:
    """Why a text has no probability at all."""
    if not isinstance(lm, ByteLM):
        return "the model never writes the text"
    place = lm.vocabulary.first_missing(data)
    if place is None:
        return "no sequence of tokens that the model may write spells the text"
    return f"no token holds the byte 0x{data[place]:02X}, at offset {place}"
