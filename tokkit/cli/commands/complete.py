"""`tokkit complete`: one model continues a text, or fills in its middle, byte by byte."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import (
    DownloadFlag,
    ModelArgument,
    Prompt,
    load_model,
    refuse_both,
)
from tokkit.cli.option_types import AnyText, Checked, InputFile, Real, Whole
from tokkit.cli.output import JsonFlag, bytes_fields, print_json, write_stream
from tokkit.cli.progress import counted, progress
from tokkit.cli.sampling import Sampling
from tokkit.errors import ArgumentError
from tokkit.files.reading import read_whole
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM
    from tokkit.bytelm.drawing.request import Request

EXAMPLES = (
    (
        'tokkit complete smollm2 --prompt "They hired an intermed" --max-bytes 80',
        "cut anywhere, also inside a word",
    ),
    (
        'tokkit complete smollm2 --prompt "The Wall fell in " --pattern "[0-9]{4}"',
        "only what matches",
    ),
    (
        'tokkit complete smollm2 --prompt "The capital of " --suffix " is Paris."',
        "fill in the middle, with any model",
    ),
    (
        'tokkit complete smollm2 --chat --prompt "What is the capital of France?"',
        "an answer, in the model's own chat template",
    ),
)
_SEARCH = "Search"
_OF_BYTES = ("repetition_penalty", "no_repeat_ngram", "utf8", "pattern")


def _check_format(name: str) -> None:
    from tokkit.arguments import refuse_unknown
    from tokkit.bytelm.completion.fim_formats import FIM_FORMATS

    refuse_unknown([name], tuple(FIM_FORMATS), what="format")


@dataclass(frozen=True)
class Middle:
    """What stands after the text, and how the two are joined."""

    PANEL: ClassVar[str] = "Middle and unit"

    suffix: Annotated[
        str | None,
        option("fill in the middle between the prompt and TEXT", AnyText(), "TEXT"),
    ] = None
    suffix_file: Annotated[
        str | None,
        option("the same, from a file", InputFile(), "FILE"),
    ] = None
    fim: Annotated[
        str | None,
        option(
            "the model's format; found by its special tokens if not given",
            Checked(_check_format),
            "NAME",
        ),
    ] = None
    method: Annotated[
        Literal["auto", "format", "posterior"],
        option(
            "format: as the model was trained to; posterior: search for a middle that the suffix "
            "follows, with any model; auto: the format where the model has one"
        ),
    ] = "auto"
    budget: Annotated[
        int | None,
        option("passes of the model that the search may take", Whole(8), "N"),
    ] = None
    heal: Annotated[
        Literal["none", "prefix", "both"],
        option("which borders of the middle may fall inside tokens"),
    ] = "prefix"
    unit: Annotated[
        Literal["byte", "token"],
        option("what is drawn; tokens are faster, and what the sampling options act on"),
    ] = "byte"

    def __post_init__(self) -> None:
        """Refuse a suffix that is given twice, by an `ArgumentError`."""
        refuse_both("--suffix", self.suffix, "--suffix-file", self.suffix_file)

    @property
    def has_suffix(self) -> bool:
        """Whether anything is said about what follows."""
        return self.suffix is not None or self.suffix_file is not None

    def read(self) -> bytes | None:
        """The bytes of the suffix; None where there is none."""
        if self.suffix_file is not None:
            return read_whole(self.suffix_file)
        return None if self.suffix is None else os.fsencode(self.suffix)


def complete(
    model: ModelArgument,
    prompt: Prompt,
    sampling: Sampling,
    middle: Middle,
    beams: Annotated[
        int | None,
        option(
            "the most probable continuation, by beam search, instead of a sample; all N with their "
            "log-probabilities go to stderr",
            Whole(1),
            "N",
            panel=_SEARCH,
        ),
    ] = None,
    length_penalty: Annotated[
        float,
        option(
            "rank beams by logprob / length**A; more favours longer ones",
            Real(),
            "A",
            panel=_SEARCH,
        ),
    ] = 0.0,
    chat: Annotated[
        bool, option("take the text for a user's message, and reply in the model's chat template")
    ] = False,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Continue a text byte by byte, wherever it is cut, or fill in its middle.

    Only the continuation goes to stdout.
    """
    _refuse_unfit(sampling, middle, beams, length_penalty)
    if chat and (beams is not None or middle.has_suffix):
        raise ArgumentError("--chat goes neither with --beams nor with --suffix")
    data, suffix = prompt.read(), middle.read()
    if beams is not None:
        options = sampling.beam_keywords() | {"n_beams": beams, "length_penalty": length_penalty}
        return _search(load_model(model, allow_download), data, options, as_json)
    asked = tokkit.Chat([{"role": "user", "content": _as_text(data)}]) if chat else data
    _refuse_unsearched(sampling.request(data), middle)
    lm = load_model(model, allow_download)
    pieces = _continuation(lm, asked, suffix, middle, sampling)
    if not as_json:
        write_stream(pieces)
        print()
        return 0
    completion = b"".join(counted("generating", pieces, sampling.max_bytes))
    print_json(
        {
            "model": lm.name,
            **bytes_fields("prompt", data),
            **({} if suffix is None else bytes_fields("suffix", suffix)),
            **bytes_fields("completion", completion),
            "n_bytes": len(completion),
            "unit": middle.unit,
            "seed": sampling.seed,
        }
    )
    return 0


