"""`transfer`: a model of transformers with another tokenizer.

1. Load the model and its tokenizer (`plain_models.source_models`), and make a plain fast tokenizer
   of the new one (`tokenizer_export`).
2. Spell each new token with old ones (`alignment`).
3. With a text, let the old model read windows of it, cut by the new tokenizer (`bench`).
4. Make rows (`methods`); fold their bias into them where the class would drop it.
5. Build the new model (`plain_models.replacing`), and read the report's windows with it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from tokkit.arguments import (
    as_bytes,
    check_flags,
    check_functions,
    check_kind,
    check_whole,
    refuse_unknown,
    say_nothing,
)
from tokkit.bytelm.token_models.transformers.loading import import_torch
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.hypernets.alignment import Alignment, align
from tokkit.hypernets.bench import Bench, starting_ids
from tokkit.hypernets.boundary_token import read_as_beginning
from tokkit.hypernets.distillation.distilling import distil
from tokkit.hypernets.distillation.options import TransferTraining
from tokkit.hypernets.head import is_linear
from tokkit.hypernets.masked.frame import frame_of
from tokkit.hypernets.methods import METHODS, check_needs, chosen_method
from tokkit.hypernets.plain_models.bias_folding import fold_bias
from tokkit.hypernets.plain_models.donors import Donor, load_donor
from tokkit.hypernets.plain_models.replacing import ReplacedModel, keeps_bias, replace_vocabulary
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows, output_bias, output_rows
from tokkit.hypernets.result import TransferReport, TransferResult
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask
from tokkit.hypernets.telling.figures import Spread
from tokkit.hypernets.tokenizer_export.exporting import export_tokenizer
from tokkit.hypernets.windows import Progress
from tokkit.report.wording import readable
from tokkit.text.tokenizer import TextTokenizer

if TYPE_CHECKING:
    from tokkit.hypernets.hypernetwork.method import HypernetMethod


def transfer(
    model: Any,
    tokenizer: Any,
    *,
    method: str = "auto",
    donor: Any = None,
    hypernet: Any = None,
    text: str | bytes | None = None,
    k: int | None = None,
    seed: int = 0,
    training: TransferTraining | None = None,
    dtype: str | None = None,
    device: str | None = None,
    allow_download: bool = False,
    progress: Progress | None = None,
) -> TransferResult:
    """Give a model another tokenizer, without gradient training.

    Args:
        model: a folder, a GGUF file, a packaged name (`"smollm2"`), a hub id, a loaded model of
            transformers, or `(model, tokenizer)`. It stays as it is.
        tokenizer: the new one: whatever `load_tokenizer` takes.
        method: a name of `METHODS`, or `"auto"`: the best that we know for the model.
        donor: a model with the new tokenizer, for methods that want one: whatever `model` may be.
            Its rows decide what the new tokens mean; take one from whom you trust.
        hypernet: a folder that `train_hypernetwork` wrote for this model or one that it was tuned
            from, a published checkpoint, or a `TrainedHypernet`; for `method="hypernetwork"`, which
            `"auto"` then means.
        text: of the kind that the new model is for. Some methods fit themselves to it, and a part
            that nothing is fitted to measures bits per byte.
        k: tokens that a new row is a sum of, at most, for `method="omp"` (8).
        seed: of whatever is drawn.
        training: the budget of a method that trains, and its folder; None for five minutes of CPU
            time, and no folder.
        dtype: of the model: `float32` (default), `bfloat16`, `float16` or `float64`.
        device: where torch puts it, as `cpu` (default) or `cuda:0`.
        allow_download: whether hub ids may be fetched.
        progress: called with what is being done, and how much of it is done, and of how much.

    Returns:
        The model, its tokenizer (of transformers), and a report.

    Raises:
        ArgumentError: an unknown method, a donor or a text that it wants and lacks, a donor that it
            does not want, an empty text.
        FormatError: a missing or damaged file.
        ModelError: weights that do not fit; a model without an embedding matrix; a hypernetwork for
            another model.
        UnsupportedError: a model, a tokenizer or a combination that cannot be done exactly.
        MissingExtraError: torch or transformers is not installed, or what the method needs.
    """
    check_flags(allow_download=allow_download)
    check_functions(progress=progress)
    for option, value in (("dtype", dtype), ("device", device)):
        check_kind(value, (str, type(None)), option)
    check_whole("seed", seed, 0)
    data = None if text is None else _checked_text(text)
    _check_method(method, k, training, hypernet=hypernet, donor=donor, text=data)
    tell = progress or say_nothing
    network = None if hypernet is None else _opened(hypernet)
    tell("loading the model", 0, 0)
    source = load_source(model, dtype=dtype, device=device, allow_download=allow_download)
    starts = starting_ids(source)
    name = _usable_method(method, source, starts, network, has_text=data is not None)
    tell("reading the tokenizer", 0, 0)
    target = export_tokenizer(tokenizer, allow_download=allow_download)
    given = None
    if donor is not None:
        tell("loading the donor", 0, 0)
        given = load_donor(donor, target.text, allow_download=allow_download)
    alignment = align(source.tokenizer, target.text)
    used = METHODS[name]
    bench = Bench.of(
        source, target.text, alignment, starts, data, seed, progress, fits=used.reads_text
    )
    task = _task_of(bench, given, network, k, seed)
    tell("making rows", 0, 0)
    rows, curve = used.rows(task), None
    if (plan := used.distillation) is not None and task.new.any():
        rows, curve = distil(name, plan, rows, task, bench, training or TransferTraining())
    rows = _without_lost_bias(source, rows, bench, seed)
    if starts:
        rows = read_as_beginning(rows, task.inputs, source.tokenizer.spec, target.text.spec)
    tell("building the model", 0, 0)
    replaced = replace_vocabulary(
        source, target, rows.inputs, output_rows=rows.outputs, output_bias=rows.bias
    )
    report = _report_of(name, bench, rows, replaced)
    remarks = (*target.notes, *replaced.notes)
    return TransferResult(replaced.model, target, replace(report, remarks=remarks, training=curve))


def _check_method(
    method: str,
    k: int | None,
    training: TransferTraining | None,
    *,
    hypernet: Any,
    donor: Any,
    text: bytes | None,
) -> None:
    """Refuse an unknown method, one without what it wants, and one with what it does not take.

    Raises:
        ArgumentError: see above.
    """
    check_kind(method, str, "method")
    if method != "auto":
        refuse_unknown([method], ["auto", *METHODS], what="method")
    _check_hypernet(method, hypernet)
    if k is not None:
        check_whole("k", k, 1)
    check_needs(method, donor=donor is not None, text=text is not None, k=k is not None)
    check_kind(training, (TransferTraining, type(None)), "training")
    trains = method != "auto" and METHODS[method].distillation is not None
    if training is not None and not trains:
        trained = ", ".join(name for name, each in METHODS.items() if each.distillation)
        raise ArgumentError(
            f"method {method!r} does not train, so leave training out (--minutes); {trained} do"
        )


def _checked_text(text: str | bytes) -> bytes:
    data = as_bytes(text)
    if not data.strip():
        raise ArgumentError("text is empty; leave it out, or pass text of the model's use")
    return data


def _task_of(
    bench: Bench, donor: Donor | None, hypernet: HypernetMethod | None, k: int | None, seed: int
) -> TransferTask:
    """What a method works on."""
    source, n_source = bench.source, bench.source.tokenizer.vocab_size
    return TransferTask(
        bench.alignment,
        source.tokenizer,
        bench.target.spec,
        inputs=input_rows(source.model, n_source),
        outputs=None if source.layers.tied else output_rows(source.model, n_source),
        bias=output_bias(source.model, n_source),
        seed=seed,
        fitting=bench.fitting,
        choosing=bench.choosing,
        windows=bench.learning,
        donor=donor,
        hypernet=hypernet,
        k=k,
        device=str(source.model.get_input_embeddings().weight.device),
        progress=bench.progress,
    )


def _report_of(method: str, bench: Bench, rows: Rows, replaced: ReplacedModel) -> TransferReport:
    """Where the rows come from, and what the new model makes of the report's windows."""
    return TransferReport(
        method=method,
        source=bench.source.name,
        target=bench.target.name,
        **_origins(bench.alignment, rows),
        **_spreads(rows, bench.alignment, bench.target, tied=replaced.tied),
        bits_per_byte=bench.judge(replaced.model),
        notes=rows.notes,
    )


