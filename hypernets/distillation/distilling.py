"""`distil`: rows of a heuristic, trained with the original model as the teacher.

1. Cut the windows of the text that are for fitting into snippets, in the ids of both tokenizers.
2. Train the rows of the tokens that they hold with a loss (`token_distillation` and its
   neighbours), on the loop of `tokkit.models.training`; the model's layers stay as they are.
3. Now and then, score the windows that are for choosing, for the curve.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError
from tokkit.hypernets.bench import Bench
from tokkit.hypernets.distillation.classroom import Batch, Classroom, before_tokens
from tokkit.hypernets.distillation.lessons import Lesson, Schedule, lessons_of
from tokkit.hypernets.distillation.options import TransferTraining
from tokkit.hypernets.frozen_body import FrozenBody
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask
from tokkit.hypernets.windows import n_positions
from tokkit.models.training.fingerprints import hashed
from tokkit.models.training.loop import train
from tokkit.models.training.telling.curve import TrainingCurve

if TYPE_CHECKING:
    import torch

EVALUATION = "bits per byte"
Loss = Callable[[Batch], "torch.Tensor"]


@dataclass(frozen=True)
class Distillation:
    """How a method trains.

    Attributes:
        loss: makes the loss of a batch of snippets.
        learning_rate: peak, in units of the root mean square of the old rows' entries.
        n_bytes: of a snippet, at most.
        batch_tokens: new tokens in a batch, about.
        outputs: what the learning rate is multiplied by for output rows, or None: they are not
            trained, and of the input rows only those that are new.
        bias: the same for the bias.
    """

    loss: Callable[[Classroom, Bench], Loss]
    learning_rate: float
    n_bytes: int
    batch_tokens: int
    outputs: float | None = None
    bias: float = 1.0


def distil(
    method: str, plan: Distillation, rows: Rows, task: TransferTask, bench: Bench,
    training: TransferTraining,
) -> tuple[Rows, TrainingCurve]:  # fmt: skip
    """Train rows.

    Args:
        method: its name, which a checkpoint remembers.
        plan: how it trains.
        rows: to begin with.
        task: that they were made for.
        bench: the windows of the text, both tokenizers and the old model.
        training: the budget and the folder.

    Raises:
        ArgumentError: the text holds no token to train, or is too short to be divided.
        UnsupportedError: the two tokenizers have no border in common.
        ModelError: a checkpoint of another training, or a loss that is not finite.
        KeyboardInterrupt: after a checkpoint, where there is a folder.
    """
    import torch

    from tokkit.hypernets.distillation.trained_rows import TrainedRows

    if not bench.fitting_windows or not bench.choosing_windows:
        raise ArgumentError(
            f"method {method!r} trains on a text, and this one is too short to be divided; give "
            "some 20 kB or more"
        )
    source, target = bench.source.tokenizer, bench.target
    longest = _longest(bench)
    lessons = lessons_of(bench.fitting_windows, source, target, n_bytes=min(plan.n_bytes, longest))
    inputs, outputs = _trained_tokens(lessons, task, plan)
    if not len(inputs):
        raise ArgumentError(
            f"the text holds no new token, so that method {method!r} has nothing to train; give "
            "text of the new tokenizer's kind, or use a method that does not train"
        )
    model = bench.source.model
    kind = model.device.type
    own = training.dtype is None
    dtype = _fast_dtype(kind, model.dtype) if own else getattr(torch, str(training.dtype))
    body = FrozenBody(model, dtype=dtype)
    trained = TrainedRows(rows, inputs=inputs, outputs=outputs).to(model.device)
    room = Classroom(body, trained, bench.starts)
    schedule = Schedule(lessons, batch_tokens=plan.batch_tokens, seed=task.seed)
    held_out = lessons_of(bench.choosing_windows, source, target, n_bytes=longest)
    scale = float(np.sqrt(np.mean(np.square(task.inputs), dtype=np.float64)))
    options = training.options(
        (training.learning_rate or plan.learning_rate) * scale,
        seed=task.seed,
        on_gpu=kind == "cuda",
    )
    factors = {} if plan.outputs is None else {"outputs": plan.outputs, "bias": plan.bias}
    loss = plan.loss(room, bench)
    result = train(
        trained,
        lambda number: loss(schedule.batch(number)),
        options,
        folder=training.folder,
        evaluate=lambda: {EVALUATION: bits_per_byte(room, held_out)},
        factors=factors,
        # A checkpoint alone asks for it, and every weight of the model is read for it.
        identity=None
        if training.folder is None
        else _identity(method, bench, rows, lessons, str(body.dtype)),
        progress=bench.progress,
    )
    made = trained.made()
    notes = {
        **made.notes,
        "steps of training": float(result.step),
        "seconds of training": result.seconds,
        "input rows trained": float(len(inputs)),
        "output rows trained": float(len(outputs)),
    }
    return replace(made, notes=notes), TrainingCurve.of(result.records, EVALUATION)


def _fast_dtype(device: str, own: torch.dtype) -> torch.dtype:
    """The type in which layers are fastest: bfloat16 where a processor multiplies it."""
    import torch

    if own != torch.float32:
        return own
    if device == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else own
    probe = getattr(torch.cpu, "_is_avx512_bf16_supported", None)  # torch has no public one
    return torch.bfloat16 if device == "cpu" and probe is not None and probe() else own


def _longest(bench: Bench) -> int:
    """Bytes of a snippet that the model surely has positions for: a token has one or more."""
    limit = n_positions(bench.source.model)
    return 1 << 30 if limit is None else max(1, limit - len(bench.starts) - 1)


def bits_per_byte(room: Classroom, lessons: Sequence[Lesson]) -> float:
    """Of snippets, by the student as it is."""
    import torch

    total = 0.0
    with torch.no_grad():
        for lesson in lessons:
            states, tokens = before_tokens(room.student_states([lesson]), [lesson])
            total += float(room.rows.log_losses(states, tokens).double().sum())
    return total / math.log(2) / sum(len(lesson.text) for lesson in lessons)


def _trained_tokens(
    lessons: Sequence[Lesson], task: TransferTask, plan: Distillation
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Ids of those whose input rows, and of those whose output rows are trained."""
    present = np.unique(np.concatenate([lesson.new for lesson in lessons]))
    new = present[task.new[present]]
    return new, present[:0] if plan.outputs is None else present


def _identity(
    method: str, bench: Bench, rows: Rows, lessons: Sequence[Lesson], dtype: str
) -> dict[str, Any]:
    """What a checkpoint belongs to."""
    from tokkit.models.saving.fingerprint import fingerprint_of_weights

    texts = (part for lesson in lessons for part in (lesson.text, lesson.new.data))
    made = (each for each in (rows.inputs, rows.outputs, rows.bias) if each is not None)
    return {
        "method": method,
        "weights": fingerprint_of_weights(bench.source.model),
        "text": hashed(*texts),
        "first rows": hashed(*(np.ascontiguousarray(each).data for each in made)),
        "dtype": dtype,
    }
