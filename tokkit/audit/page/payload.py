"""Everything that the page's scripts read: one JSON object, and one block of streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokkit.audit.finding import Finding
from tokkit.audit.page.engine_data import add_engine
from tokkit.audit.page.streams import Streams
from tokkit.audit.page.vocabulary_data import add_status, add_vocabulary
from tokkit.audit.report_content import ReportContent
from tokkit.errors import UnsupportedError
from tokkit.text.tokenizer import TextTokenizer

MAX_BLOCK = 1_720_000
"""Characters; what remains of 2 MB is for the report and the page itself."""


@dataclass(frozen=True)
class Payload:
    """What scripts read.

    Attributes:
        about: for JSON. `vocabulary`: of the model; `words`: of statuses and reasons; `engine`:
            None if the page cannot run the tokenizer, `refusal` says why; `findings`:
            those with tokens; `streams`: places in the block.
        block: the streams, deflated, as text.
    """

    about: dict[str, Any]
    block: str


def make_payload(
    report: ReportContent, tokenizer: TextTokenizer, *, max_block: int = MAX_BLOCK
) -> Payload:
    """The payload of a page about a text tokenizer.

    Args:
        report: for what is known of the tokens, and the findings that name some.
        tokenizer: the subject of the report.
        max_block: characters of the block. A larger one is made again without what only the live
            tokenizer needs, and says so.
    """
    payload = _make(report, tokenizer, refusal="")
    if len(payload.block) <= max_block:
        return payload
    return _make(report, tokenizer, refusal="with its tables the page would be larger than 2 MB")


def _make(report: ReportContent, tokenizer: TextTokenizer, *, refusal: str) -> Payload:
    streams = Streams()
    vocabulary = add_vocabulary(streams, tokenizer, with_scores=not refusal)
    vocabulary["words"] = add_status(streams, report.tokens, tokenizer)
    streams.add_json(
        "specials", {text: int(token) for text, token in tokenizer.special_tokens.items()}
    )
    engine = None
    if not refusal:
        try:
            engine = add_engine(streams, tokenizer)
        except UnsupportedError as error:
            refusal = str(error)
    findings = [
        _add_finding(streams, k, finding)
        for k, finding in enumerate(report.findings)
        if finding.tokens
    ]
    places, block = streams.pack()
    about = {
        "findings": findings,
        "vocabulary": vocabulary,
        "engine": engine,
        "refusal": refusal,
        "streams": places,
    }
    return Payload(about, block)


def _add_finding(streams: Streams, k: int, finding: Finding) -> dict[str, Any]:
    """The tokens of a finding, for the explorer to list; `index` is its place in the report."""
    streams.add_differences(f"finding{k}", finding.tokens)
    return {"index": k, "title": finding.title, "stream": f"finding{k}"}
