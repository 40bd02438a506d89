"""What does the exact probability of a known text cost, beside plain passes of the same model?

An English text of several lengths, by one loaded model on one thread. Beside the exact score stand
a plain pass over the text's tokens, which scores one tokenization of it, and a plain pass over as
many rows as the exact score has to look at: one for each canonical sequence of tokens that begins
the text (a head). Both give logits at every row, in slices. Before anything is timed, the score of
the first bytes is compared with that of a reading byte by byte.

Each is measured several times, by turns, and the least CPU time counts. The first score of a text
also fills the tables of what may follow a token, and has a column of its own.

    python -m benchmarks.bytelm.scoring [--model smollm2] [--bytes 1000 2000 4000 8000]
        [--rounds 2] [--write-docs]
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import process_time
from typing import Any

import tokkit
from benchmarks.shared.machine import run_description
from benchmarks.shared.passages import passages, pydoc_topics
from benchmarks.shared.places import BENCHMARKS_PAGE
from benchmarks.shared.records import replace_block
from tokkit.bytelm.encodings.canonical_state import CoverState

CHECKED = 60  # bytes that are read one by one, too
TOLERANCE = 1e-3  # nats, over all of these
_SLICE = 512  # rows whose logits are held at once


@dataclass
class Row:
    """One length.

    Attributes:
        n_bytes, n_tokens, n_heads: of the text.
        first: CPU-seconds of the first score.
        score, tokens, heads: those of every round: of the exact score, of a plain pass over the
            tokens, of one over as many rows as there are heads.
    """

    n_bytes: int
    n_tokens: int
    n_heads: int
    first: float
    score: list[float] = field(default_factory=list[float])
    tokens: list[float] = field(default_factory=list[float])
    heads: list[float] = field(default_factory=list[float])


def cpu_seconds(run: Callable[[], object]) -> float:
    """Of one run."""
    began = process_time()
    run()
    return process_time() - began


def plain_pass(model: Any, ids: Sequence[int]) -> None:
    """The logits at every token of a text, as `model(ids)` computes them."""
    import torch

    with torch.inference_mode():
        hidden = model.base_model(input_ids=torch.tensor([ids]), use_cache=False)[0][0]
        for start in range(0, len(ids), _SLICE):
            model.get_output_embeddings()(hidden[start : start + _SLICE])


def check(lm: tokkit.ByteLM, data: bytes) -> None:
    """Compare the score of some bytes with a reading of them one by one.

    Raises:
        SystemExit: they differ by more than rounding.
    """
    state, stepwise = lm.open(), 0.0
    for byte in data:
        stepwise += float(state.logprobs()[byte])
        state.push(bytes([byte]))
    at_once = lm.logprob(data)
    if not math.isclose(stepwise, at_once, rel_tol=0, abs_tol=TOLERANCE):
        raise SystemExit(f"{lm.name}: {stepwise} nats one by one, {at_once} nats at once")


def measure(lm: tokkit.ByteLM, data: bytes, rounds: int) -> Row:
    """The three by turns."""
    token_lm: Any = lm.token_lm
    model, before = token_lm._model, list(token_lm.bos_ids)
    ids = lm.tokenizer.encode(data)
    state = lm.open()
    assert isinstance(state, CoverState)
    n_heads = 1 + len(state.cover.push(data))
    rows = [*before, *(ids * (n_heads // len(ids) + 1))][:n_heads]
    row = Row(len(data), len(ids), n_heads, cpu_seconds(lambda: lm.logprob(data)))
    for _ in range(rounds):
        row.tokens.append(cpu_seconds(lambda: plain_pass(model, [*before, *ids])))
        row.heads.append(cpu_seconds(lambda: plain_pass(model, rows)))
        row.score.append(cpu_seconds(lambda: lm.logprob(data)))
    return row


def table(rows: Sequence[Row]) -> str:
    """The measurements as Markdown."""
    lines = [
        (
            "| bytes | tokens | heads | exact score, CPU-s (first time) | plain pass of the tokens "
            "| plain pass of as many rows as heads | score to the latter | score to the former |"
        ),
        "|" + "---|" * 8,
    ]
    for row in rows:
        score, tokens, heads = min(row.score), min(row.tokens), min(row.heads)
        lines.append(
            f"| {row.n_bytes:,} | {row.n_tokens:,} | {row.n_heads:,} | {score:.2f} "
            f"({row.first:.2f}) | {tokens:.2f} | {heads:.2f} | {score / heads:.2f} "
            f"| {score / tokens:.1f} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="What an exact score costs beside plain passes.")
    parser.add_argument("--model", default="smollm2", help="that load_lm opens (smollm2)")
    parser.add_argument("--bytes", type=int, nargs="+", default=[1000, 2000, 4000, 8000])
    parser.add_argument("--rounds", type=int, default=2, help="of which the least counts (2)")
    parser.add_argument("--write-docs", action="store_true", help="put the table into the docs")
    arguments = parser.parse_args()
    description = run_description("torch", "transformers")
    print(description, flush=True)
    lm = tokkit.load_lm(arguments.model, threads=1)
    texts = pydoc_topics()
    check(lm, passages(texts, n=1, n_bytes=CHECKED)[0])
    rows: list[Row] = []
    for n_bytes in arguments.bytes:
        data = passages(texts, n=1, n_bytes=n_bytes, seed=1)[0]
        rows.append(measure(lm, data, arguments.rounds))
        print(table(rows[-1:]).splitlines()[-1], flush=True)
    print("\n" + table(rows))
    if arguments.write_docs:
        text = f"```\n{description}\n```\n\n{table(rows)}"
        replace_block(BENCHMARKS_PAGE, "known-text", text)


if __name__ == "__main__":
    main()