def _origins(alignment: Alignment, rows: Rows) -> dict[str, int]:
    """How many tokens have their rows from where, by the names of the report."""
    predicted = np.zeros(len(alignment), np.bool_) if rows.predicted is None else rows.predicted
    kinds = {
        "n_copied": alignment.copied & ~predicted,
        "n_combined": ~alignment.copied & ~alignment.without & ~predicted,
        "n_predicted": predicted,
        "n_without": alignment.without & ~predicted,
    }
    return {name: int(tokens.sum()) for name, tokens in kinds.items()}


def _spreads(
    rows: Rows, alignment: Alignment, target: TextTokenizer, *, tied: bool
) -> dict[str, Any]:
    """Whether one matrix serves for both, and where the rows lie, by the names of the report."""
    text_of = _text_of(target)
    outputs = None if tied else rows.outputs
    return {
        "tied": tied,
        "inputs": Spread.of(rows.inputs, alignment.copied, text_of),
        "outputs": None if outputs is None else Spread.of(outputs, alignment.copied, text_of),
    }


def _check_hypernet(method: str, hypernet: Any) -> None:
    wanted = method == "auto" or METHODS[method].wants_hypernet
    if hypernet is not None and not wanted:
        raise ArgumentError(f"method {method!r} wants no hypernet; leave it out")
    if hypernet is None and method != "auto" and wanted:
        raise ArgumentError(
            f"method {method!r} wants hypernet=FOLDER (--hypernet), which train_hypernetwork "
            "writes, or tokkit train hypernet"
        )


