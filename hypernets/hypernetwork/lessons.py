"""Lessons: a sampled tokenizer, the heuristic's rows for it, and the old model on a text.

A lesson is a function of its number and the seed. To make one costs as much as several steps of
training, because the old model reads; so each serves for some steps, and several are gone through
in turn, that steps in a row do not learn from the same text.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from tokkit.hypernets.alignment import align
from tokkit.hypernets.bench import starting_ids
from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.hypernetwork.base_rows import TokenRows, heuristic_rows, predictable
from tokkit.hypernets.hypernetwork.sampling import TokenizerSampler
from tokkit.hypernets.hypernetwork.spellings import Spellings
from tokkit.hypernets.hypernetwork.teacher import Control, read_control
from tokkit.hypernets.plain_models.source_models import SourceModel
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_bias, output_rows
from tokkit.hypernets.task import TransferTask
from tokkit.hypernets.windows import cut_windows, within_positions
from tokkit.text.tokenizer import TextTokenizer

_STATES_AT_ONCE = 1024


@dataclass(frozen=True, eq=False)
class Lesson:
    """What steps of training learn from.

    Attributes:
        base: the heuristic's rows.
        spellings: of its tokens.
        is_new: bool (n_tokens,), tokens whose rows are predicted.
        overlap: int64, tokens that are one old token each, and `overlap_ids` which.
        control: the old model on windows of text.
        frequent: int64, the new tokens that the base predicts most in those windows, the most
            frequent first. What the others get is too little to learn from.
        n_bytes: of the pieces of the windows.
    """

    base: TokenRows
    spellings: Spellings
    is_new: torch.Tensor
    overlap: torch.Tensor
    overlap_ids: torch.Tensor
    control: Control
    frequent: torch.Tensor
    n_bytes: int


class LessonMaker:
    """Makes lessons for one model."""

    def __init__(
        self,
        source: SourceModel,
        body: FrozenBody,
        *,
        heuristic: str,
        max_parts: int,
        layer: int,
        seed: int,
    ) -> None:
        """Take the model.

        Args:
            source: whose tokenizer is to be changed.
            body: of its model.
            heuristic: whose rows are corrected.
            max_parts: of a spelling.
            layer: the inner one of the teacher.
            seed: of what a heuristic draws.
        """
        self.starts = starting_ids(source)
        self._source, self._body, self._heuristic = source, body, heuristic
        self._max_parts, self._layer, self._seed = max_parts, layer, seed
        n_source = source.tokenizer.vocab_size
        self._inputs = input_rows(source.model, n_source)
        self._outputs = None if source.layers.tied else output_rows(source.model, n_source)
        self._bias = output_bias(source.model, n_source)

    def task(self, tokenizer: TextTokenizer) -> TransferTask:
        """The transfer to a tokenizer, without a text."""
        return TransferTask(
            align(self._source.tokenizer, tokenizer),
            self._source.tokenizer,
            tokenizer.spec,
            inputs=self._inputs,
            outputs=self._outputs,
            bias=self._bias,
            seed=self._seed,
        )

    def lesson(
        self, tokenizer: TextTokenizer, windows: Sequence[bytes], *, scored: bool = False
    ) -> Lesson:
        """Rows of the heuristic, and the old model on the windows; those without a piece drop out.

        Pieces that nothing old spells end a window before them. `scored`: the control has
        log-probabilities.
        """
        task = self.task(tokenizer)
        alignment = task.alignment
        base = heuristic_rows(task, self._heuristic)
        is_new = predictable(alignment)
        whole = [_upto(tokenizer.encode(window), alignment.without) for window in windows]
        spelled, n_starts = alignment.__getitem__, len(self.starts)
        pieces = [
            part
            for window in whole
            for part in within_positions(self._source.model, window, spelled, n_around=n_starts)
            if part
        ]
        control = read_control(
            self._body,
            pieces,
            spelled,
            self.starts,
            layer=self._layer,
            scored=scored,
        )
        overlap = np.flatnonzero(alignment.copied & (alignment.lengths == 1))
        device = self._body.device
        base = base.to(device)
        return Lesson(
            base=base,
            spellings=Spellings.of(alignment, self._max_parts),
            is_new=is_new.to(device),
            overlap=torch.from_numpy(overlap),
            overlap_ids=torch.from_numpy(alignment.ends(last=False)[overlap]),
            control=control,
            frequent=_by_expectation(base, is_new.to(device), control),
            n_bytes=sum(len(tokenizer.token_bytes(each)) for window in pieces for each in window),
        )


def drawn_lesson(
    maker: LessonMaker, sampler: TokenizerSampler, number: int, *, n_windows: int, n_bytes: int
) -> Lesson:
    """The lesson of a number: a sampled tokenizer, and windows of the text that it brought."""
    sample = sampler.sample(number)
    windows = cut_windows(sample.text, n_bytes)
    order = np.random.default_rng([number, 1]).permutation(len(windows))
    return maker.lesson(sample.tokenizer, [windows[each] for each in order[:n_windows].tolist()])


class LessonPlan:
    """Which lesson a step learns from: groups of several, each of which comes again some times."""

    def __init__(self, make: Callable[[int], Lesson], *, at_once: int, repeats: int) -> None:
        """Make no lesson yet.

        Args:
            make: the lesson of a number.
            at_once: lessons of a group.
            repeats: steps from each.
        """
        self._make, self._at_once, self._repeats = make, at_once, repeats
        self._held: dict[int, Lesson] = {}

    def at(self, step: int) -> Lesson:
        """The lesson of a step; the same for the same step, whatever was asked before."""
        group, within = divmod(step, self._at_once * self._repeats)
        number = group * self._at_once + within % self._at_once
        if number not in self._held:
            first = group * self._at_once
            kept = range(first, first + self._at_once)
            self._held = {each: of for each, of in self._held.items() if each in kept}
            self._held[number] = self._make(number)
        return self._held[number]


def _upto(pieces: list[int], without: np.ndarray) -> list[int]:
    bad = np.flatnonzero(without[pieces]) if pieces else []
    return pieces[: int(bad[0])] if len(bad) else pieces


def _by_expectation(base: TokenRows, is_new: torch.Tensor, control: Control) -> torch.Tensor:
    """New tokens by how often the base expects them after the teacher's states."""
    expected = torch.zeros(len(is_new), device=is_new.device)
    for states in torch.cat(control.before).split(_STATES_AT_ONCE):
        expected += (states @ base.outputs.T + base.bias).softmax(1).sum(0)
    tokens = torch.nonzero(is_new)[:, 0]
    return tokens[torch.argsort(-expected[tokens])]
