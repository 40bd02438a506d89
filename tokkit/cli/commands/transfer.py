"""`tokkit transfer`: a model with another tokenizer."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import DownloadFlag, ModelArgument, TokenizerArgument, read_text
from tokkit.cli.option_types import (
    Checked,
    InputFile,
    InputFolder,
    Name,
    NewFolder,
    OutputFile,
    OutputFolder,
    Real,
    Source,
    Whole,
)
from tokkit.cli.output import JsonFlag, html_option, print_json, refuse_two_on_stdout, save_text
from tokkit.cli.progress import Meter, progress
from tokkit.cli.terminal import layout_of
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.hypernets.distillation.options import TransferTraining
    from tokkit.hypernets.result import TransferReport

EXAMPLES = (
    ("tokkit transfer smollm2 path/to/tokenizer.json --out moved/", "a folder for transformers"),
    (
        "tokkit transfer smollm2 gemma3 --out moved/ --text-file sample.txt",
        "fitted to a text of the new model's use, and measured on the rest of it",
    ),
    (
        "tokkit transfer smollm2 gemma3 --method mean --text-file a.py --html m.html",
        "only a page of how well another method does",
    ),
    (
        "tokkit transfer smollm2 gemma3 --out moved/ --method omp --donor gemma3",
        "rows like those of a model that has the tokenizer",
    ),
    (
        "tokkit transfer old/ t.json --out a --text-file b --method row-distillation",
        "trained for five minutes of CPU time; with --checkpoint FOLDER it can be interrupted",
    ),
)


def _methods() -> Iterable[str]:
    from tokkit.hypernets.methods import METHODS

    return ("auto", *METHODS)


def _check_device(name: str) -> None:
    from tokkit.bytelm.token_models.transformers.loading import checked_device, import_torch

    checked_device(import_torch(), name)


def transfer(
    model: ModelArgument,
    tokenizer: TokenizerArgument,
    out: Annotated[
        str | None,
        option(
            "folder for the model and its tokenizer",
            NewFolder(),
            "FOLDER",
            panel="Outputs",
            name="--out",
            alias="--into",
        ),
    ] = None,
    gguf: Annotated[
        str | None, option("both as one GGUF file", OutputFile(), "FILE", panel="Outputs")
    ] = None,
    method: Annotated[
        str,
        option("how rows are made; auto: the best for the model", Name(_methods), "METHOD"),
    ] = "auto",
    donor: Annotated[
        str | None,
        option("a model that has the new tokenizer, for methods that want one", Source(), "MODEL"),
    ] = None,
    k: Annotated[
        int | None, option("tokens that a row is a sum of, at most, for omp (8)", Whole(1), "N")
    ] = None,
    hypernet: Annotated[
        str | None,
        option(
            "a trained network to make rows with (tokkit train hypernet)", InputFolder(), "FOLDER"
        ),
    ] = None,
    text_file: Annotated[
        list[str] | None,
        option(
            "text of the new model's use, to fit to and to measure on; - for stdin; repeatable",
            InputFile(stdin=True),
            "FILE",
        ),
    ] = None,
    seed: Annotated[int, option("of whatever is drawn", Whole(0), "N")] = 0,
    minutes: Annotated[
        float | None,
        option(
            "of CPU time that a method that trains may train for (5)",
            Real(above=0),
            "N",
            panel="Training",
        ),
    ] = None,
    steps: Annotated[
        int | None,
        option("updates that it may make, in place of minutes", Whole(1), "N", panel="Training"),
    ] = None,
    checkpoint: Annotated[
        str | None,
        option(
            "where it saves what it has learned; goes on with what is there",
            OutputFolder(),
            "FOLDER",
            panel="Training",
        ),
    ] = None,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16", "float64"], option("of the model's weights")
    ] = "float32",
    device: Annotated[
        str | None,
        option("where torch computes, as cuda:0 (cpu)", Checked(_check_device), "DEVICE"),
    ] = None,
    html: Annotated[str | None, html_option("a report as one page")] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Give a model of transformers another tokenizer.

    TOKENIZER is the new one. The result is a plain model. With --text-file, bits per byte are told
    before and after, on a part of the text that nothing is fitted to. Most methods train nothing;
    those that do take a text, and the options of training.
    """
    from tokkit.files.gguf_layout import require_gguf

    refuse_two_on_stdout(html=html, json="-" if as_json else None)
    if gguf == "-":
        raise ArgumentError("--gguf - is stdout; a GGUF file is read back, so give a file")
    if not (out or gguf or html or as_json):
        raise ArgumentError("nothing would be kept: give --out FOLDER, --gguf FILE or --html FILE")
    if gguf is not None:
        require_gguf(extra="hf")
    _refuse_incomplete(method, donor, text_file)
    training = _training(minutes, steps, checkpoint)
    text = b"\n".join(read_text(None, file) for file in text_file) if text_file else None
    with Meter() as meter:
        result = tokkit.transfer(
            model,
            tokenizer,
            method=method,
            donor=donor,
            hypernet=hypernet,
            text=text,
            k=k,
            seed=seed,
            training=training,
            dtype=dtype,
            device=device,
            allow_download=allow_download,
            progress=meter,
        )
        if out is not None:
            meter("saving")
            result.save(out)
    # As the user calls them.
    report = replace(result.report, source=model, target=tokenizer)
    if html is not None:
        save_text(html, report.to_html())
    if as_json:
        print_json(report.to_dict())
    elif html != "-":
        _print(report)
    if gguf is not None:  # last, because only a finished model shows whether such a file can be
        with progress("writing and reading back the GGUF file"):
            saved = result.save_gguf(gguf)
        for note in saved.notes:
            print(f"tokkit: note: {visible(note)}", file=sys.stderr)
    return 0


def _refuse_incomplete(method: str, donor: str | None, text_file: list[str] | None) -> None:
    """Refuse a method without what it wants, in the words of the command."""
    from tokkit.hypernets.methods import METHODS

    wanting = METHODS.get(method)
    if wanting is None:
        return
    if wanting.wants_donor and donor is None:
        raise ArgumentError(
            f"--method {method} wants a model that has the new tokenizer; give --donor MODEL"
        )
    if wanting.wants_text and not text_file:
        raise ArgumentError(
            f"--method {method} wants a text of the new model's use; give --text-file FILE"
        )


def _training(
    minutes: float | None, steps: int | None, checkpoint: str | None
) -> TransferTraining | None:
    """The budget and the folder; None where none of them is given."""
    if minutes is None and steps is None and checkpoint is None:
        return None
    from tokkit.hypernets.distillation.options import TransferTraining

    seconds = None if minutes is None else 60 * minutes
    return TransferTraining(seconds=seconds, steps=steps, folder=checkpoint)


def _print(report: TransferReport) -> None:
    from tokkit.hypernets.transfer_report import transfer_sections, verdict
    from tokkit.report.layout import BOLD, wrapped
    from tokkit.report.terminal import heading_lines, table_lines

    layout = layout_of(sys.stdout)
    title = f"{visible(report.source)} → {visible(report.target)}"
    lines = [layout.styled(title, BOLD), *wrapped(visible(verdict(report)), 0, layout)]
    for section in transfer_sections(report):
        lines += ["", *heading_lines(section, layout)]
        for table in section.tables:
            lines += ["", *table_lines(table, layout)]
    lines += [""] * bool(report.remarks)
    for remark in report.remarks:
        lines += wrapped(f"note: {visible(remark)}", 0, layout)
    save_text("-", "".join(f"{line}\n" for line in lines))
