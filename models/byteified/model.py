"""`Byteified`: a byte model whose backbone is that of a token model.

The backbone reads the tokens of a text as soon as they are settled (`settling`), a pass for each
token, and a small decoder over bytes goes from there to the next byte (`decoder`). Compared with
the exact sum over tokens (`tokkit.ByteLM`), which runs the backbone for each place where a token
may have ended, it costs about a pass a token; what it loses is told in `docs/models.md`.

The route is that of "Bolmo" (Minixhofer et al., 2025): a local decoder, embeddings of the subwords
that a text ends with, and distillation from the token model. Where it differs: boundaries are not
predicted but are those of the tokenizer, known one byte later; so the token's own embedding is what
the backbone reads, and needs no encoder.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.loading import load_lm
from tokkit.errors import ArgumentError, ModelError
from tokkit.models.byteified.config import ByteifiedConfig, TokenModelConfig
from tokkit.models.byteified.decoder import LEAST, Decoder, DecoderCache, ViewBatch
from tokkit.models.byteified.token_view import Reading, TokenReader, TokenView
from tokkit.models.saving.fingerprint import fingerprint_of_weights
from tokkit.models.saving.folders import load_model
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import NO_TARGET, Windows, symbol_rows
from tokkit.text.spec import vocabulary_hash


@dataclass(frozen=True, eq=False)
class ByteifiedCache:
    """What the model has read.

    Attributes:
        reading: of the token model.
        decoder: of the decoder.
    """

    reading: Reading
    decoder: DecoderCache


class Byteified(CachedTextModel):
    """A `ByteModel`: a decoder of bytes on a token model.

    The token model is no part of the module: it is neither trained nor saved. Its device and dtype
    are its own.
    """

    kind: ClassVar[str] = "byteified"
    config_class: ClassVar[Any] = ByteifiedConfig

    def __init__(self, config: ByteifiedConfig, lm: ByteLM | None = None, *, seed: int = 0) -> None:
        """Build it, with a decoder whose parameters are drawn.

        Args:
            config: its shape.
            lm: the token model, looked through with canonical encodings; None: `attach` one before
                anything is asked.
            seed: of the draw.

        Raises:
            ModelError: the token model is another than the configuration speaks of.
            UnsupportedError: it gives no hidden states.
        """
        super().__init__()
        self.config = config
        self.name = "byteified"
        self.decoder = Decoder(config, seed=seed)
        self._reader: TokenReader | None = None
        if lm is not None:
            self.attach(lm)

    def attach(self, lm: ByteLM) -> None:
        """Read with a token model from now on: the one it was trained for, or one tuned from it.

        Raises:
            ModelError: another vocabulary or width than the configuration speaks of.
            UnsupportedError: it gives no hidden states.
        """
        reader, wanted = TokenReader(lm), self.config.token_model
        found = described(lm, reader)
        if replace(found, source=wanted.source) != wanted:
            raise ModelError(
                f"the byteified model is for a token model of {_told(wanted)}, and {lm.name} has "
                f"{_told(found)}; give the model that it was made from"
            )
        self.name = f"byteified {lm.name}"
        self._reader = reader
        self.decoder.get_buffer("held").copy_(torch.from_numpy(reader.held_bytes))
        if self.config.decoder.suffixes:
            self.decoder.look_up(embedding_rows(lm))

    @property
    def reader(self) -> TokenReader:
        """Of the token model.

        Raises:
            ModelError: there is none.
        """
        if self._reader is None:
            raise ModelError(f"{self.name} has no token model; attach one")
        return self._reader

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`; only the decoder has a gradient."""
        reader = self.reader
        _, views = reader.read([reader.start()] * len(windows), windows.data, first=True)
        probabilities = self.decoder(windows.symbols, self.batch(views))
        return nats_of_probabilities(probabilities, windows.targets())

    def batch(self, views: Sequence[TokenView]) -> ViewBatch:
        """Views side by side, where the decoder is."""
        return ViewBatch.of(views, self.decoder.head.weight)

    def begin(self) -> tuple[ByteifiedCache, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        cache = ByteifiedCache(self.reader.start(), self.decoder.start_cache())
        (cache,), (rows,) = self._extend([cache], [b""], first=True)
        return cache, rows[0]

    def extend(
        self, caches: Sequence[ByteifiedCache], data: Sequence[bytes]
    ) -> tuple[list[ByteifiedCache], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        return self._extend(caches, data, first=False)

    def _extend(
        self, caches: Sequence[ByteifiedCache], data: Sequence[bytes], *, first: bool
    ) -> tuple[list[ByteifiedCache], list[NDArray[np.float64]]]:
        readings, views = self.reader.read([each.reading for each in caches], data, first=first)
        symbols, lengths = symbol_rows(data, before=[END] * first, device=self.device)
        with self.evaluating():
            probabilities, decoders = self.decoder.extend(
                symbols,
                lengths,
                [each.decoder for each in caches],
                self.batch(views),
            )
            rows = probabilities.double()
            totals = rows.sum(-1, keepdim=True)  # 0 after bytes that no token holds
            logs = (rows / totals.where(totals > 0, 1.0)).log().cpu().numpy()
        later = [ByteifiedCache(*each) for each in zip(readings, decoders, strict=True)]
        return later, [row[:length] for row, length in zip(logs, lengths, strict=True)]

    @classmethod
    def load(
        cls,
        folder: str | os.PathLike[str],
        *,
        dtype: str | None = None,
        device: str | None = None,
        token_model: str | os.PathLike[str] | ByteLM | None = None,
        **others: Any,
    ) -> Self:
        """Read what `save` wrote, and load the token model.

        Args:
            folder: that it wrote.
            dtype: of the decoder; see `TextModel.load`.
            device: of both.
            token_model: another than the folder names, loaded or to load.
            **others: for `tokkit.load_lm` of the token model.

        Raises:
            ArgumentError: an option that does not exist, or no token model is named anywhere.
            FormatError: a file is missing or damaged, or of another kind of model.
            ModelError: the token model is another than it was made from.
        """
        model = load_model(cls, folder, dtype=dtype, device=device)
        source = model.config.token_model.source if token_model is None else token_model
        if source is None:
            raise ArgumentError(
                f"{os.fspath(folder)!r} names no token model; give the one that it was made from "
                "as token_model"
            )
        if not isinstance(source, ByteLM):
            source = load_lm(source, device=device, **others)
        model.attach(source)
        return model


def described(lm: ByteLM, reader: TokenReader, source: str | None = None) -> TokenModelConfig:
    """What a configuration says of a token model."""
    spec = lm.token_lm.tokenizer.spec
    return TokenModelConfig(
        state_width=reader.width,
        row_width=embedding_rows(lm, [0]).shape[1],
        n_ids=reader.n_ids,
        vocabulary=vocabulary_hash(spec, spec.vocab_size),
        source=source,
    )


def weights_of(lm: ByteLM) -> str:
    """Hexadecimal, of the numbers of a token model."""
    model: Any = lm.token_lm.shared_parts[0]  # type: ignore[attr-defined]
    return fingerprint_of_weights(model)


def _told(config: TokenModelConfig) -> str:
    return (
        f"{config.n_ids:,} ids ({config.vocabulary[:8]}), hidden states of {config.state_width} "
        f"columns and rows of {config.row_width}"
    )


def embedding_rows(lm: ByteLM, ids: Sequence[int] | None = None) -> torch.Tensor:
    """What the token model reads for some ids, or for all: float32 (n, row_width)."""
    model: Any = lm.token_lm.shared_parts[0]  # type: ignore[attr-defined]
    wanted = torch.arange(lm.token_lm.tokenizer.vocab_size) if ids is None else torch.tensor(ids)
    with torch.inference_mode():
        return model.get_input_embeddings()(wanted.to(model.device)).float().clone()


def nats_of_probabilities(probabilities: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """What the targets of each row cost: float (n,), nats; infinite where one has no probability.

    Args:
        probabilities: float (n, length, 257).
        targets: int64 (n, length), `NO_TARGET` where there is nothing to predict.
    """
    found = probabilities.gather(-1, targets.clamp(min=0)[..., None])[..., 0]
    logs = torch.where(found > 0, found.clamp(min=LEAST).log(), -torch.inf)
    return -torch.where(targets == NO_TARGET, 0.0, logs).sum(1)
