"""Does it matter where a prompt is cut? Completing lines from a random byte on, by five methods.

Prompts end at a random byte inside a line of English, or of Python files that `held_out` names
(for models that others trained that is only a fixed sample: they have surely seen the standard
library). Wanted is the rest of the line. Every method is greedy; what one is allowed to see or draw
is the only difference:

- `naive tokens`: the prompt is tokenized as it stands, and whole tokens follow.
- `naive prompt, bytes`: the same tokens as a condition, and exact bytes after it. What remains of
  the difference to `tokkit bytes` is due to the prompt alone.
- `token healing`: transformers' own (`token_healing.py`). Where it raises, it has completed
  nothing.
- `healing, else naive`: the same, with `naive tokens` where it raises.
- `tokkit bytes`: `ByteLM.stream`, from the bytes of the prompt.
- `tokkit tokens`: `stream_completion(unit="token")`: one exact draw across the end of the prompt,
  then whole tokens.

A completion is followed only as long as it agrees with what is wanted. For `tokkit bytes` the most
probable byte at every position is read off the pass that scores the rest of the line; on the first
prompts `stream` is run as well and must agree.

Bits per byte of the rest of the line, newline not included, under three semantics:

- `naive tokens`: log P of the tokens of `encode(rest)` after those of `encode(prompt)`, unmasked.
  It says that the text goes on with the rest *and* that a token ends with it.
- `naive prompt, bytes`: canonical; that what follows the prompt's tokens begins with the rest.
- `tokkit`: canonical; that a text that begins with the prompt's bytes goes on with the rest.

Token healing and greedy tokens from a healed prompt define no probability of their own.

    python -m benchmarks.boundary.quality --model smollm2 --write-docs
    python -m benchmarks.boundary.quality --model gemma3 --prompts 80 --write-docs
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

import tokkit
from benchmarks.shared.agreement import agreement, bits_of, greedy_agreement
from benchmarks.shared.bootstrap import paired_interval, ratio_interval, shown
from benchmarks.shared.cuts import LineCut, common_prefix, line_cuts
from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import run_description
from benchmarks.shared.passages import english
from benchmarks.shared.records import FOLDER, PAGE, Record, Records, replace_block, run_parser
from benchmarks.shared.sample_texts import CORPUS
from tokkit.bytelm.completion.completion import stream_completion
from tokkit.bytelm.token_models.protocol import open_session

METHODS = (
    "naive tokens",
    "naive prompt, bytes",
    "token healing",
    "healing, else naive",
    "tokkit bytes",
    "tokkit tokens",
)
SCORED = {
    "naive tokens": "naive tokens",
    "naive prompt, bytes": "naive prompt, bytes",
    "tokkit": "tokkit bytes",
}
"""What defines a probability, and the key of its bits."""
BASELINE = "naive tokens"
CONTEXT_BYTES = 300
MAX_REST = 80
N_CHECKED = 10


def naive_tokens(lm: tokkit.ByteLM, cut: LineCut) -> tuple[float, int]:
    """Bits of the canonical tokens of the rest after those of the prompt; bytes that agree.

    Greedy tokens until the text leaves what is wanted, or covers it.
    """
    tokenizer = lm.token_lm.tokenizer
    session = open_session(lm.token_lm)
    node = session.root
    for token in tokenizer.encode(cut.prompt, normalize=False):
        node = session.extend(node, token)
    start = node
    nodes = [start]
    ids = tokenizer.encode(cut.rest, normalize=False)
    for token in ids[:-1]:
        nodes.append(session.extend(nodes[-1], token))
    rows = session.logprobs(nodes)
    nats = float(rows[np.arange(len(ids)), ids].astype(np.float64).sum())
    text = b""
    node, row = start, rows[0]
    while True:
        token = int(row.argmax())
        piece = tokenizer.token_bytes(token)
        if not piece or token in lm.token_lm.eos_ids:
            matched = len(text) + (text == cut.rest)
            break
        text += piece
        if len(text) >= len(cut.wanted) or not cut.wanted.startswith(text):
            matched = common_prefix(text, cut.wanted)
            break
        node = session.extend(node, token)
        row = session.logprobs([node])[0]
    return -nats / math.log(2), matched


def inside_token(lm: tokkit.ByteLM, cut: LineCut) -> bool:
    """Whether the cut falls inside a token of the canonical encoding of the whole."""
    tokenizer = lm.token_lm.tokenizer
    whole = cut.prompt + cut.wanted + cut.following
    sizes = [len(tokenizer.token_bytes(i)) for i in tokenizer.encode(whole, normalize=False)]
    return len(cut.prompt) not in np.cumsum(sizes)


def measure(lm: tokkit.ByteLM, heal: Callable[[bytes, bytes], int], cut: LineCut) -> Record:
    """All methods on one prompt: bytes that agree, and bits of the rest."""
    state = lm.open(cut.prompt)
    tokens = stream_completion(
        lm,
        cut.prompt,
        unit="token",
        temperature=0,
        max_bytes=len(cut.wanted),
        stop=["\n"],
        state=state,
    )
    matched = {"tokkit tokens": agreement(tokens, cut.rest)}
    bits: dict[str, float] = {}
    rows = state.score(cut.wanted)
    matched["tokkit bytes"] = greedy_agreement(rows, cut.rest)
    bits["tokkit bytes"] = bits_of(rows, cut.rest)
    prompt_ids = lm.token_lm.tokenizer.encode(cut.prompt, normalize=False)
    rows = lm.open_after(prompt_ids).score(cut.wanted)
    matched["naive prompt, bytes"] = greedy_agreement(rows, cut.rest)
    bits["naive prompt, bytes"] = bits_of(rows, cut.rest)
    bits["naive tokens"], matched["naive tokens"] = naive_tokens(lm, cut)
    error = None
    try:
        matched["token healing"] = heal(cut.prompt, cut.wanted)
        matched["healing, else naive"] = matched["token healing"]
    except (KeyError, UnicodeDecodeError) as raised:
        error = type(raised).__name__
        matched["token healing"] = 0
        matched["healing, else naive"] = matched["naive tokens"]
    return {
        "inside": inside_token(lm, cut),
        "rest_bytes": len(cut.rest),
        "word_bytes": cut.word_size,
        "matched": matched,
        "bits": bits,
        "healing_error": error,
    }


def check_stream(lm: tokkit.ByteLM, cut: LineCut, expected: int) -> bool:
    """Whether `ByteLM.stream` gives the line that was read off the scoring pass."""
    stream = lm.stream(cut.prompt, max_bytes=len(cut.wanted), temperature=0, stop=["\n"])
    return agreement(stream, cut.rest) == expected


def run(records: Records, cuts: dict[str, list[LineCut]], model: str) -> None:
    """Measure what is missing, kinds of text in turns."""
    todo = [
        (f"{kind} {index}", kind, index)
        for index in range(max(map(len, cuts.values())))
        for kind in cuts
        if index < len(cuts[kind]) and f"{kind} {index}" not in records
    ]
    if not todo:
        return
    from benchmarks.boundary.token_healing import Healer

    lm = tokkit.load_lm(model, threads=1)
    healer = Healer(model, lm)
    healer.check([cut.prompt.decode(errors="ignore") for cut in cuts["Python"][:20]])
    for key, kind, index in todo:
        cut = cuts[kind][index]
        record = measure(lm, healer.complete, cut)
        if index < N_CHECKED:
            record["stream_agrees"] = check_stream(lm, cut, record["matched"]["tokkit bytes"])
        records.add(key, {"kind": kind, **record})
        print(key, file=sys.stderr, flush=True)


@dataclass(frozen=True)
class Group:
    """Prompts that share a line of a table."""

    name: str
    records: list[Record]


def groups(records: list[Record]) -> list[Group]:
    """By kind of text, and by whether the cut falls inside a token."""
    found: list[Group] = []
    for kind in dict.fromkeys(record["kind"] for record in records):
        own = [record for record in records if record["kind"] == kind]
        inside = [record for record in own if record["inside"]]
        between = [record for record in own if not record["inside"]]
        found.append(Group(f"{kind}, all", own))
        found.append(Group(f"{kind}, inside a token", inside))
        found.append(Group(f"{kind}, between tokens", between))
    return [group for group in found if group.records]


def line_size(record: Record) -> int:
    """Bytes of the rest and its newline."""
    return record["rest_bytes"] + 1


def word_size(record: Record) -> int:
    """Bytes up to the end of the next word."""
    return record["word_bytes"]


def table(
    found: list[Group],
    columns: Mapping[str, str],
    figure: Callable[[Record, str], float],
    weight: Callable[[Record], int],
    *,
    counted: str,
    digits: int,
) -> str:
    """A figure of each method, and its difference to the baseline.

    Args:
        found: the lines.
        columns: head of a column -> the method.
        figure: of a prompt, by a method.
        weight: of a prompt, by which figures are divided.
        counted: what the weights count.
        digits: of the figures.
    """
    lines = [
        f"| prompts | {counted} | {' | '.join(columns)} |",
        "|---|---|" + "---|" * len(columns),
    ]
    for group in found:
        weights = [weight(record) for record in group.records]
        base = [figure(record, BASELINE) for record in group.records]
        cells: list[str] = []
        for method in columns.values():
            own = [figure(record, method) for record in group.records]
            cell = shown(ratio_interval(own, weights), digits=digits)
            if method != BASELINE:
                cell += "<br>" + shown(paired_interval(own, base, weights), digits=digits, sign="+")
            cells.append(cell)
        lines.append(f"| {group.name} | {sum(weights):,} | {' | '.join(cells)} |")
    return "\n".join(lines)


def match_table(found: list[Group], size: Callable[[Record], int]) -> str:
    """Exact match in per cent: 100 for a prompt of which at least `size` bytes agree."""

    def hit(record: Record, method: str) -> float:
        return 100.0 * (record["matched"][method] >= size(record))

    columns = {method: method for method in METHODS}
    return table(found, columns, hit, lambda _: 1, counted="n", digits=1)


def bits_table(found: list[Group]) -> str:
    """Bits per byte."""

    def bits(record: Record, method: str) -> float:
        return record["bits"][method]

    return table(
        found, SCORED, bits, lambda record: record["rest_bytes"], counted="bytes", digits=3
    )


def report(records: Records) -> str:
    """The page's section about one model, in Markdown."""
    everything = list(records)
    found = groups(everything)
    raised = [record["healing_error"] for record in everything if record["healing_error"]]
    checked = [record["stream_agrees"] for record in everything if "stream_agrees" in record]
    errors = ", ".join(f"{name} {raised.count(name)}" for name in sorted(set(raised)))
    return (
        f"```text\n{records.header}\n```\n\n"
        "The rest of the line, per cent of prompts; under it the paired difference to naive "
        f"tokens:\n\n{match_table(found, line_size)}\n\n"
        "The next word and the white space after it, per cent of prompts:\n\n"
        f"{match_table(found, word_size)}\n\n"
        f"Bits per byte of the rest of the line:\n\n{bits_table(found)}\n\n"
        f"Token healing raised on {len(raised)} of {len(everything)} prompts ({errors or '-'}). "
        f"`ByteLM.stream` gave what the scoring pass says on {sum(checked)} of {len(checked)} "
        "prompts on which it was run."
    )


def main() -> None:
    """Measure what is missing, then print the tables."""
    parser = run_parser(__doc__, None)  # records go to a file of the model
    parser.add_argument("--model", choices=["smollm2", "gemma3"], required=True)
    parser.add_argument("--corpus", type=Path, default=CORPUS)
    parser.add_argument("--prompts", type=int, default=150, help="of each kind of text")
    options = parser.parse_args()
    own = english(options.corpus)
    python = [path.read_bytes() for path in python_sources() if held_out(path)]
    settings: Record = {
        "model": options.model,
        "context_bytes": CONTEXT_BYTES,
        "max_rest": MAX_REST,
        "English": own.origin,
    }
    path = options.records or FOLDER / f"boundary-{options.model}.jsonl"
    records = Records(path, settings, run_description("torch", "transformers"))
    cuts = {
        kind: line_cuts(texts, n=options.prompts, context_bytes=CONTEXT_BYTES, max_rest=MAX_REST)
        for kind, texts in (("English", own.texts), ("Python", python))
    }
    if not options.no_run:
        run(records, cuts, options.model)
    text = report(records)
    print(text)
    if options.write_docs:
        replace_block(PAGE, f"boundary {options.model}", text)


if __name__ == "__main__":
    main()
