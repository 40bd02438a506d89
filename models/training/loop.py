"""The loop that every training here is: batches in, steps out, a checkpoint now and then.

1. Bring model and optimiser to where the folder's checkpoint has them, if there is one.
2. A step: the loss of a batch (or of several, or of one in each process), its gradient, clipped,
   and an update at the learning rate of that share of the budget.
3. Evaluate at even shares of the budget; save at once, every minute, at the end, and before an
   interruption.

A loss is a function of the number of a batch and of the parameters, and of nothing else, so that a
training that was interrupted at any moment goes on as if it had not been: the same curve, bit by
bit, for a budget in steps. What a loss draws from torch's generator is seeded with that number, and
what an evaluation draws is the same each time.
"""

from __future__ import annotations

import math
import os
import time
import warnings
from collections.abc import Callable, Generator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokkit.arguments import say_nothing
from tokkit.bytelm.token_models.transformers.loading import checked_device
from tokkit.errors import ArgumentError, Interrupted, ModelError, refused_by_system
from tokkit.freed_memory import give_back_freed_memory
from tokkit.models.saving.weights import check_folder
from tokkit.models.training.checkpoints import (
    Position,
    load_checkpoint,
    refuse_other_model,
    save_checkpoint,
)
from tokkit.models.training.interrupts import delayed_interrupt
from tokkit.models.training.kept_memory import freed_memory_kept
from tokkit.models.training.lock import locked
from tokkit.models.training.optimizers import optimizers, trained_parameters
from tokkit.models.training.options import TrainingOptions
from tokkit.models.training.processes import Processes, connected, is_first
from tokkit.models.training.records import Record, RecordFile
from tokkit.models.training.schedule import progress_at, rate_at
from tokkit.models.training.tasks import Task, task_of

if TYPE_CHECKING:
    import torch

Progress = Callable[[str, int, int], None]
"""Called with what is being done, how much of it is done, and of how much."""


@dataclass(frozen=True)
class TrainingResult:
    """How a training went; the model itself was trained in place.

    Attributes:
        step: updates made, those before a resumption included.
        seconds: spent on them.
        records: of every step and evaluation.
        resumed_at: the step of the checkpoint that it went on from; 0 if there was none.
        step_bytes: of text that a step learns from, on average; None where it is of no text.
    """

    step: int
    seconds: float
    records: tuple[Record, ...]
    resumed_at: int
    step_bytes: int | None = None

    @property
    def was_finished(self) -> bool:
        """Whether the folder held all of the training, so that nothing was left to do."""
        return 0 < self.resumed_at == self.step


def train(
    model: torch.nn.Module,
    data: Any,
    options: TrainingOptions,
    *,
    folder: str | os.PathLike[str] | None = None,
    evaluate: Callable[[], Mapping[str, float]] | None = None,
    factors: Mapping[str, float] | None = None,
    identity: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
) -> TrainingResult:
    """Train the parameters of a module that want a gradient, in place.

    Args:
        model: what is trained; may be in any number of processes, which then share the training.
        data: what it learns from. Of a model of text one text or several (`bytes`, `str`, paths of
            files), or `tokkit.models.text_models.corpus.Texts`, which says how they are read. Of
            any other module the loss of a batch, a function of its number (`tasks.Loss`).
        options: the budget and the optimiser.
        folder: for checkpoints and records, made if missing; a training that it holds goes on.
            Several processes share it. A model that knows how it learns is saved there, too,
            whenever a checkpoint is.
        evaluate: figures by name, of the model as it is, in place of its own; called in the first
            process alone, without gradients, in the evaluation mode of the model.
        factors: what the learning rate of a parameter is multiplied by, by its name.
        identity: JSON of what else the training depends on; a checkpoint of another is refused.
        progress: called after each step.

    Raises:
        ArgumentError: nothing to train, a factor for a parameter that is not there, a device that
            cannot be used, fewer steps than every part of the model needs, Muon for a model that
            does not declare its output layers, or a folder that holds a model and no training.
        FormatError: the folder cannot be written, or what it holds is damaged.
        Interrupted: SIGINT, a `KeyboardInterrupt`; where there is a folder, a checkpoint was
            written.
        ModelError: a loss or gradient that is not finite; a checkpoint that does not fit; another
            training is in the folder.
        MissingExtraError: several processes without accelerate.
        UnsupportedError: Muon, with a PyTorch before 2.9.

    Warns:
        UserWarning: a budget in seconds ended before every part of the model learned something.
    """
    task = task_of(model, data, seed=options.seed)
    if evaluate is not None:
        task = replace(task, evaluate=evaluate)
    if options.steps is not None and options.steps < task.least_steps:
        raise ArgumentError(
            f"{options.steps} steps would teach the {task.part} nothing; give at least "
            f"{task.least_steps}"
        )
    with _opened(folder) as path:
        run = _Run(
            model=model,
            task=task,
            options=options,
            folder=path,
            factors=factors or {},
            identity={
                **task.identity,
                **(identity or {}),
                "options": options.of_the_curve(),
                "factors": dict(factors or {}),
            },
        )
        return run.to_the_end(progress or say_nothing)


