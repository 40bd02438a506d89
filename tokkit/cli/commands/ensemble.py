"""`tokkit ensemble`: several models with different vocabularies write one text together."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import tokkit
from tokkit.cli.declarations import option
from tokkit.cli.inputs import DownloadFlag, ModelArgument, ModelArguments, Prompt, load_model
from tokkit.cli.option_types import Each, Numbers, Real
from tokkit.cli.output import (
    JsonFlag,
    bytes_fields,
    format_number,
    format_weight,
    html_option,
    print_json,
    print_table,
    save_text,
    write_stream,
)
from tokkit.cli.progress import counted, progress
from tokkit.cli.sampling import Sampling
from tokkit.errors import ArgumentError
from tokkit.report.wording import visible

if TYPE_CHECKING:
    from tokkit.bytelm.byte_lm import ByteLM
    from tokkit.bytelm.ensemble import ByteEnsemble, EnsembleState
    from tokkit.bytelm.ensembles.speakers import Heard

EXAMPLES = (
    ('tokkit ensemble smollm2 gemma3 --prompt "The first rule of"', "two models, one text"),
    (
        "tokkit ensemble smollm2 gemma3 --prompt-file story.txt --combine mixture",
        "one of them writes, whoever predicts the story",
    ),
    ("tokkit ensemble smollm2 gemma3 --prompt-file a.py --html who.html", "and who spoke where"),
)


@dataclass(frozen=True)
class Combining:
    """How several models become one."""

    PANEL: ClassVar[str | None] = None

    weights: Annotated[
        Numbers | None,
        option(
            "prior weights, equal if not given; of product and loglinear exponents, some of which "
            "may be negative",
            Each(Real()),
            "W,W,...",
        ),
    ] = None
    combine: Annotated[
        Literal["adaptive", "switching", "loglinear", "mixture", "mean", "product"],
        option(
            "adaptive: follows the text, by all of these; switching: the speaker may change at "
            "every byte; loglinear: a product whose exponents are learned; mixture: one speaks, "
            "the evidence says who; mean, product: averages of each step under fixed weights"
        ),
    ] = "adaptive"
    tolerance: Annotated[
        float,
        option(
            "a model is not asked for a while where it has changed the next byte's distribution by "
            "no more than this (total variation); 0 asks all, and is exact",
            Real(0, below=1),
            "SHARE",
        ),
    ] = 0.0

    def refuse_unfit(self, n_models: int) -> None:
        """Refuse weights that do not fit, before a model is loaded.

        Raises:
            ArgumentError: they are not one a model, or none that the combination takes.
        """
        from tokkit.bytelm.ensembles.names import check_weights

        if self.weights is None:
            return
        if len(self.weights) != n_models:
            raise ArgumentError(
                f"--weights has {len(self.weights)} numbers for {n_models} models; give one each"
            )
        check_weights(self.weights, n_models, self.combine)

    def join(self, members: Sequence[ByteLM]) -> ByteEnsemble:
        """The models as one."""
        return tokkit.ByteEnsemble(
            members,
            weights=None if self.weights is None else list(self.weights),
            combine=self.combine,
            tolerance=self.tolerance,
        )


def ensemble(
    model: ModelArgument,
    others: ModelArguments,
    prompt: Prompt,
    sampling: Sampling,
    combining: Combining,
    html: Annotated[
        str | None, html_option("a page that shows who spoke where, byte by byte")
    ] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Continue a text byte by byte from the joint distribution of several models.

    Their vocabularies may differ. The continuation goes to stdout; each model's exact bits per byte
    on the prompt and its weight before and after go to stderr.
    """
    if html == "-":
        raise ArgumentError("--html - would mix the page with the continuation; name a file")
    data = prompt.read()
    sources = [model, *others]
    combining.refuse_unfit(len(sources))
    sampling.request(data)  # refuses options that exclude each other
    together = combining.join([load_model(source, allow_download) for source in sources])
    with progress("scoring the prompt"):
        state = together.open(b"" if html else data)
        heard = [_listen(state, data)] if html else []
    report = _report(together, state, len(data))
    pieces = together.stream(data, state=state, **sampling.keywords())
    if as_json:
        completion = b"".join(counted("generating", pieces, sampling.max_bytes))
    else:
        _print_header(report, combining.combine)
        completion = write_stream(pieces)
        print()
    with progress("weighing the models"):
        if html:
            heard.append(_listen(state, completion))
            _save_page(html, together, data, completion, heard)
        else:
            state.push(completion)
    for entry, weight in zip(report, state.posterior().tolist(), strict=True):
        entry["posterior_after_completion"] = weight
    if not as_json:
        _print_footer(report)
        return 0
    print_json(
        {
            "combine": combining.combine,
            "tolerance": combining.tolerance,
            **bytes_fields("prompt", data),
            **bytes_fields("completion", completion),
            "n_bytes": len(completion),
            "seed": sampling.seed,
            "models": report,
        }
    )
    return 0


def _report(ensemble: ByteEnsemble, state: EnsembleState, n_bytes: int) -> list[dict[str, Any]]:
    """Each member's bits per byte on the prompt, and its weight before and after it."""
    from tokkit.scoring.figures import bits_per_byte

    return [
        {
            "model": member.name,
            "prompt_bits_per_byte": bits_per_byte(logprob, n_bytes),
            "prior": before,
            "posterior": after,
        }
        for member, logprob, before, after in zip(
            ensemble.members,
            state.member_prefix_logprobs().tolist(),
            ensemble.weights.tolist(),
            state.posterior().tolist(),
            strict=True,
        )
    ]


def _listen(state: EnsembleState, data: bytes) -> Heard:
    from tokkit.bytelm.ensembles.speakers import listen

    return listen(state, data)


def _save_page(
    path: str, ensemble: ByteEnsemble, prompt: bytes, completion: bytes, heard: list[Heard]
) -> None:
    """Write who spoke where in prompt and completion."""
    from tokkit.bytelm.ensembles.speakers import gather, render_speakers_page

    save_text(path, render_speakers_page(gather(ensemble, prompt, completion, heard)))


def _print_header(report: list[dict[str, Any]], combine: str) -> None:
    header = (combine, "bits/byte on the prompt", "weight before", "and after it")
    rows = [
        (
            str(entry["model"]),
            format_number(entry["prompt_bits_per_byte"]),
            format_weight(entry["prior"]),
            format_weight(entry["posterior"]),
        )
        for entry in report
    ]
    print_table(header, rows, to_stderr=True)
    print(file=sys.stderr, flush=True)


def _print_footer(report: list[dict[str, Any]]) -> None:
    shares = ", ".join(
        f"{visible(str(entry['model']))} {format_weight(entry['posterior_after_completion'])}"
        for entry in report
    )
    print(f"\nweights at the end: {shares}", file=sys.stderr)
