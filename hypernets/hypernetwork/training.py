"""`train_hypernetwork`: from a model and texts to a folder that `transfer` takes.

1. Build a network of the model's width whose heads begin with zeros (`architecture`), so that it
   begins with the heuristic.
2. Step after step, take a lesson (`lessons`), predict the rows of the new tokens that occur in the
   step and of those that the heuristic expects most, and sum the losses (`objectives`).
3. Now and then transfer to tokenizers that are for evaluation alone, and tell bits per byte.

The loop, its checkpoints and records are those of `tokkit.models.training`. The step is a function
of its number and the network, so that an interrupted training goes on to the same curve.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tokkit.arguments import as_bytes, check_kind, refuse_single_text, say_nothing
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.hypernets.bench import starting_ids
from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.head import is_linear
from tokkit.hypernets.hypernetwork.architecture import Hypernetwork
from tokkit.hypernets.hypernetwork.base_rows import TokenRows, all_rows, corrected
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.hypernets.hypernetwork.lessons import Lesson, LessonMaker, LessonPlan, drawn_lesson
from tokkit.hypernets.hypernetwork.objectives import (
    language_loss,
    overlap_loss,
    prediction_loss,
    reading_loss,
)
from tokkit.hypernets.hypernetwork.options import HypernetOptions
from tokkit.hypernets.hypernetwork.sampling import TokenizerSampler
from tokkit.hypernets.hypernetwork.spellings import Spellings, predict
from tokkit.hypernets.hypernetwork.trained import TrainedHypernet, vocabulary_hash
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_rows
from tokkit.models.saving.fingerprint import fingerprint_of_weights
from tokkit.models.training import TrainingOptions, TrainingResult, train
from tokkit.models.training.checkpoints import CHECKPOINT
from tokkit.models.training.fingerprints import hashed
from tokkit.text.tokenizer import TextTokenizer

Progress = Callable[[str, int, int], None]
_N_OVERLAP = 256
"""Tokens of the old vocabulary whose rows are predicted in a step, for `overlap_loss`."""
_EVALUATED_AT_ONCE = 4


@dataclass(frozen=True)
class HypernetTraining:
    """What a training gives.

    Attributes:
        hypernet: the network, and how rows are made with it.
        result: its steps, and how it went.
    """

    hypernet: TrainedHypernet
    result: TrainingResult


def train_hypernetwork(
    model: Any,
    texts: Sequence[str | bytes],
    folder: str | os.PathLike[str],
    training: TrainingOptions,
    *,
    options: HypernetOptions | None = None,
    evaluate_on: Mapping[str, tuple[TextTokenizer, Sequence[bytes]]] | None = None,
    progress: Progress | None = None,
) -> HypernetTraining:
    """Train a hypernetwork for a causal model, or go on with it.

    Args:
        model: what `transfer` takes. Its weights stay as they are.
        texts: of the kinds that the model will read with other tokenizers, one a kind. Tokenizers
            are sampled from them, and the model reads them; each in proportion to its length.
        folder: made where it is missing; gets checkpoints and records, and at the end, or when it
            is interrupted, the network. A training that it holds goes on.
        training: budget, learning rate, seed; see `TrainingOptions`.
        options: the network and its objectives.
        evaluate_on: name -> a tokenizer and windows of text; bits per byte of the model with it are
            told at every evaluation, beside those of the heuristic and the control. Nothing is
            learned from them.
        progress: called with what is being done, how much of it is done, and of how much.

    Raises:
        ArgumentError: too little text, or an inner layer that the model has not.
        UnsupportedError: a model that is not causal, or scales or caps its logits.
        FormatError: the folder cannot be written, or holds something damaged.
        ModelError: it holds another training.
        MissingExtraError: torch or transformers is not installed.
        KeyboardInterrupt: after a checkpoint was written.
    """
    refuse_single_text(texts, "texts")
    check_kind(training, TrainingOptions, "training")
    options = options or HypernetOptions()
    tell = progress or say_nothing
    source = load_source(model)
    _check_causal(source)
    trainer = Trainer(source, options, seed=training.seed)
    data = [as_bytes(text) for text in texts]
    sampler = TokenizerSampler(data, options.sampler, seed=training.seed)
    plan = LessonPlan(
        lambda number: trainer.drawn(sampler, number),
        at_once=options.lessons_at_once,
        repeats=options.lesson_steps,
    )
    tell("reading the evaluation's windows", 0, 0)
    lessons = {
        name: trainer.maker.lesson(tokenizer, windows, scored=True)
        for name, (tokenizer, windows) in (evaluate_on or {}).items()
    }
    if options.residual and not (Path(folder) / CHECKPOINT).exists():
        trainer.centre_on(plan.at(0))
    try:
        result = train(
            trainer.network,
            lambda step: trainer.loss(step, plan),
            training,
            folder=Path(folder),
            evaluate=(lambda: trainer.figures(lessons)) if lessons else None,
            identity={
                "hypernetwork": asdict(options),
                "vocabulary": trainer.vocabulary,
                "weights": fingerprint_of_weights(source.model),
                "texts": hashed(*data),
            },
            progress=tell,
        )
    except KeyboardInterrupt:
        trainer.trained().save(folder)  # what it has learned can be used as it is
        raise
    hypernet = trainer.trained()
    hypernet.save(folder)
    return HypernetTraining(hypernet, result)


class Trainer:
    """A network in training: its loss, and its bits per byte."""

    def __init__(self, source: SourceModel, options: HypernetOptions, *, seed: int) -> None:
        """Build a network for a model.

        Raises:
            ArgumentError: an inner layer that the model has not.
        """
        self._options = options
        self.body = FrozenBody(source.model, autocast=options.autocast)
        n_layers = len(self.body.layers)
        self._layer = options.layer or n_layers
        if self._layer > n_layers:
            raise ArgumentError(f"layer is {options.layer}, and the model has {n_layers}")
        n_source = source.tokenizer.vocab_size
        self.vocabulary = vocabulary_hash(source.tokenizer.spec, n_source)
        self.maker = LessonMaker(
            source,
            self.body,
            heuristic=options.heuristic,
            max_parts=options.max_parts,
            layer=self._layer,
            seed=seed,
        )
        self._starts = self.body.old_inputs(torch.tensor(self.maker.starts))
        self._rows = source_rows(source).to(self.body.device)
        inputs = torch.from_numpy(input_rows(source.model, n_source))
        outputs = torch.from_numpy(output_rows(source.model, n_source))
        self._old = TokenRows(inputs, outputs, torch.zeros(n_source)).to(self.body.device)
        self.network = _network(options, self._old, self._rows, tied=source.layers.tied, seed=seed)
        self.network.to(self.body.device)
        self._known: dict[str, dict[str, float]] = {}

    def centre_on(self, lesson: Lesson) -> None:
        """Take the mean hidden state of a lesson as the network's centre."""
        with torch.no_grad():
            self.network.get_buffer("centre").copy_(torch.cat(lesson.control.before).mean(0))

    def drawn(self, sampler: TokenizerSampler, number: int) -> Lesson:
        """The lesson of a number."""
        options = self._options
        return drawn_lesson(
            self.maker,
            sampler,
            number,
            n_windows=options.lesson_windows,
            n_bytes=options.window_bytes,
        )

    def loss(self, step: int, plan: LessonPlan) -> torch.Tensor:
        """Of the step of a number; a mean of nats and squared deviations, by their weights."""
        generator = np.random.default_rng([step, 2])
        if step < self._options.identity_steps:
            return self._identity_loss(generator)
        lesson = plan.at(step)
        control, options = lesson.control, self._options
        states = torch.cat(control.before)
        pieces = torch.cat(control.windows)
        if options.prediction:
            chosen = torch.from_numpy(generator.permutation(len(pieces))[: options.n_states])
        else:
            chosen = torch.empty(0, dtype=torch.int64)
        order = generator.permutation(len(control.windows))
        read = order[: options.n_read].tolist() if options.reading or options.language else []
        used = torch.cat([pieces[chosen], *(control.windows[each] for each in read)])
        rows = self._rows_of(lesson, used)
        losses: list[torch.Tensor] = []
        if options.prediction:
            loss = prediction_loss(states[chosen], pieces[chosen], rows, autocast=options.autocast)
            losses.append(options.prediction * loss)
        if options.reading:
            loss = reading_loss(
                self.body,
                self._starts,
                control,
                read,
                rows.inputs,
                is_new=lesson.is_new,
                layer=self._layer,
            )
            losses.append(options.reading * loss)
        if options.language:
            windows = [control.windows[each] for each in read]
            loss = language_loss(self.body, self._starts, windows, rows, autocast=options.autocast)
            losses.append(options.language * loss)
        if options.overlap:
            losses.append(options.overlap * self._overlap_loss(lesson, generator))
        return torch.stack(losses).sum()

    def figures(self, lessons: Mapping[str, Lesson]) -> dict[str, float]:
        """Bits per byte on lessons that nothing is learned from, as they are now."""
        found: dict[str, float] = {}
        for name, lesson in lessons.items():
            if name not in self._known:
                self._known[name] = {
                    f"{name}: control": lesson.control.bits() / lesson.n_bytes,
                    f"{name}: heuristic": self.bits_per_byte(lesson, lesson.base),
                    f"{name}: heuristic's outputs": self._output_bits(lesson, lesson.base),
                }
            rows = self.rows(lesson)
            found |= self._known[name]
            found[f"{name}: hypernetwork"] = self.bits_per_byte(lesson, rows)
            found[f"{name}: hypernetwork's outputs"] = self._output_bits(lesson, rows)
        return found

    def trained(self) -> TrainedHypernet:
        """The network as it is, for use."""
        options = self._options
        return TrainedHypernet(
            self.network.eval(), options.residual, options.heuristic, self.vocabulary
        )

    def _rows_of(self, lesson: Lesson, used: torch.Tensor) -> TokenRows:
        """All rows, of which those of used and of frequent new tokens have a gradient."""
        wanted = torch.zeros_like(lesson.is_new)
        wanted[used] = True
        wanted[lesson.frequent[: self._options.n_negatives]] = True
        tokens = torch.nonzero(wanted & lesson.is_new)[:, 0]
        if not len(tokens):
            return lesson.base
        made = predict(self.network, lesson.spellings, tokens, self._rows)
        some = corrected(lesson.base, tokens, made, residual=self._options.residual)
        return lesson.base.with_those(tokens, some)

    def _overlap_loss(self, lesson: Lesson, generator: np.random.Generator) -> torch.Tensor:
        chosen = torch.from_numpy(generator.permutation(len(lesson.overlap))[:_N_OVERLAP])
        return self._known_loss(
            lesson.spellings, lesson.overlap[chosen], lesson.base, lesson.overlap_ids[chosen]
        )

    def _identity_loss(self, generator: np.random.Generator) -> torch.Tensor:
        n_source = self.network.config.n_source
        ids = torch.arange(n_source)
        spellings = Spellings(ids[:, None], torch.ones(n_source, dtype=torch.int64))
        chosen = torch.from_numpy(generator.permutation(n_source)[:_N_OVERLAP])
        return self._known_loss(spellings, chosen, self._old, chosen)

    def _known_loss(
        self, spellings: Spellings, tokens: torch.Tensor, base: TokenRows, ids: torch.Tensor
    ) -> torch.Tensor:
        """`overlap_loss` of tokens that are the old ones of some ids."""
        made = predict(self.network, spellings, tokens, self._rows)
        rows = corrected(base, tokens, made, residual=self._options.residual)
        separate = self.network.config.separate_outputs
        return overlap_loss(rows, self._old.of(ids), separate=separate)

    def _output_bits(self, lesson: Lesson, rows: TokenRows) -> float:
        """Bits per byte where output rows are new and the model reads what it knows."""
        control = lesson.control
        pairs = zip(control.before, control.windows, strict=True)
        nats = sum(
            float(prediction_loss(states, pieces, rows, autocast=False)) * len(pieces)
            for states, pieces in pairs
        )
        return nats / math.log(2) / lesson.n_bytes

    def rows(self, lesson: Lesson) -> TokenRows:
        """The rows of a lesson's tokenizer as the network makes them now, without a gradient."""
        return all_rows(
            self.network,
            lesson.base,
            lesson.spellings,
            torch.nonzero(lesson.is_new)[:, 0],
            self._rows,
            residual=self._options.residual,
        )

    def bits_per_byte(self, lesson: Lesson, rows: TokenRows) -> float:
        """Of a lesson's windows, where the model reads and predicts with these rows."""
        total = 0.0
        windows = lesson.control.windows
        for first in range(0, len(windows), _EVALUATED_AT_ONCE):
            some = windows[first : first + _EVALUATED_AT_ONCE]
            with torch.no_grad():
                nats = language_loss(self.body, self._starts, some, rows, autocast=False)
            total += float(nats) * sum(map(len, some))
        return total / math.log(2) / lesson.n_bytes