@contextmanager
def _opened(folder: str | os.PathLike[str] | None) -> Generator[Path | None]:
    """The folder of a training, made and locked; the first of several processes locks it for all.

    Raises:
        ArgumentError: no path, or it holds a model and no training.
        FormatError: it cannot be made or opened.
        ModelError: another training is in it.
    """
    if folder is None:
        yield None
        return
    path = check_folder(folder)
    with refused_by_system(f"make the folder {str(path)!r}"):
        path.mkdir(parents=True, exist_ok=True)
    refuse_other_model(path)
    with locked(path) if is_first() else nullcontext():
        yield path


class _Run:
    """A training in progress."""

    def __init__(
        self,
        *,
        model: torch.nn.Module,
        task: Task,
        options: TrainingOptions,
        folder: Path | None,
        factors: Mapping[str, float],
        identity: Mapping[str, Any],
    ) -> None:
        """Set up the optimiser, and go to where the folder's checkpoint is."""
        self._processes: Processes = connected(cpu=options.device == "cpu")
        self._identity = {**identity, "processes": self._processes.count}
        self._options = options
        self._model, self._task = model, task
        device = self._processes.device or options.device
        if device is not None:
            import torch

            model.to(checked_device(torch, device))
        self._parameters = list(trained_parameters(model).values())
        self._optimizer = optimizers(model, options, factors)
        self._folder = folder
        found = folder and load_checkpoint(folder, model, self._optimizer, self._identity)
        self._position = found or Position()
        # Records and checkpoints are the first process's alone.
        self._saves = self._processes.rank == 0
        place = folder if self._saves else None
        kept = self._position.n_records if place is not None else 0
        self._records = RecordFile(place, n_kept=kept)
        self._saved_step = self._position.step
        self._processes.share_start(each.data for each in self._parameters)

    def to_the_end(self, tell: Progress) -> TrainingResult:
        resumed_at = self._position.step
        was_training = self._model.training
        with ExitStack() as stack:
            came: Callable[[], bool] = lambda: False  # noqa: E731
            if self._folder is not None:  # else there is nothing that had to be whole
                came = stack.enter_context(delayed_interrupt())
            if self._parameters[0].device.type == "cpu":
                stack.enter_context(freed_memory_kept())
            self._model.train()
            try:
                self._go(came, tell)
            except KeyboardInterrupt:
                raise Interrupted(self._stopped()) from None
            finally:
                self._model.train(was_training)
        position = self._position
        if position.step < self._task.least_steps:
            warnings.warn(
                f"the budget ended after {position.step} steps, and the {self._task.part} has "
                f"learned nothing: give one of at least {self._task.least_steps} steps",
                UserWarning,
                stacklevel=3,
            )
        return TrainingResult(
            position.step,
            position.seconds,
            tuple(self._records.records),
            resumed_at,
            self._step_bytes(),
        )

    def _step_bytes(self) -> int | None:
        each = self._task.batch_bytes
        return None if each is None else each * self._options.batches * self._processes.count

    def _go(self, came: Callable[[], bool], tell: Progress) -> None:
        self._optimizer.forget_gradients()  # that the caller or a failed step has left
        # Before any step, so that nothing is lost; later, so that the model's files are there.
        self._save()
        if not self._position.step:
            self._evaluated()
        saved = time.monotonic()
        while (used := self._progress()) < 1:
            self._step()
            now = self._progress()
            if _due(used, now, self._options.evaluations):
                self._evaluated()
            tell("training", *self._told())
            stop = self._processes.sums(float(came()))[0] > 0
            if stop or now >= 1 or time.monotonic() - saved >= self._options.checkpoint_seconds:
                self._save()
                give_back_freed_memory()
                saved = time.monotonic()
            if stop:
                raise KeyboardInterrupt

    def _progress(self) -> float:
        return progress_at(self._options, self._position.step, self._position.seconds)

    def _step(self) -> None:
        """One update; the position moves on."""
        import torch

        begun = self._now()
        position, options = self._position, self._options
        middle = progress_at(options, position.step, position.seconds)
        if options.steps is not None:
            middle += 0.5 / options.steps
        rate = rate_at(options, middle)
        total = 0.0
        for part in range(options.batches):
            each = self._loss_of(position.step * options.batches + part) / options.batches
            each.backward()
            total += float(each.detach())
        total = self._processes.sums(total)[0] / self._processes.count
        if not math.isfinite(total):
            raise ModelError(
                f"the loss of step {position.step + 1} is {total}; lower learning_rate, or look at "
                "what the batch holds"
            )
        self._processes.average(self._parameters)
        most = math.inf if options.clip_norm is None else options.clip_norm
        norm = float(torch.nn.utils.clip_grad_norm_(self._parameters, most))
        if not math.isfinite(norm):  # or the next checkpoint would hold what nobody can go on from
            raise ModelError(
                f"the gradient of step {position.step + 1} is {norm}; lower learning_rate, or look "
                "at where the loss has no finite slope"
            )
        self._optimizer.set_learning_rate(rate)
        self._optimizer.step()
        seconds = position.seconds + self._processes.firsts(self._now() - begun)[0]
        self._position = Position(position.step + 1, seconds)
        self._records.add(Record(position.step + 1, seconds, total, rate))

    def _loss_of(self, batch: int) -> torch.Tensor:
        number = batch * self._processes.count + self._processes.rank
        with self._drawing(number), self._autocast(self._parameters[0].device.type):
            return self._task.loss(number)

    @contextmanager
    def _drawing(self, number: int) -> Generator[None]:
        """Within it torch draws what belongs to a number; the caller's generator stays as it is."""
        import torch

        device = self._parameters[0].device
        with torch.random.fork_rng([device] if device.type == "cuda" else []):
            torch.manual_seed(((self._options.seed << 32) + number) % (1 << 63))
            yield

    def _autocast(self, kind: str) -> AbstractContextManager[Any]:
        import torch

        name = self._options.autocast
        dtype = None if name is None else getattr(torch, name)
        return torch.autocast(kind, dtype=dtype, enabled=dtype is not None)

    def _now(self) -> float:
        return time.process_time() if self._options.clock == "cpu" else time.perf_counter()

    def _evaluated(self) -> None:
        import torch

        if self._task.evaluate is None or not self._saves:
            return
        self._model.eval()
        with torch.no_grad(), self._drawing(0):  # the same numbers at each evaluation
            figures = self._task.evaluate()
        self._model.train()
        position = self._position
        for name, figure in figures.items():
            if not math.isfinite(figure):
                raise ModelError(f"the evaluation after step {position.step}: {name} is {figure}")
        self._records.add(Record(position.step, position.seconds, evaluation=figures))

    def _save(self) -> None:
        if self._folder is None or not self._saves:
            return
        self._records.flush()
        position = Position(self._position.step, self._position.seconds, len(self._records.records))
        save_checkpoint(self._folder, self._model, self._optimizer, position, self._identity)
        if self._task.save is not None:
            self._task.save(self._folder)
        self._saved_step = position.step

    def _stopped(self) -> str:
        """Where an interruption leaves the training."""
        step = self._position.step
        done = f"stopped after step {step:,}, {self._progress():.0%} of the budget"
        if self._folder is None:
            return done
        kept = "all of it" if self._saved_step == step else f"the first {self._saved_step:,} steps"
        return f"{done}; {str(self._folder)!r} keeps {kept}"

    def _told(self) -> tuple[int, int]:
        steps, seconds = self._options.steps, self._options.seconds
        if steps is not None and (
            seconds is None or self._position.step / steps >= self._position.seconds / seconds
        ):
            return self._position.step, steps
        assert seconds is not None
        return min(int(self._position.seconds), math.ceil(seconds)), math.ceil(seconds)


def _due(before: float, now: float, evaluations: int) -> bool:
    """Whether a step went past a share of the budget at which the model is evaluated."""
    return math.floor(before * evaluations) < math.floor(min(now, 1.0) * evaluations)