def _opened(hypernet: Any) -> HypernetMethod:
    import_torch()
    from tokkit.hypernets.hypernetwork.method import HypernetMethod, open_hypernet

    return HypernetMethod(open_hypernet(hypernet))


def _usable_method(
    method: str,
    source: SourceModel,
    starts: tuple[int, ...],
    network: HypernetMethod | None,
    *,
    has_text: bool,
) -> str:
    """The method that is asked for, or the best for the model, if it can be used with it.

    Raises:
        UnsupportedError: it cannot.
    """
    obstacle = _obstacle(source, starts, has_text=has_text)
    name = chosen_method(method, plain=not obstacle, has_hypernet=network is not None)
    free = network is not None and network.hypernet.heuristic == "mean"
    if METHODS[name].causal_only and not starts:
        obstacle = (
            "predicts masked tokens, or reads both sides, and this method needs a causal model"
        )
    if obstacle and METHODS[name].linear_only and not free:
        raise UnsupportedError(f"{source.name} {obstacle}; use method='mean'")
    return name


def _obstacle(source: SourceModel, starts: tuple[int, ...], *, has_text: bool) -> str:
    """Why no method for linear heads can be used, or nothing."""
    if not starts:
        if frame_of(source.tokenizer) is None or not source.masked:
            return "reads both sides, and this method needs a causal or masked model"
        if not has_text:
            return "predicts masked tokens, for which this method needs a text"
    if not is_linear(source.model, starts):
        return "scales or caps its logits, and this method makes rows for logits as they come"
    return ""


def _without_lost_bias(source: SourceModel, rows: Rows, bench: Bench, seed: int) -> Rows:
    """The rows with their bias folded in, where the class of the model has no place for one."""
    if rows.bias is None or keeps_bias(source.model):
        return rows
    if not rows.bias.any():
        return replace(rows, bias=None)
    states = bench.fitting.states if bench.fitting is not None else None
    if states is None:
        states = bench.own_states(seed)
    folded = fold_bias(
        rows.inputs if rows.outputs is None else rows.outputs, rows.bias, states, seed=seed
    )
    notes = {**rows.notes, "fold mean": folded.mean, "fold deviation": folded.deviation}
    return replace(rows, outputs=folded.rows, bias=None, notes=notes)


def _text_of(target: TextTokenizer) -> Callable[[int], str]:
    """What a token stands for; a control token, which has no bytes, its own text."""
    controls = {token: text for text, token in target.spec.special_tokens.items()}
    return lambda token: controls.get(token) or readable(target.token_bytes(token))
