"""`FlexTok`: a tokenizer of pictures whose first ids are a coarser picture."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from tokkit.arguments import as_items, as_seeds, check_flags, check_kind, check_whole
from tokkit.errors import ArgumentError
from tokkit.models.blocks.evaluating import evaluating
from tokkit.models.flextok.checks import as_picture, as_pictures
from tokkit.models.flextok.config import FlexTokConfig
from tokkit.models.flextok.encoder import Feedback, RegisterEncoder
from tokkit.models.flextok.flow_decoder import FlowDecoder, draw_pictures
from tokkit.models.flextok.learning import (
    flow_loss,
    moved,
    nearest_points,
    powers_of_two,
    step_loss,
)
from tokkit.models.flextok.mean_decoder import MeanDecoder
from tokkit.models.flextok.pictures import Pictures
from tokkit.models.flextok.search import distances, searched
from tokkit.models.saving.configs import Config, config_identity
from tokkit.models.saving.fingerprint import fingerprint_of
from tokkit.models.saving.in_folder import InFolder
from tokkit.models.training.tasks import Task
from tokkit.quantize.finite_scalar import FiniteScalarQuantizer
from tokkit.quantize.usage import perplexity
from tokkit.tokenizer import (
    Ids,
    Modality,
    PrefixAxis,
    Tokenizer,
    as_id_array,
    refuse_context,
)

_AT_ONCE, _NUMBERS_AT_ONCE = 64, 1 << 20
"""Pictures, and numbers in them, that go through a network together, but for a single one; a search
reads each of them a hundred times."""


class FlexTok(InFolder, nn.Module, Tokenizer[NDArray[np.uint8]]):
    """Pictures as up to `n_tokens` ids, each of which says more of the picture.

    A signal is uint8 (height, width, channels). Any number of first ids decodes to a picture:
    without a seed to the one that is expected, which is the nearest to what was encoded and is
    blurred where the ids leave something open; with a seed to one that is drawn, and looks real.

    Attributes:
        config: its shape.
        name: for tables and messages; of a model that was loaded its folder's.
        encoder: the registers.
        feedback: tells each register what the codes before it have left out; None: nothing does.
        quantizer: a grid, of nothing that is learned.
        mean_decoder: gives expected pictures.
        flow_decoder: draws pictures.
    """

    kind: ClassVar[str] = "flextok"
    config_class: ClassVar[type[Config]] = FlexTokConfig

    def __init__(self, config: FlexTokConfig | None = None) -> None:
        """Random weights, by torch's generator.

        Raises:
            ArgumentError: no `FlexTokConfig`.
        """
        super().__init__()
        config = FlexTokConfig() if config is None else config
        check_kind(config, FlexTokConfig, "config")
        self.config = config
        self.name = type(self).__name__
        self.encoder = RegisterEncoder(config)
        self.feedback = Feedback(config) if config.feedback else None
        self.quantizer = FiniteScalarQuantizer(config.levels)
        self.mean_decoder = MeanDecoder(config)
        self.flow_decoder = FlowDecoder(config)

    # -- as a tokenizer ------------------------------------------------------------------------

    @property
    def modality(self) -> Modality:
        """The kind of signal: "image"."""
        return "image"

    @property
    def vocab_sizes(self) -> tuple[int, ...]:
        """One stream, of the grid's size."""
        return self.quantizer.vocab_sizes

    @property
    def prefix_axis(self) -> PrefixAxis:
        """Ids: the first ones are a coarser picture."""
        return "sequence"

    @property
    def deterministic(self) -> bool:
        """False: with a seed, `decode` draws a picture."""
        return False

    @property
    def fingerprint(self) -> str:
        """Hexadecimal, of the configuration and all weights."""
        return fingerprint_of(self, self.config)

    def encode(
        self, x: Any, /, *, budget: int | None = None, context: Any = None
    ) -> NDArray[np.int64]:
        """The ids of a picture, coarse to fine.

        Args:
            x: uint8 (height, width, channels).
            budget: at most so many ids.
            context: None; there is none.

        Returns:
            int64 (n_tokens,), or fewer by the budget.

        Raises:
            ArgumentError: another shape or type, a budget below 1, or a context.
        """
        refuse_context(self, context)
        picture = as_picture(x, self.config.shape)
        if budget is not None:
            check_whole("budget", budget, 1)
        return self.encode_many(picture[None])[0, :budget]

    def decode(self, ids: Ids, *, seed: int | None = None) -> NDArray[np.uint8]:
        """The picture of some first ids, uint8 (height, width, channels).

        Args:
            ids: (n,), from 0 to `n_tokens` of them; absent ones (-1) may stand behind.
            seed: None for the picture that is expected; a number draws one.

        Raises:
            ArgumentError: ids of another shape or too many, or a seed below 0.
            EncodingError: an id outside the grid.
        """
        return self.decode_many([ids], seeds=None if seed is None else [seed])[0]

    def soft_assign(self, x: Any, *, context: Any = None) -> NDArray[np.float32]:
        """How likely each code is, float32 (n_tokens, codes), natural logarithms.

        Raises:
            ArgumentError: as `encode`.
        """
        refuse_context(self, context)
        picture = as_picture(x, self.config.shape)
        with evaluating(self):
            x = self._tensor(picture[None])
            ids, vectors = self._searched(x)
            # a code that the search has moved to is as near as the one that it came from was
            moves = self.quantizer.decode(ids) - self.quantizer.decode(
                self.quantizer.encode(vectors)
            )
            vectors = (vectors + moves.to(vectors.dtype))[0]
            soft = self.quantizer.soft_assign(vectors, temperature=self.config.temperature)
            return soft.float().cpu().numpy()

    def n_units(self, ids: Ids) -> float:
        """Pixels of a picture, whatever its ids.

        Raises:
            ArgumentError: ids of another shape or too many.
            EncodingError: an id outside the grid.
        """
        self._checked(ids)
        return self.config.height * self.config.width

    # -- many at once --------------------------------------------------------------------------

    def encode_many(self, x: Any, /, *, search: bool = True) -> NDArray[np.int64]:
        """The ids of pictures, int64 (n, n_tokens), in less time than one by one.

        No picture depends on another but by the rounding of float32, which depends on the size of a
        batch: a number at the border of two levels may fall to the other side.

        Args:
            x: uint8 (n, height, width, channels).
            search: whether better ids are looked for, as `encode` does; without, they are the
                encoder's, which takes a fraction of the time.

        Raises:
            ArgumentError: another shape or type, or none; no truth value.
        """
        check_flags(search=search)
        pictures = as_pictures(x, self.config.shape)
        found: list[NDArray[np.int64]] = []
        with evaluating(self):
            for some in self._at_once(len(pictures)):
                x = self._tensor(pictures[some])
                ids = self._searched(x)[0] if search else self.quantizer.encode(self.bounded(x))
                found.append(ids.cpu().numpy())
        return np.concatenate(found)

    def decode_many(
        self, ids: Sequence[Ids] | NDArray[np.int64], *, seeds: Sequence[int] | None = None
    ) -> NDArray[np.uint8]:
        """Pictures, uint8 (n, height, width, channels), each of ids of its own.

        No picture depends on another but by rounding, as in `encode_many`, also where they have
        different numbers of ids.

        Args:
            ids: of each picture (n,), or of all of them (pictures, n).
            seeds: of each picture; None for those that are expected.

        Raises:
            ArgumentError: as `decode`, or another number of seeds.
            EncodingError: an id outside the grid.
        """
        each_in_a_list = "pass those of each picture in a list"
        rows = [self._checked(each) for each in as_items(ids, "ids", each_in_a_list)]
        drawn = None if seeds is None else as_seeds(seeds, len(rows), "pictures")
        found = [np.zeros((0, *self.config.shape), np.uint8)]
        with evaluating(self):
            for some in self._at_once(len(rows)):
                of_these = None if drawn is None else drawn[some]
                found.append(_as_bytes(self._decoded(rows[some], of_these)))
        return np.concatenate(found)

    def _at_once(self, n: int) -> Iterator[slice]:
        """Of `n` pictures those that go through a network together."""
        size = max(1, min(_AT_ONCE, _NUMBERS_AT_ONCE // self.config.n_numbers))
        return (slice(at, at + size) for at in range(0, n, size))

    def _decoded(
        self, rows: Sequence[NDArray[np.int64]], seeds: Sequence[int] | None
    ) -> torch.Tensor:
        lengths = torch.tensor([len(each) for each in rows], device=self.device)
        padded = np.zeros((len(rows), self.config.n_tokens), np.int64)  # hidden by `lengths`
        for place, each in enumerate(rows):
            padded[place, : len(each)] = each
        codes = self.quantizer.decode(torch.from_numpy(padded).to(self.device)).to(self.dtype)
        expected = self.mean_decoder(codes, lengths)
        if seeds is None:
            return expected
        drawn = [
            torch.randn(self.config.shape, generator=torch.Generator().manual_seed(seed))
            for seed in seeds
        ]
        without = self.mean_decoder(codes, torch.zeros_like(lengths))
        noise = torch.stack(drawn).to(expected)
        return draw_pictures(self.flow_decoder, noise, expected, without, codes, lengths)

    # -- training ------------------------------------------------------------------------------

    def training_task(self, data: Any, *, seed: int) -> Task:
        """What it learns from pictures; see `tokkit.models.training.train`.

        What is drawn is drawn from torch's generator, which the loop seeds; `seed` has nothing to
        add.

        Args:
            data: `Pictures`, or an array of them.
            seed: of an order; there is none.

        Raises:
            ArgumentError: something else, pictures of another size, or the same picture only.
        """
        del seed
        if isinstance(data, np.ndarray):
            data = Pictures(data)
        check_kind(data, Pictures, "data", "FlexTok learns from pictures")
        as_pictures(data.images, self.config.shape)
        lesson = _Lesson(self, data)
        identity = {"pictures": data.fingerprint(), "config": config_identity(self.config)}
        return Task(lesson.loss, lesson.evaluate, identity, save=self.save)

    # -- parts ---------------------------------------------------------------------------------

    @property
    def device(self) -> torch.device:
        """Where its parameters are."""
        return self.encoder.registers.device

    @property
    def dtype(self) -> torch.dtype:
        """Of its parameters."""
        return self.encoder.registers.dtype

    def bounded(self, x: torch.Tensor) -> torch.Tensor:
        """Vectors that are quantised, float (n, n_tokens, columns), of pictures from -1 to 1."""
        return self.coded(x)[0]

    def coded(
        self, x: torch.Tensor, first: torch.Tensor | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Vectors and the points that they are rounded to, float (n, n_tokens, columns) each.

        Args:
            x: float (n, height, width, channels), from -1 to 1.
            first: float (n, columns), points that stand for the first ones; gradients go on as if
                they were the encoder's.
        """
        vectors = self.encoder(x)
        bounded: list[torch.Tensor] = []
        values: list[torch.Tensor] = []
        total = vectors.new_zeros(())
        for place in range(vectors.shape[1]):
            vector = vectors[:, place]
            if self.feedback is not None and place:
                with torch.no_grad():
                    expected = self.mean_decoder.read(total + self.mean_decoder.lengths[place])
                vector = vector + self.feedback(x - expected, place)
            bounded.append(self.quantizer.bound(vector))
            value = self.quantizer(bounded[-1]).values
            if first is not None and not place:
                value = value + (first - value).detach()
            values.append(value)
            total = total + value.detach() @ self.mean_decoder.rows[place].detach()
        return torch.stack(bounded, 1), torch.stack(values, 1)

    def _searched(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids, int64 (n, n_tokens), and the vectors that they were sought from; see `search`."""
        vectors, values = self.coded(x)
        ids, distances = self._moved(x, values)
        first = nearest_points(self, x) if self.config.search else None
        if first is None:
            return ids, vectors
        other = torch.nonzero(self.quantizer.encode(first) != self.quantizer.encode(values)[:, 0])
        other = other[:, 0]  # the same beginning would lead to the same end
        if len(other):
            its_vectors, values = self.coded(x[other], first[other])
            its_ids, its_distances = self._moved(x[other], values)
            nearer = its_distances < distances[other]
            ids[other[nearer]] = its_ids[nearer]
            vectors[other[nearer]] = its_vectors[nearer]
        return ids, vectors

    def _moved(self, x: torch.Tensor, values: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Better ids than those of some points, and their distances; see `searched`."""
        lengths = sorted(self.config.recipe.budgets) or powers_of_two(self.config.n_tokens)
        ids = searched(
            self.mean_decoder,
            self.quantizer,
            x,
            self.quantizer.encode(values),
            lengths=lengths,
            sweeps=self.config.search,
        )
        return ids, distances(self.mean_decoder, self.quantizer, x, ids, lengths)

    def _tensor(self, pictures: NDArray[np.uint8]) -> torch.Tensor:
        whole = np.ascontiguousarray(pictures)
        return torch.from_numpy(whole).to(self.device).to(self.dtype) / 127.5 - 1

    def _checked(self, ids: Ids) -> NDArray[np.int64]:
        array = as_id_array(ids, self.vocab_sizes, prefix_axis=self.prefix_axis)
        if len(array) > self.config.n_tokens:
            raise ArgumentError(
                f"{len(array)} ids, and a picture has {self.config.n_tokens} at most; were they "
                "made with another tokenizer?"
            )
        return array


def _as_bytes(pictures: torch.Tensor) -> NDArray[np.uint8]:
    scaled = (pictures.float() + 1) * 127.5
    return scaled.clamp(0, 255).round().to(torch.uint8).cpu().numpy()


class _Lesson:
    """Pictures, as a model learns from them."""

    def __init__(self, model: FlexTok, pictures: Pictures) -> None:
        self._model = model
        self._known, self._held_out = (pictures.images[each] for each in pictures.parts())
        if (self._known == self._known[:1]).all():
            raise ArgumentError(
                f"the pictures to learn from, {len(self._known):,}, are all the same; expected at "
                "least two that differ"
            )
        if not bool(model.mean_decoder.mean.any()):  # else it has learned already
            means = self._known.reshape(len(self._known), -1).mean(0, dtype=np.float64) / 127.5 - 1
            model.mean_decoder.mean.copy_(torch.from_numpy(means))

    def loss(self, number: int) -> torch.Tensor:
        """Of a step, on pictures that are drawn."""
        del number  # the generator is seeded with it
        model, recipe = self._model, self._model.config.recipe
        places = torch.randint(len(self._known), (recipe.batch,)).numpy()
        return step_loss(model, moved(model._tensor(self._known[places]), recipe))

    def evaluate(self) -> Mapping[str, float]:
        """Decibels on held-out pictures by their first ids, and the perplexity of the codes.

        Of the encoder's ids as they are: the search would take longer than the steps.
        """
        if not len(self._held_out):
            return {}
        model = self._model
        ids = model.encode_many(self._held_out, search=False)
        figures = {
            f"psnr_{n}": psnr(self._held_out, model.decode_many(ids[:, :n]))
            for n in powers_of_two(model.config.n_tokens)
        }
        counts = [np.bincount(column, minlength=model.vocab_size) for column in ids.T]
        figures["perplexity"] = float(np.mean([perplexity(each) for each in counts]))
        if model.config.recipe.flow_share:
            codes = model.quantizer.decode(torch.from_numpy(ids).to(model.device)).to(model.dtype)
            x, total = model._tensor(self._held_out), 0.0
            with torch.random.fork_rng([]):
                torch.manual_seed(0)
                for some in model._at_once(len(x)):
                    total += float(flow_loss(model, x[some], codes[some])) * len(x[some])
            figures["flow_loss"] = total / len(x)
        return figures


def psnr(pictures: NDArray[np.uint8], decoded: NDArray[np.uint8]) -> float:
    """Peak signal-to-noise ratio in decibels, of the mean squared error over all pictures.

    Args:
        pictures: uint8 (n, height, width, channels).
        decoded: likewise; equal pictures have 99 decibels.
    """
    error = np.square(pictures.astype(np.float64) - decoded).mean() / 255**2
    return float(-10 * np.log10(max(error, 10**-9.9)))
