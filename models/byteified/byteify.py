"""`byteify`: from a token model and texts to a byte model on its backbone.

1. The token model reads windows of the texts, in all exactness; the lessons are written down.
2. A decoder learns from them: its law of the next byte should be the exact one, by the
   cross-entropy between the two, which has less noise than the bytes themselves.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace

import numpy as np
import torch

from tokkit.arguments import check_kind, check_whole, say_nothing
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.documents import Text
from tokkit.bytelm.loading import load_lm
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.models.byteified.config import ByteifiedConfig, DecoderConfig
from tokkit.models.byteified.decoder import LEAST
from tokkit.models.byteified.lessons import WEIGHTS, Lesson, prepared_lessons
from tokkit.models.byteified.model import (
    Byteified,
    described,
    nats_of_probabilities,
    weights_of,
)
from tokkit.models.byteified.token_view import TokenReader
from tokkit.models.kinds import LESSONS
from tokkit.models.saving.weights import check_folder
from tokkit.models.text_models.corpus import Corpus, Texts, as_texts
from tokkit.models.text_models.learning import BITS_PER_BYTE
from tokkit.models.text_models.windows import Windows
from tokkit.models.training.loop import TrainingResult, train
from tokkit.models.training.options import TrainingOptions

Progress = Callable[[str, int, int], None]
TEACHER = "bits_per_byte of the token model, exactly"
_HELD_OUT_EVERY = 10
_WINDOWS_OF_A_BATCH = 8


def byteify(
    lm: ByteLM | str | os.PathLike[str],
    texts: Texts | Text | Sequence[Text],
    folder: str | os.PathLike[str],
    training: TrainingOptions,
    *,
    lesson_bytes: int = 400_000,
    windows_at_once: int = 8,
    decoder: DecoderConfig | None = None,
    progress: Progress | None = None,
) -> tuple[Byteified, TrainingResult]:
    """Make a byte model of a token model, or go on with one.

    Args:
        lm: the token model, looked through with canonical encodings, or what `tokkit.load_lm`
            takes; only then can the folder be opened without naming it again.
        texts: of the kinds that the model is for.
        folder: made where it is missing; gets lessons, checkpoints, records and the model. What it
            holds of an earlier call is used.
        training: budget, learning rate, seed; see `TrainingOptions`.
        lesson_bytes: of text that the token model reads. A tenth of it is held out.
        windows_at_once: of a batch.
        decoder: its shape.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        ArgumentError: no texts or less than two windows of them, no path, or an option out of
            range.
        UnsupportedError: a token model that gives no hidden states.
        FormatError: the folder cannot be written, or holds something damaged.
        ModelError: it holds another training, or lessons of other texts or another model; hidden
            states beyond half precision.
        KeyboardInterrupt: after a checkpoint was written; lessons that were made stay.
    """
    check_kind(training, TrainingOptions, "training")
    check_whole("lesson_bytes", lesson_bytes, 1)
    check_whole("windows_at_once", windows_at_once, 1)
    tell, path = progress or say_nothing, check_folder(folder)
    asked = as_texts(texts)
    corpus = _corpus_of(asked)
    source = os.fspath(lm) if isinstance(lm, str | os.PathLike) else None
    loaded = _over_tokens(lm if source is None else load_lm(source))
    reader = TokenReader(loaded)
    # Further batches would begin anew, and hold out what was learned from.
    most = corpus.n_bytes // corpus.batch_bytes
    n_batches = min(max(2, -(-lesson_bytes // corpus.batch_bytes)), most)
    token_model = described(loaded, reader, source)
    about = {
        "token model": asdict(token_model),
        WEIGHTS: weights_of(loaded),
        "texts": corpus.fingerprint(),
        "window_bytes": asked.window_bytes,
    }
    if corpus.batch_bytes != _WINDOWS_OF_A_BATCH * asked.window_bytes:
        about["batch_bytes"] = corpus.batch_bytes
    prepared = prepared_lessons(loaded, reader, corpus, n_batches, path / LESSONS, about)
    learned, held_out = _parted(prepared, n_batches, tell)
    config = ByteifiedConfig(token_model, decoder or DecoderConfig())
    model = Byteified(config, loaded, seed=training.seed)

    def loss(number: int) -> torch.Tensor:
        order = np.random.default_rng([training.seed, number]).permutation(len(learned))
        return _loss(model, [learned[each] for each in order[:windows_at_once].tolist()])

    result = train(
        model,
        loss,
        training,
        folder=path,
        evaluate=lambda: _figures(model, held_out, windows_at_once),
        identity={
            "config": asdict(config),
            "texts": about["texts"],
            "bytes": lesson_bytes,
            "windows_at_once": windows_at_once,
        },
        progress=tell,
    )
    model.save(path)
    mean_bytes = sum(len(each.data) for each in learned) / len(learned)
    n_bytes = round(mean_bytes * min(windows_at_once, len(learned)) * training.batches)
    return model, replace(result, step_bytes=n_bytes)


def _over_tokens(lm: object) -> ByteLM:
    """The model, if its law of bytes is that of its tokens, along canonical encodings.

    Raises:
        ArgumentError: it follows other encodings.
        UnsupportedError: it has no tokens.
    """
    if not isinstance(lm, ByteLM):
        raise UnsupportedError(f"{lm!r:.60} reads bytes already; byteify a model over tokens")
    if lm.encodings != "canonical":
        raise ArgumentError("a byteified model follows canonical encodings; load the model so")
    return lm


def _corpus_of(asked: Texts) -> Corpus:
    """The texts in batches, of which there are two at least.

    Raises:
        ArgumentError: there is too little text.
    """
    corpus = _in_batches(asked, _WINDOWS_OF_A_BATCH)
    if corpus.n_bytes < 2 * corpus.batch_bytes:
        corpus = _in_batches(asked, 1)
    if corpus.n_bytes < 2 * corpus.batch_bytes:
        raise ArgumentError(
            f"{corpus.n_bytes:,} bytes of text, and a part of them is held out; give two windows "
            f"of {asked.window_bytes:,} bytes at least, or make window_bytes of Texts smaller"
        )
    return corpus


def _in_batches(asked: Texts, n_windows: int) -> Corpus:
    return Corpus(replace(asked, held_out=0.0, batch_bytes=n_windows * asked.window_bytes), seed=0)


def _parted(
    prepared: Iterable[Sequence[Lesson]], n_batches: int, tell: Progress
) -> tuple[list[Lesson], list[Lesson]]:
    """Lessons to learn from, and those that are held out: some batches, and the last.

    Raises:
        ArgumentError: one of them is empty.
    """
    learned: list[Lesson] = []
    held_out: list[Lesson] = []
    for number, lessons in enumerate(prepared, start=1):
        is_held_out = number % _HELD_OUT_EVERY == 0 or number == n_batches
        (held_out if is_held_out else learned).extend(lessons)
        tell("reading with the token model", number, n_batches)
    if not learned or not held_out:
        raise ArgumentError("the token model can write too little of the texts; give more of them")
    return learned, held_out


def _probabilities(model: Byteified, lessons: Sequence[Lesson]) -> tuple[Windows, torch.Tensor]:
    windows = Windows.of([each.data for each in lessons], ends=[each.ends for each in lessons])
    windows = windows.to(model.device)
    return windows, model.decoder(windows.symbols, model.batch([each.view for each in lessons]))


def _loss(model: Byteified, lessons: Sequence[Lesson]) -> torch.Tensor:
    """Mean cross-entropy of the exact law and the model's, nats a place."""
    windows, found = _probabilities(model, lessons)
    taught = torch.zeros_like(found)
    for row, lesson in zip(taught, lessons, strict=True):
        row[: len(lesson.taught)] = torch.from_numpy(lesson.taught).to(row).exp()
    total = (taught * found.clamp(min=LEAST).log()).sum()
    return -total / (windows.n_bytes + len(windows))


def _figures(model: Byteified, lessons: Sequence[Lesson], at_once: int) -> dict[str, float]:
    """Bits for each byte of lessons that nothing is learned from: the model's and the teacher's."""
    nats = taught = 0.0
    n_bytes = sum(len(each.data) for each in lessons)
    for first in range(0, len(lessons), at_once):
        some = lessons[first : first + at_once]
        windows, found = _probabilities(model, some)
        nats += float(nats_of_probabilities(found, windows.targets()).sum())
        for lesson in some:
            rows = lesson.taught.astype(np.float64)
            taught -= float(rows[np.arange(len(lesson.data)), list(lesson.data)].sum())
            taught -= float(rows[-1, -1]) if lesson.ends else 0.0
    bit = float(np.log(2))
    return {BITS_PER_BYTE: nats / bit / n_bytes, TEACHER: taught / bit / n_bytes}