def source_rows(source: SourceModel) -> torch.Tensor:
    """float32 (n_source, read_width): what a network reads; both rows, for models with both."""
    n_source = source.tokenizer.vocab_size
    inputs = input_rows(source.model, n_source)
    if source.layers.tied:
        return torch.from_numpy(inputs)
    return torch.from_numpy(np.hstack([inputs, output_rows(source.model, n_source)]))


def _network(
    options: HypernetOptions, old: TokenRows, rows: torch.Tensor, *, tied: bool, seed: int
) -> Hypernetwork:
    """A network that reads rows at deviation 1, and puts out some of theirs."""
    config = HypernetConfig(
        width=old.inputs.shape[1],
        n_source=len(old.inputs),
        separate_outputs=True,
        reads_outputs=not tied,
        max_parts=options.max_parts,
        n_layers=options.n_layers,
        hidden=options.hidden,
        intermediate=2 * options.hidden,
        n_extra=0,
        centred=options.residual,
    )
    network = Hypernetwork(config, residual=options.residual, seed=seed)
    scalers = network.in_scaler, network.scaler, network.out_scaler
    assert all(each is not None for each in scalers)
    with torch.no_grad():
        deviation = rows.std(0).clamp(min=1e-9)
        network.in_scaler.w.copy_(1 / deviation)  # type: ignore[union-attr]
        network.in_scaler.b.copy_(-rows.mean(0) / deviation)  # type: ignore[union-attr]
        scales = (options.input_scale, options.output_scale) if options.residual else (1.0, 1.0)
        pairs = ((network.scaler, old.inputs), (network.out_scaler, old.outputs))
        for (scaler, of), scale in zip(pairs, scales, strict=True):
            assert scaler is not None
            scaler.w.copy_(of.std(0) * scale)
            if not options.residual:
                scaler.b.copy_(of.mean(0))
    return network


def _check_causal(source: SourceModel) -> None:
    starts = starting_ids(source)
    if not starts or not is_linear(source.model, starts):
        raise UnsupportedError(
            f"{source.name} is not causal, or scales or caps its logits; a hypernetwork is trained "
            "for models that predict the next token, with logits linear in the last state"
        )
