"""`SubwordTransformer`: a causal transformer over the tokens of a tokenizer.

As a `ByteModel` it is a `ByteLM`: its byte probabilities are exact sums over canonical encodings.
What training minimises, `nats`, is another thing: the cost of each window's own tokens, with no
token forbidden, as it is for token models elsewhere. The two differ by what the model gives to
sequences that the tokenizer never makes, and by the tokens that a window's end cuts off.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import numpy as np
import torch

from tokkit.arguments import check_kind
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.documents import Text
from tokkit.bytelm.token_models.starting_ids import ending_id
from tokkit.errors import ArgumentError, EncodingError, FormatError, UnsupportedError
from tokkit.models.subword.config import SubwordConfig
from tokkit.models.subword.network import TokenNetwork
from tokkit.models.subword.token_lm import SubwordLM
from tokkit.models.subword.vocabulary import VOCAB_SIZE, train_tokenizer
from tokkit.models.text_models.corpus import Texts
from tokkit.models.text_models.further_symbols import nats_with_further
from tokkit.models.text_models.predictions import nats_of_states
from tokkit.models.text_models.text_model import TextModel
from tokkit.models.text_models.windows import NO_TARGET, Windows
from tokkit.models.training.tasks import Task
from tokkit.text.tokenizer import TextTokenizer

_TOKENIZER = "tokenizer"
"""The folder, within that of the model."""


class SubwordTransformer(TextModel, ByteLM):
    """A `ByteModel` that predicts token after token."""

    kind: ClassVar[str] = "subword-transformer"
    config_class: ClassVar[Any] = SubwordConfig

    def __init__(
        self, config: SubwordConfig | None, tokenizer: TextTokenizer, *, seed: int = 0
    ) -> None:
        """Build it, with parameters that are drawn.

        Args:
            config: its shape; None for the default, which trains on a laptop.
            tokenizer: whose tokens it reads and predicts.
            seed: of the draw.

        Raises:
            ArgumentError: the tokenizer has no token to end a text with.
            EncodingError: `eos_id` is outside its vocabulary.
        """
        check_kind(tokenizer, TextTokenizer, "tokenizer", "load one with load_tokenizer")
        super().__init__()
        self.config = config or SubwordConfig()
        end_id = ending_id(tokenizer, self.config.eos_id)
        self.network = TokenNetwork(self.config, tokenizer.vocab_size, seed=seed)
        ByteLM.__init__(
            self, SubwordLM(self.network, tokenizer, end_id), name="subword transformer"
        )
        self._end_id = end_id

    def nats(self, windows: Windows) -> torch.Tensor:
        """What the tokens of each window cost, and its end where it has one; see `TextModel.nats`.

        Raises:
            EncodingError: a window that the vocabulary cannot express.
        """
        symbols, targets = self._laid_out(windows)
        return nats_of_states(self.network.states(symbols), self.network.head, targets)

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.training_nats`.

        Raises:
            EncodingError: a window that the vocabulary cannot express.
        """
        symbols, targets = self._laid_out(windows)
        network = self.network
        return nats_with_further(network.states(symbols), network.head, targets, network.further)

    def training_task(self, data: Texts | Text | Sequence[Text], *, seed: int) -> Task:
        """See `TextModel.training_task`; a training of another tokenizer's tokens is another."""
        task = super().training_task(data, seed=seed)
        try:
            identity = {**task.identity, "tokenizer": self.tokenizer.fingerprint}
        except UnsupportedError:  # it cannot be saved either, so no folder goes on with it
            return task
        return replace(task, identity=identity)

    def _laid_out(self, windows: Windows) -> tuple[torch.Tensor, torch.Tensor]:
        """Tokens and what is to be predicted behind each, int64 (n, most + 1)."""
        ids = [self.tokenizer.encode(each, normalize=False) for each in windows.data]
        ends = windows.ends.tolist()
        longest = max(map(len, ids))
        symbols = np.full((len(ids), longest + 1), self._end_id, dtype=np.int64)
        targets = np.full_like(symbols, NO_TARGET)
        for k, (tokens, is_end) in enumerate(zip(ids, ends, strict=True)):
            symbols[k, 1 : len(tokens) + 1] = tokens
            targets[k, : len(tokens)] = tokens
            if is_end:
                targets[k, len(tokens)] = self._end_id
        tensors = torch.from_numpy(symbols), torch.from_numpy(targets)
        return tensors[0].to(self.device), tensors[1].to(self.device)

    def save_parts(self, folder: Path) -> Sequence[str]:
        """See `TextModel.save_parts`: the tokenizer."""
        self.tokenizer.save(folder / _TOKENIZER)
        names = sorted(each.name for each in (folder / _TOKENIZER).iterdir())
        return [f"{_TOKENIZER}/{name}" for name in names]

    @classmethod
    def fresh(
        cls,
        config: Any,
        *,
        texts: Sequence[bytes],
        tokenizer: TextTokenizer | None,
        vocab_size: int | None,
        seed: int,
    ) -> Self:
        """See `TextModel.fresh`; without a tokenizer one of 8,192 tokens is trained on the texts.

        Raises:
            ArgumentError: a size beside a tokenizer, or one out of range.
            MissingExtraError: `tokenizers`, which trains, is not installed.
        """
        if tokenizer is None:
            size = VOCAB_SIZE if vocab_size is None else vocab_size
            tokenizer = train_tokenizer(texts, vocab_size=size)
        elif vocab_size is not None:
            raise ArgumentError("vocab_size is of a tokenizer that is trained, and one was given")
        return cls(config, tokenizer, seed=seed)

    @classmethod
    def build(cls, config: Any, folder: Path) -> Self:
        """See `TextModel.build`."""
        tokenizer = TextTokenizer.load(folder / _TOKENIZER)
        try:
            return cls(config, tokenizer)
        except (ArgumentError, EncodingError) as error:
            raise FormatError(f"{folder}: {error}") from error
