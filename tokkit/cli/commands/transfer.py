"""`tokkit transfer`: a model with another tokenizer."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import (
    DeviceOption,
    DownloadFlag,
    ModelArgument,
    TokenizerArgument,
    read_text,
)
from tokkit.cli.option_types import (
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


@dataclass(frozen=True)
class Outputs:
    """What is kept of a transfer."""

    PANEL: ClassVar[str] = "Outputs"

    out: Annotated[
        str | None,
        option(
            "folder for the model and its tokenizer",
            NewFolder(),
            "FOLDER",
            name="--out",
            alias="--into",
        ),
    ] = None
    gguf: Annotated[str | None, option("both as one GGUF file", OutputFile(), "FILE")] = None
    html: Annotated[str | None, html_option("a report as one page")] = None
    as_json: JsonFlag = False

    def refuse_unfit(self) -> None:
        """Refuse to keep nothing, and to write to stdout twice.

        Raises:
            ArgumentError: that is what is asked for.
        """
        refuse_two_on_stdout(html=self.html, json="-" if self.as_json else None)
        if self.gguf == "-":
            raise ArgumentError("--gguf - is stdout; a GGUF file is read back, so give a file")
        if not (self.out or self.gguf or self.html or self.as_json):
            raise ArgumentError(
                "nothing would be kept: give --out FOLDER, --gguf FILE or --html FILE"
            )

    def tell(self, report: TransferReport) -> None:
        """Write the report where it is asked for, and a summary where stdout is free."""
        if self.html is not None:
            save_text(self.html, report.to_html())
        if self.as_json:
            print_json(report.to_dict())
        elif self.html != "-":
            _print(report)


@dataclass(frozen=True)
class NewRows:
    """How the rows of the new tokens are made."""

    PANEL: ClassVar[str | None] = None

    method: Annotated[
        str,
        option("how rows are made; auto: the best for the model", Name(_methods), "METHOD"),
    ] = "auto"
    donor: Annotated[
        str | None,
        option("a model that has the new tokenizer, for methods that want one", Source(), "MODEL"),
    ] = None
    k: Annotated[
        int | None, option("tokens that a row is a sum of, at most, for omp (8)", Whole(1), "N")
    ] = None
    hypernet: Annotated[
        str | None,
        option(
            "a trained network to make rows with (tokkit train hypernet)", InputFolder(), "FOLDER"
        ),
    ] = None
    text_file: Annotated[
        list[str] | None,
        option(
            "text of the new model's use, to fit to and to measure on; - for stdin; repeatable",
            InputFile(stdin=True),
            "FILE",
        ),
    ] = None
    seed: Annotated[int, option("of whatever is drawn", Whole(0), "N")] = 0

    def __post_init__(self) -> None:
        """Refuse a method without what it wants, by an `ArgumentError`."""
        from tokkit.hypernets.methods import METHODS

        wanting = METHODS.get(self.method)
        if wanting is None:
            return
        if wanting.wants_donor and self.donor is None:
            raise ArgumentError(
                f"--method {self.method} wants a model that has the new tokenizer; give "
                "--donor MODEL"
            )
        if wanting.wants_text and not self.text_file:
            raise ArgumentError(
                f"--method {self.method} wants a text of the new model's use; give --text-file FILE"
            )

    def keywords(self) -> dict[str, Any]:
        """Keyword arguments of `tokkit.transfer`; the texts are read."""
        options = asdict(self)
        files: list[str] | None = options.pop("text_file")
        text = b"\n".join(read_text(None, file) for file in files) if files else None
        return {**options, "text": text}


@dataclass(frozen=True)
class Training:
    """How long a method that trains may train."""

    PANEL: ClassVar[str] = "Training"

    minutes: Annotated[
        float | None,
        option("of CPU time that a method that trains may train for (5)", Real(above=0), "N"),
    ] = None
    steps: Annotated[
        int | None, option("updates that it may make, in place of minutes", Whole(1), "N")
    ] = None
    checkpoint: Annotated[
        str | None,
        option(
            "where it saves what it has learned; goes on with what is there",
            OutputFolder(),
            "FOLDER",
        ),
    ] = None

    def options(self) -> TransferTraining | None:
        """The budget and the folder; None where none of them is given."""
        if self.minutes is None and self.steps is None and self.checkpoint is None:
            return None
        from tokkit.hypernets.distillation.options import TransferTraining

        seconds = None if self.minutes is None else 60 * self.minutes
        return TransferTraining(seconds=seconds, steps=self.steps, folder=self.checkpoint)


def transfer(
    model: ModelArgument,
    tokenizer: TokenizerArgument,
    outputs: Outputs,
    rows: NewRows,
    training: Training,
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16", "float64"], option("of the model's weights")
    ] = "float32",
    device: DeviceOption = None,
    allow_download: DownloadFlag = False,
) -> int:
    """Give a model of transformers another tokenizer.

    TOKENIZER is the new one. The result is a plain model. With --text-file, bits per byte are told
    before and after, on a part of the text that nothing is fitted to. Most methods train nothing;
    those that do take a text, and the options of training.
    """
    from tokkit.files.gguf_layout import require_gguf

    outputs.refuse_unfit()
    if outputs.gguf is not None:
        require_gguf(extra="hf")
    options: dict[str, Any] = {**rows.keywords(), "training": training.options()}
    with Meter() as meter:
        result = tokkit.transfer(
            model,
            tokenizer,
            **options,
            dtype=dtype,
            device=device,
            allow_download=allow_download,
            progress=meter,
        )
        if outputs.out is not None:
            meter("saving")
            result.save(outputs.out)
    outputs.tell(replace(result.report, source=model, target=tokenizer))  # as the user calls them
    if outputs.gguf is not None:  # last, as only a finished model shows whether it can be one
        with progress("writing and reading back the GGUF file"):
            saved = result.save_gguf(outputs.gguf)
        for note in saved.notes:
            print(f"tokkit: note: {visible(note)}", file=sys.stderr)
    return 0


def _print(report: TransferReport) -> None:
    from tokkit.hypernets.telling.transfer_report import transfer_sections, verdict
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
