"""How well models predict texts: `score`, in bits that may be compared whatever their vocabularies.

The bits of a text are those of its bytes under the semantics of each model: for a `ByteLM` the sum
over canonical encodings, or over all of them. Beside it stands what is usually reported for a token
model, the log-probability of its own token sequence alone.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import Any, TypeAlias, cast

from tokkit.arguments import check_functions, check_path, check_whole
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.documents import one_or_several
from tokkit.bytelm.encodings.all_encodings_state import AllEncodingsState
from tokkit.bytelm.loading import load_lm
from tokkit.bytelm.windows import check_windows
from tokkit.errors import ArgumentError, EncodingError
from tokkit.scoring.figures import DocumentScore, TextScore
from tokkit.scoring.inputs import Corpus, Document, Text, open_corpus
from tokkit.scoring.records import Progress, Records, changed_text, finite
from tokkit.scoring.report import ScoreReport
from tokkit.scoring.surprise import Surprise, shown_texts, surprises_of
from tokkit.scoring.tokenization import Tokenization
from tokkit.scoring.windows import stream_windows
from tokkit.text.chat.chat import Chat

Model: TypeAlias = Any
"""What `load_lm` takes: a byte-level model, a source, a loaded model of transformers."""
Report: TypeAlias = Callable[[str, int, int], object]
"""Called with what is being done, how many bytes are done, and how many there are."""

_MODEL = (ByteModel, str, os.PathLike)
_MOST_WHOLE = 64 << 20
_SECONDS = 2.0
"""Between two records of one text."""


@dataclass(frozen=True)
class Run:
    """What is asked of a run.

    Attributes:
        corpus: the texts.
        windows: window and stride in bytes; None: each text as a whole.
        records: path of the file of records; None keeps none.
        surprises: bytes whose own bits are kept.
        progress: see `Report`; None tells nobody.
        about: what else the records must agree on, plain data.
    """

    corpus: Corpus
    windows: tuple[int, int] | None = None
    records: str | os.PathLike[str] | None = None
    surprises: int = 0
    progress: Report | None = None
    about: tuple[tuple[str, Any], ...] = ()

    def settings(self) -> dict[str, Any]:
        """For the records."""
        window, stride = self.windows or (None, None)
        field = self.corpus.text_field
        return {"window": window, "stride": stride, "text_field": field, **dict(self.about)}


def score(
    models: Model | Iterable[Model] | Mapping[str, Model],
    data: Text | Iterable[Text],
    *,
    window: int | None = None,
    stride: int | None = None,
    text_field: str = "text",
    records: str | os.PathLike[str] | None = None,
    surprises: int = 0,
    progress: Report | None = None,
) -> ScoreReport:
    """Score texts under one model, or under several side by side.

    Args:
        models: one, a sequence, or a mapping of names to them: byte-level models, or what `load_lm`
            takes. What has to be loaded is held only while it scores. In a sequence a loaded model
            goes by its `name`, any other by the source as it is given.
        data: one text or a sequence. A `str` is the text itself, never the name of a file; an
            `os.PathLike`, such as `pathlib.Path`, is a file: a text, or many as JSON lines
            (`.jsonl`, `.ndjson`) or Parquet. It may be compressed by gzip, bzip2, xz or Zstandard;
            what grows beyond measure is refused.
        window: bytes that a model is shown at once, at least 2; see `ByteModel.logprob`. With it,
            no more of a text is held at once than a window and what stands around it.
        stride: bytes that each window but the first scores; by default half a window.
        text_field: the field of a JSON record, or the column of a Parquet file, with its text.
        records: a file of what has been scored. With the same file a run that was interrupted goes
            on, and refuses texts that have changed since, and other models of the same names.
        surprises: so many bytes from the beginning of the texts are told byte by byte and token by
            token, for the heat map of `ScoreReport.to_html`.
        progress: called with what is being done, how many bytes are done, and how many there are.

    Raises:
        ArgumentError: no model or two of one name, no bytes, an option out of range, a window with
            a model of `encodings="all"`, or records of another run or of other models.
        FormatError: a file that cannot be read, or is damaged.
        MissingExtraError: a file needs a package that is not installed.
        ModelError: more tokens than a model reads, and no window.
        TokkitError: see `load_lm`.
    """
    windows = check_windows(window, stride)
    check_whole("surprises", surprises, 0)
    check_functions(progress=progress)
    if records is not None:
        records = check_path(records, "records", "pass the path of a file")
    named = _named(models)
    if windows and any(_sums_all(model) for model in named.values()):
        raise windows_with_all()
    corpus = open_corpus(data, text_field=text_field)
    loaders = {name: partial(_loaded, model) for name, model in named.items()}
    return score_run(loaders, Run(corpus, windows, records, surprises, progress))


def windows_with_all() -> ArgumentError:
    """The error of a window for a model that sums over all encodings."""
    return ArgumentError(
        "a window goes with canonical encodings; leave it out, or load the model without "
        "encodings='all'"
    )


def score_run(loaders: Mapping[str, Callable[[], ByteModel]], run: Run) -> ScoreReport:
    """Score texts under each model in turn, which is loaded for it."""
    scores: dict[str, list[TextScore]] = {}
    names: list[str] = []
    surprises: list[Surprise] = []
    shown = list(shown_texts(run.corpus, run.surprises))
    with Records.open(run.records, run.settings()) as records:
        for place, (name, load) in enumerate(loaders.items(), 1):
            lm = load()
            records.begin(name, lm)
            of_several = f" ({place} of {len(loaders)})" if len(loaders) > 1 else ""
            turn = _Turn(name, lm, run, records, f"scoring with {name}{of_several}")
            scores[name], names = turn.score_all()
            surprises += surprises_of(name, lm, shown, run.windows)
    documents = (
        DocumentScore(document, found[0].n_bytes, dict(zip(scores, found, strict=True)))
        for document, *found in zip(names, *scores.values(), strict=True)
    )
    return ScoreReport(tuple(documents), *(run.windows or (None, None)), tuple(surprises))


class _Turn:
    """All texts under one model."""

    def __init__(self, name: str, lm: ByteModel, run: Run, records: Records, what: str) -> None:
        self._name, self._lm, self._run = name, lm, run
        self._records, self._what = records, what
        self._done = 0

    def score_all(self) -> tuple[list[TextScore], list[str]]:
        """The scores, and the names of the documents."""
        found: list[TextScore] = []
        names: list[str] = []
        self._tell(0)
        for number, document in enumerate(self._run.corpus.documents()):
            names.append(document.name)
            known = self._records.of(self._name, number, document.name)
            is_whole = self._run.windows is None or document.before is not None
            if is_whole or (known is not None and known.is_whole):
                progress = self._whole(number, document, known)
            else:
                assert self._run.windows is not None
                progress = self._in_windows(number, document, known, self._run.windows)
            self._done += progress.end
            self._tell(0)
            found.append(_text_score(progress))
        return found, names

    def _tell(self, further: int) -> None:
        if self._run.progress is not None:
            done = min(self._done + further, self._run.corpus.n_bytes)
            self._run.progress(self._what, done, self._run.corpus.n_bytes)

    def _whole(self, number: int, document: Document, known: Progress | None) -> Progress:
        """A text in one piece, or one that has been scored already."""
        digest, n_bytes, held = blake2b(digest_size=16), 0, bytearray()
        digest.update(repr(document.before).encode() if document.before is not None else b"")
        for part in document.parts:
            digest.update(part)
            n_bytes += len(part)
            if known is None:
                held += part
                if n_bytes > _MOST_WHOLE:
                    raise ArgumentError(
                        f"{document.name}: more than {_MOST_WHOLE:,} bytes in one text; give a "
                        "window, in which a model is shown so many bytes at once"
                    )
        if known is not None:
            if (known.end, known.digest) != (n_bytes, digest.hexdigest()):
                raise changed_text(document.name)
            return known
        data = bytes(held)
        if document.before is None:
            score = _score_whole(self._lm, data)
        else:
            score = _score_reply(self._lm, document.before, data)
        progress = Progress(
            self._name,
            number,
            document.name,
            n_bytes,
            digest.hexdigest(),
            finite(score.logprob),
            finite(score.highest_logprob),
            finite(score.tokenization_logprob),
            n_bytes,
            score.impossible,
        )
        self._records.add(progress)
        return progress

    def _in_windows(
        self, number: int, document: Document, known: Progress | None, windows: tuple[int, int]
    ) -> Progress:
        """A text window by window, from where it was left."""
        start = 0 if known is None else known.end
        logprob, impossible, tokens = _sums(self._lm, known)
        digest, end, told = blake2b(digest_size=16), 0, time.monotonic()
        met = False  # the text that was scored before

        def progress(*, is_whole: bool) -> Progress:
            return Progress(
                self._name,
                number,
                document.name,
                end,
                digest.hexdigest(),
                finite(logprob),
                None,
                finite(tokens.logprob),
                tokens.end,
                impossible,
                is_whole,
            )

        for window in stream_windows(document.parts, *windows):
            digest.update(window.data)
            end = window.end
            if known is not None:
                met = met or (end == start and digest.hexdigest() == known.digest)
                if end >= start and not met:
                    raise changed_text(document.name)
                if end <= start:
                    continue
            if impossible is None:
                logprob += self._lm.logprob(window.data, prefix=window.context)
                if logprob == -math.inf:
                    impossible = _why_impossible(self._lm, window.data, window.offset)
            if isinstance(self._lm, ByteLM):
                tokens.add(self._lm, window)
            self._tell(end)
            if time.monotonic() - told > _SECONDS:
                self._records.add(progress(is_whole=False))
                told = time.monotonic()
        if end < start:
            raise changed_text(document.name)
        self._records.add(progress(is_whole=True))
        return progress(is_whole=True)


def _sums(lm: ByteModel, known: Progress | None) -> tuple[float, str | None, Tokenization]:
    """Log-probability, why there is none, and tokens, from where they were left."""
    if known is None:
        return 0.0, None, Tokenization(0.0 if isinstance(lm, ByteLM) else None)
    logprob = -math.inf if known.logprob is None else known.logprob
    tokens = Tokenization(known.tokenization_logprob, known.tokens_end)
    return logprob, known.impossible, tokens


def _text_score(progress: Progress) -> TextScore:
    logprob = -math.inf if progress.logprob is None else progress.logprob
    return TextScore(
        progress.end,
        logprob,
        progress.highest_logprob,
        progress.tokenization_logprob,
        progress.impossible,
    )


def _score_whole(lm: ByteModel, data: bytes) -> TextScore:
    """One text under one model."""
    highest = tokenization = None
    if _sums_all(lm):
        state = lm.open(data)
        assert isinstance(state, AllEncodingsState)
        logprob, highest = state.logprob_bounds
    else:
        logprob = lm.logprob(data)
    if isinstance(lm, ByteLM):
        with suppress(EncodingError):  # bytes that the vocabulary lacks, or a part of a character
            tokenization = lm.token_logprob(data)
    possible = (logprob if highest is None else highest) > -math.inf
    why = None if possible else _why_impossible(lm, data)
    return TextScore(len(data), logprob, highest, tokenization, why)


def _score_reply(lm: ByteModel, chat: Chat, data: bytes) -> TextScore:
    """A reply to a chat under one model, whose template it goes into."""
    if not isinstance(lm, ByteLM) or _sums_all(lm):
        raise ArgumentError(
            f"{lm.name}: a chat is scored by a single ByteLM with encodings='canonical', in the "
            "template of its tokenizer"
        )
    _, state = lm.open_chat(chat)
    before = state.prefix_logprob
    state.push(data)
    after = state.prefix_logprob
    logprob = -math.inf if after == -math.inf else after - before
    return TextScore(
        len(data), logprob, impossible=_why_impossible(lm, data) if logprob == -math.inf else None
    )


def _why_impossible(lm: ByteModel, data: bytes, offset: int = 0) -> str:
    """Why a text has no probability at all; `offset` is that of `data` in it."""
    if not isinstance(lm, ByteLM):
        return "the model never writes the text"
    place = lm.vocabulary.first_missing(data)
    if place is None:
        return "no sequence of tokens that the model may write spells the text"
    return f"no token holds the byte 0x{data[place]:02X}, at offset {offset + place}"


# -- models ------------------------------------------------------------------------------------


def _named(models: Any) -> dict[str, Model]:
    """Models by name."""
    given = isinstance(models, Mapping)
    if _is_loaded(models):
        models = [models]
    values = cast("Mapping[str, Any]", models).values() if given else models
    several = one_or_several(values, _MODEL, "models")
    names = [_name(model) for model in several]  # of a mapping, too: it refuses what is no model
    names = list(cast("Mapping[str, Model]", models)) if given else names
    if not names:
        raise ArgumentError("there is no model to score with; pass at least one")
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise ArgumentError(f"two models are named {twice[0]!r}; pass a mapping of names to models")
    return dict(zip(names, several, strict=True))


def _is_loaded(model: Any) -> bool:
    """Whether it is a model of transformers, alone or with its tokenizer."""
    if isinstance(model, tuple):
        parts = cast("tuple[Any, ...]", model)
        return len(parts) == 2 and _is_loaded(parts[0]) and not _is_loaded(parts[1])
    has_forward = callable(getattr(model, "forward", None))
    return has_forward and not isinstance(model, ByteModel)


def _name(model: Model) -> str:
    if isinstance(model, str | os.PathLike):
        return os.fspath(cast("str | os.PathLike[str]", model))
    if _is_loaded(model):
        network = model[0] if isinstance(model, tuple) else model  # pyright: ignore[reportUnknownVariableType]
        return str(getattr(network, "name_or_path", "") or type(network).__name__)  # pyright: ignore[reportUnknownArgumentType]
    check_model(model)
    return model.name


def _loaded(model: Model) -> ByteModel:
    return model if isinstance(model, ByteModel) else load_lm(model)


def _sums_all(model: object) -> bool:
    return isinstance(model, ByteLM) and model.encodings == "all"
