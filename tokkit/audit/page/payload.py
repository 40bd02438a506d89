"""Everything that the page's scripts read: one JSON object, and one block of streams."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tokkit.audit.finding import Finding
from tokkit.audit.page.engine_data import add_engine
from tokkit.audit.page.streams import Streams
from tokkit.audit.page.vocabulary_data import add_status, add_vocabulary
from tokkit.audit.report import AuditReport
from tokkit.errors import UnsupportedError
from tokkit.text.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Payload:
    """What scripts read.

    Attributes:
        about: for JSON. `vocabulary`: of the model; `words`: of statuses and reasons; `engine`:
            None if the page cannot run the tokenizer, `refusal` says why; `specials`: texts of
            control tokens -> ids; `findings`: those with tokens; `streams`: places in the block.
        block: the streams, deflated, in base64.
    """

    about: dict[str, Any]
    block: str


def make_payload(report: AuditReport, tokenizer: TextTokenizer) -> Payload:
    """The payload of a page about a text tokenizer."""
    streams = Streams()
    vocabulary = add_vocabulary(streams, tokenizer)
    vocabulary["words"] = add_status(streams, report.tokens, tokenizer)
    engine, refusal = None, ""
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
        "specials": {text: int(token) for text, token in tokenizer.special_tokens.items()},
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
