"""One fit of the default to a text, and what is trained and measured after it."""

from __future__ import annotations

import time
from typing import Any

import numpy as np

from tokkit.hypernets.alignment import align
from tokkit.hypernets.bench import Bench, starting_ids
from tokkit.hypernets.distillation.classroom import Classroom
from tokkit.hypernets.distillation.distilling import distil
from tokkit.hypernets.distillation.options import TransferTraining
from tokkit.hypernets.distillation.trained_rows import TrainedRows
from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.methods import METHODS
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask
from tokkit.models.training.telling.curve import TrainingCurve
from tokkit.text.tokenizer import load_tokenizer


class Fit:
    """SmolLM2, another tokenizer, and the rows of `shared-first` fitted to a text.

    Attributes:
        source: the model.
        target: the tokenizer.
        bench: the windows of the text.
        task: that the rows were made for.
        rows: of `shared-first`.
        seconds: of CPU time that reading the text and the fit took.
    """

    def __init__(self, tokenizer: Any, text: bytes) -> None:
        """Load the model, let it read the text, and fit."""
        self.target = target = load_tokenizer(tokenizer)
        self.source = source = load_source("smollm2")
        starts = starting_ids(source)
        alignment = align(source.tokenizer, target)
        before = time.process_time()
        self.bench = bench = Bench.of(source, target, alignment, starts, text, 0, None, fits=True)
        self.task = TransferTask(
            alignment,
            source.tokenizer,
            target.spec,
            inputs=input_rows(source.model, source.tokenizer.vocab_size),
            outputs=None,
            bias=None,
            seed=0,
            fitting=bench.fitting,
            choosing=bench.choosing,
        )
        self.rows = METHODS["shared-first"].rows(self.task)
        self.seconds = time.process_time() - before

    def trained(
        self, method: str, seconds: float, *, evaluations: int = 5
    ) -> tuple[Rows, TrainingCurve]:
        """What a method makes of the rows in some CPU seconds of updates."""
        plan = METHODS[method].distillation
        assert plan is not None
        training = TransferTraining(seconds=seconds, evaluations=evaluations)
        return distil(method, plan, self.rows, self.task, self.bench, training)

    def student(self, rows: Rows) -> Classroom:
        """The model with some rows, in its own type; the bias of the rows is added as it is."""
        none = np.empty(0, dtype=np.int64)
        body = FrozenBody(self.source.model)
        return Classroom(body, TrainedRows(rows, inputs=none, outputs=none), self.bench.starts)
