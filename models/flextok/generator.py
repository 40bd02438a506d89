"""`PictureGenerator`: writes the ids of a picture of some class, coarse to fine.

FlexTok, section 4.3: an autoregressive transformer over the ids of a `FlexTok`, told the class. A
prefix of what it writes is a coarser picture already, so it may stop after any number of ids.
Guidance ("Classifier-Free Diffusion Guidance", Ho & Salimans, 2022) compares with what it would
write without being told; for that, the class is hidden in a share of the training.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from tokkit.arguments import as_ids, as_seeds, check_kind, check_real, check_whole, settle_fields
from tokkit.errors import ArgumentError
from tokkit.models.blocks.evaluating import evaluating
from tokkit.models.blocks.options import StackConfig
from tokkit.models.blocks.output_layer import OutputLayer
from tokkit.models.blocks.stack import Stack
from tokkit.models.flextok.labelled_ids import LabelledIds
from tokkit.models.saving.configs import ADDED, Config, config_identity
from tokkit.models.saving.fingerprint import fingerprint_of
from tokkit.models.saving.in_folder import InFolder
from tokkit.models.training.tasks import Task
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer

_MOST = 1 << 24
_AT_ONCE = 256
_DEVIATION = 0.02


@dataclass(frozen=True)
class GeneratorConfig:
    """A generator. The defaults fit the ids of MNIST.

    Attributes:
        n_classes: of pictures.
        n_tokens: ids of a picture.
        vocab_size: different ids.
        stack: sizes of the transformer.
        batch: pictures of a step.
        hidden_classes: share of the pictures of a step whose class is hidden.
        dropout: share of the numbers before and behind the transformer that are dropped in
            training.
        levels: of the finite scalar quantiser that the ids are of; ids that share a level then
            share what is learned of it. Empty: each id is learned by itself.
    """

    n_classes: int = 10
    n_tokens: int = 16
    vocab_size: int = 1024
    stack: StackConfig = field(default_factory=lambda: StackConfig(width=128, n_layers=3))
    batch: int = 64
    hidden_classes: float = 0.1
    dropout: float = 0.3
    levels: tuple[int, ...] = field(default=(), metadata=ADDED)

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value out of range.
        """
        settle_fields(self)
        for name in ("n_classes", "n_tokens", "vocab_size", "batch"):
            check_whole(name, getattr(self, name), 1, _MOST)
        if self.levels and FiniteScalarQuantizer(self.levels).vocab_sizes != (self.vocab_size,):
            raise ArgumentError(
                f"levels {self.levels} make {math.prod(self.levels):,} ids, and vocab_size is "
                f"{self.vocab_size:,}"
            )
        for name in ("hidden_classes", "dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ArgumentError(f"{name} must be from 0 to below 1, got {getattr(self, name)}")


class PictureGenerator(InFolder, nn.Module):
    """Classes to ids, which a `FlexTok` decodes.

    Attributes:
        config: its shape.
        name: for tables and messages; of a model that was loaded its folder's.
    """

    kind: ClassVar[str] = "flextok-generator"
    config_class: ClassVar[type[Config]] = GeneratorConfig

    def __init__(self, config: GeneratorConfig | None = None) -> None:
        """Random weights, by torch's generator.

        Raises:
            ArgumentError: no `GeneratorConfig`.
        """
        super().__init__()
        config = GeneratorConfig() if config is None else config
        check_kind(config, GeneratorConfig, "config")
        self.config = config
        self.name = type(self).__name__
        width = config.stack.width
        self.classes = nn.Embedding(config.n_classes + 1, width)  # the last: hidden
        self.rows = nn.Embedding(config.vocab_size, width)
        self.places = nn.Embedding(config.n_tokens, width)
        for each in (self.classes, self.rows, self.places):
            nn.init.normal_(each.weight, 0, _DEVIATION)
        self.stack = Stack(config.stack)
        self.head = OutputLayer(width, config.vocab_size)
        nn.init.normal_(self.head.weight, 0, _DEVIATION)
        if config.levels:
            self.shared_rows = _LevelRows(config.levels, width)
            self.shared_head = _LevelRows(config.levels, width)

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of the configuration and all weights."""
        return fingerprint_of(self, self.config)

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.head.weight.device

    def forward(self, ids: torch.Tensor, classes: torch.Tensor) -> torch.Tensor:
        """Logits of the next ids, float (n, length + 1, vocab_size).

        Args:
            ids: int64 (n, length), those that are written, fewer than `n_tokens`.
            classes: int64 (n,); `n_classes` for a hidden one.
        """
        told = self.classes(classes)[:, None]
        rows, head = self.rows.weight, self.head.weight
        if self.config.levels:
            rows, head = rows + self.shared_rows(), head + self.shared_head()
        x = torch.cat([told, rows[ids]], 1) + self.places.weight[: ids.shape[1] + 1]
        x = self.stack(functional.dropout(x, self.config.dropout, self.training))
        x = functional.dropout(x, self.config.dropout, self.training)
        return functional.linear(x, head, self.head.bias)

    def generate(
        self,
        classes: Sequence[int] | NDArray[np.integer[Any]],
        *,
        seeds: Sequence[int] | NDArray[np.integer[Any]],
        budget: int | None = None,
        temperature: float = 1.0,
        guidance: float = 1.0,
    ) -> NDArray[np.int64]:
        """The ids of new pictures, each drawn by a seed of its own.

        Args:
            classes: of the pictures.
            seeds: of each of them.
            budget: ids of a picture; None: all.
            temperature: that logits are divided by; 0 takes the most likely id.
            guidance: 1: none; more moves away from what is written without the class.

        Returns:
            int64 (pictures, budget).

        Raises:
            ArgumentError: an unknown class, another number of seeds, or an option out of range.
        """
        config = self.config
        told = [
            check_whole("a class", each, 0, config.n_classes - 1)
            for each in as_ids(classes, "classes")
        ]
        drawn = as_seeds(seeds, len(told), "classes")
        n = config.n_tokens if budget is None else check_whole("budget", budget, 1, config.n_tokens)
        for name, value in (("temperature", temperature), ("guidance", guidance)):
            if check_real(name, value) < 0:
                raise ArgumentError(f"{name} must be at least 0, got {value}")
        found = [np.zeros((0, n), np.int64)]
        with evaluating(self):
            for at in range(0, len(told), _AT_ONCE):
                some = slice(at, at + _AT_ONCE)
                rows = torch.tensor(told[some], device=self.device)
                found.append(self._written(rows, drawn[some], n, temperature, guidance))
        return np.concatenate(found)

    def _written(
        self,
        classes: torch.Tensor,
        seeds: Sequence[int],
        n: int,
        temperature: float,
        guidance: float,
    ) -> NDArray[np.int64]:
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]
        hidden = torch.full_like(classes, self.config.n_classes)
        ids = torch.zeros(len(classes), 0, dtype=torch.int64, device=self.device)
        for _ in range(n):
            logits = self(ids, classes)[:, -1].double()
            if guidance != 1:
                without = self(ids, hidden)[:, -1].double()
                logits = without + guidance * (logits - without)
            if temperature:
                # Gumbel's noise: the largest is a draw, and each row draws from its own generator
                noise = [
                    torch.rand(logits.shape[1], generator=each).double() for each in generators
                ]
                smallest = torch.finfo(torch.float32).tiny
                uniform = torch.stack(noise).clamp(min=smallest).to(logits)
                logits = logits / temperature - (-uniform.log()).log()
            ids = torch.cat([ids, logits.argmax(1)[:, None]], 1)
        return ids.cpu().numpy()

    # -- training ------------------------------------------------------------------------------

    def training_task(self, data: Any, *, seed: int) -> Task:
        """What it learns from ids; see `tokkit.models.training.train`.

        Args:
            data: `LabelledIds`.
            seed: of an order; there is none, the loop seeds what is drawn.

        Raises:
            ArgumentError: something else, or ids or classes that it does not have.
        """
        del seed
        check_kind(data, LabelledIds, "data", "PictureGenerator learns from ids with classes")
        config, ids = self.config, data.ids
        if ids.shape[1] != config.n_tokens or int(ids.max()) >= config.vocab_size:
            raise ArgumentError(
                f"ids of {ids.shape[1]} places up to {int(ids.max())}, and the generator has "
                f"{config.n_tokens} places of {config.vocab_size} ids"
            )
        if (most := int(data.labels.max())) >= config.n_classes:
            raise ArgumentError(f"a class is {most}, and the generator has {config.n_classes}")
        lesson = _Lesson(self, data)
        identity = {"ids": data.fingerprint(), "config": config_identity(config)}
        return Task(lesson.loss, lesson.evaluate, identity, save=self.save)


class _LevelRows(nn.Module):
    """What the levels of an id add to the row of it: a row for each level of each column."""

    _places: torch.Tensor

    def __init__(self, levels: Sequence[int], width: int) -> None:
        super().__init__()
        # The first column is the lowest digit of an id, as in `FiniteScalarQuantizer`. By torch,
        # so that a model on no device, by which a header is checked, takes no memory.
        sizes = torch.tensor(levels)
        digits = torch.arange(math.prod(levels))[:, None] // (sizes.cumprod(0) // sizes) % sizes
        self.register_buffer("_places", digits + sizes.cumsum(0) - sizes, persistent=False)
        self.weight = nn.Parameter(torch.randn(sum(levels), width) * _DEVIATION)

    def forward(self) -> torch.Tensor:
        """Float (ids, width)."""
        return functional.embedding_bag(self._places, self.weight, mode="sum")


class _Lesson:
    """Ids and classes, as a generator learns from them."""

    def __init__(self, model: PictureGenerator, data: LabelledIds) -> None:
        self._model = model
        known, held_out = data.parts()
        self._ids, self._labels = torch.from_numpy(data.ids), torch.from_numpy(data.labels)
        self._known, self._held_out = torch.from_numpy(known), torch.from_numpy(held_out)

    def _nats(self, places: torch.Tensor, *, hide: float) -> torch.Tensor:
        """Of each id of some pictures, float (n, n_tokens)."""
        model = self._model
        ids = self._ids[places].to(model.device)
        hidden = torch.rand(len(places)) < hide
        classes = torch.where(hidden, model.config.n_classes, self._labels[places])
        logits = model(ids[:, :-1], classes.to(model.device))
        return functional.cross_entropy(logits.mT, ids, reduction="none")

    def loss(self, number: int) -> torch.Tensor:
        """Nats an id, on pictures that are drawn."""
        del number  # the generator is seeded with it
        config = self._model.config
        places = self._known[torch.randint(len(self._known), (config.batch,))]
        return self._nats(places, hide=config.hidden_classes).mean()

    def evaluate(self) -> Mapping[str, float]:
        """Bits an id on held-out pictures, told their class."""
        if not len(self._held_out):
            return {}
        parts = [self._nats(some, hide=0.0) for some in self._held_out.split(_AT_ONCE)]
        return {"bits_per_id": float(torch.cat(parts).mean() / np.log(2))}