def _refuse_unfit(
    sampling: Sampling, middle: Middle, beams: int | None, length_penalty: float
) -> None:
    """Refuse options that do not go together, before anything is read or loaded."""
    if beams is not None and (middle.has_suffix or middle.unit != "byte"):
        raise ArgumentError("--beams goes neither with --suffix nor with --unit token")
    if beams is None and length_penalty:
        raise ArgumentError("--length-penalty is about beams; give --beams as well")
    of_format = middle.fim is not None or middle.heal != "prefix"
    of_search = middle.method != "auto" or middle.budget is not None
    if not middle.has_suffix and (of_format or of_search):
        raise ArgumentError(
            "--fim, --heal, --method and --budget are about a middle; give --suffix as well"
        )
    if middle.method == "posterior" and (of_format or middle.unit != "byte"):
        raise ArgumentError("--method posterior takes neither --fim, --heal nor --unit token")
    if middle.method == "format" and middle.budget is not None:
        raise ArgumentError("--budget is about --method posterior")
    if middle.has_suffix:
        sampling.refuse(["pattern"], "goes neither with --suffix nor with --unit token")
    if middle.unit == "token":
        sampling.refuse(_OF_BYTES, "is about bytes, and --unit token draws tokens")


def _refuse_unsearched(request: Request, middle: Middle) -> None:
    """Refuse options that `--method posterior` does not heed."""
    if middle.method == "posterior":
        from tokkit.bytelm.completion.filling_options import check_searched

        check_searched(request, middle.unit)


def _as_text(data: bytes) -> str:
    """A message, which is a text."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise ArgumentError(
            f"--chat: the byte 0x{data[error.start]:02X} at offset {error.start} is no UTF-8; a "
            "message must be a text"
        ) from error


def _continuation(
    lm: ByteLM,
    prompt: bytes | tokkit.Chat,
    suffix: bytes | None,
    middle: Middle,
    sampling: Sampling,
) -> Iterator[bytes]:
    options, unit = sampling.keywords(), middle.unit
    if isinstance(prompt, bytes) and suffix is None and unit == "byte":
        return lm.stream(prompt, **options)
    if unit == "token" or suffix is not None:
        del options["pattern"]
    if suffix is None or not isinstance(prompt, bytes):
        return tokkit.stream_completion(lm, prompt, unit=unit, **options)
    from tokkit.bytelm.completion.filling_options import FillingOptions

    way = FillingOptions(middle.method, middle.budget, middle.fim, middle.heal)
    if way.take_format(lm):
        gap = tokkit.Infilling(lm, prompt, suffix, fim=middle.fim, heal=middle.heal)
        return gap.stream(unit=unit, **options)
    with progress("searching"):
        found = tokkit.infill(
            lm, prompt, suffix, method="posterior", budget=middle.budget, unit=unit, **options
        )
    return (found[k : k + 1] for k in range(len(found)))


def _search(lm: ByteLM, prompt: bytes, options: dict[str, Any], as_json: bool) -> int:
    with progress("searching"):
        beams = tokkit.beam_search(lm, prompt, **options)
    if as_json:
        print_json(
            {
                "model": lm.name,
                **bytes_fields("prompt", prompt),
                "beams": [
                    {
                        **bytes_fields("completion", beam.data),
                        "n_bytes": len(beam.data),
                        "logprob": beam.logprob,
                        "ended": beam.ended,
                    }
                    for beam in beams
                ],
            }
        )
        return 0
    write_stream([beams[0].data])
    print(flush=True)
    for beam in beams:
        text = visible(repr(beam.data.decode(errors="replace")))
        cut = "" if beam.ended else " ..."
        print(f"{beam.logprob:10.4f} nats  {text}{cut}", file=sys.stderr)
    return 0
