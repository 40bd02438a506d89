"""Do ensembles solve more tasks than the better of their members?

*Next words*: the passages of `quality.py` are cut at a random byte of each word (a run of letters,
digits and underscores, at least three bytes long, after the first 200 bytes). It counts when the
most probable byte is the right one up to the end of the word, and then one that ends it: what a
greedy completion would have written.

*Ends of lines*: a text is cut inside a line, and its end is to be told from those of three other
lines. The end of the largest log-probability a byte is chosen, as `acc_norm` of the evaluation
harness has it. Guessing is right in a quarter.

Both from the halves of the texts that nothing was chosen on. What the models say of each text is
kept (`rows.py`), and combined by the objects that `ByteEnsemble` itself steps with.

    python -m benchmarks.ensemble.tasks --passages 3 --bytes 2000 --questions 40 --write-docs
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.ensemble.quality import ensemble_steps
from benchmarks.ensemble.rows import (
    Passage,
    RecordedRows,
    add_arguments,
    choose_passages,
    half_sources,
)
from benchmarks.shared.bootstrap import paired_interval, ratio_interval, shown
from benchmarks.shared.cuts import line_cuts
from benchmarks.shared.machine import run_description
from benchmarks.shared.records import Record, Records, run_parser, show_tables
from tokkit.bytelm.ensemble import COMBINATIONS
from tokkit.bytelm.ensembles.names import resolve_combination

WARM_BYTES = 200
CONTEXT_BYTES = 200
MAX_REST = 60
N_ENDS = 4
KINDS = ("English", "German", "Python")
"""Of the questions."""
_WORD = re.compile(r"\w{3,}")
_ENDS_A_WORD = np.array(
    [byte < 128 and not (chr(byte).isalnum() or byte == ord("_")) for byte in range(256)] + [True]
)

Rows = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True)
class Question:
    """A beginning, and ends to choose from.

    Attributes:
        kind: of text.
        context: the beginning.
        ends: the right one first.
    """

    kind: str
    context: bytes
    ends: tuple[bytes, ...]

    @property
    def passages(self) -> list[Passage]:
        """The beginning with each end."""
        return [Passage(self.kind, self.context + end) for end in self.ends]


def cut_words(data: bytes, *, seed: int = 0) -> list[tuple[int, int]]:
    """Where each word is cut, and where it ends; of none that the text breaks off in."""
    rng = random.Random(seed)
    text = data.decode()
    found: list[tuple[int, int]] = []
    for match in _WORD.finditer(text):
        start = len(text[: match.start()].encode())
        end = start + len(match[0].encode())
        if start >= WARM_BYTES and end < len(data):
            found.append((rng.randrange(start, end), end))
    return found


def completed(rows: Rows, data: bytes, words: Sequence[tuple[int, int]]) -> Bools:
    """Which words a greedy completion gets right.

    Args:
        rows: (at least the bytes up to the last end, and one, 257), next-byte log-probabilities.
        data: the text.
        words: of `cut_words`.

    Returns:
        bool (n_words,).
    """
    best = rows.argmax(axis=1)
    right = best[: len(data)] == np.frombuffer(data, np.uint8)[: len(best)]
    return np.array(
        [
            bool(right[cut:end].all() and (right[end] or _ENDS_A_WORD[best[end]]))
            for cut, end in words
        ]
    )


def choose_questions(corpus: Path, n: int) -> list[Question]:
    """`n` of each kind; the wrong ends are those of the three lines drawn next."""
    chosen: list[Question] = []
    for kind, source in half_sources(corpus, development=False).items():
        if kind not in KINDS:
            continue
        cuts = line_cuts(source.texts, n=n, context_bytes=CONTEXT_BYTES, max_rest=MAX_REST, seed=1)
        for k, cut in enumerate(cuts):
            ends = tuple(cuts[(k + j) % len(cuts)].wanted for j in range(N_ENDS))
            if len(set(ends)) == N_ENDS:
                chosen.append(Question(kind, cut.prompt, ends))
    return chosen


def by_method(rows: Rows, models: Sequence[str], data: bytes) -> dict[str, Rows]:
    """Next-byte log-probabilities of each model and combination at each byte of `data`.

    Args:
        rows: (n_models, at least len(data), 257).
        models: their names.
        data: the text.
    """
    found = {name: rows[i, : len(data)] for i, name in enumerate(models)}
    for combine in COMBINATIONS:
        steps = ensemble_steps(rows, data, resolve_combination(combine))
        found[combine] = np.stack([step.row for step in steps])
    return found


def next_words(passage: Passage, models: Sequence[str], recorded: RecordedRows) -> Record:
    """How many words of a passage each method completes."""
    rows = np.stack([recorded.of(name, passage) for name in models])
    words = cut_words(passage.data)
    hits = {
        name: int(completed(own, passage.data, words).sum())
        for name, own in by_method(rows, models, passage.data).items()
    }
    return {"task": "next words", "kind": passage.kind, "n": len(words), "hits": hits}


def end_of_line(question: Question, models: Sequence[str], recorded: RecordedRows) -> Record:
    """Which methods choose the right end."""
    scores: dict[str, list[float]] = {}
    for passage, end in zip(question.passages, question.ends, strict=True):
        rows = np.stack([recorded.of(name, passage) for name in models])
        own = range(len(question.context), len(passage.data))
        for name, found in by_method(rows, models, passage.data).items():
            total = float(found[own, list(end)].sum())
            scores.setdefault(name, []).append(total / len(end))
    hits = {name: int(np.argmax(each) == 0) for name, each in scores.items()}
    return {"task": "ends of lines", "kind": question.kind, "n": 1, "hits": hits}


def table(records: Sequence[Record], models: Sequence[str]) -> str:
    """Per cent right, and the difference to the model that is better on that kind of text."""
    names = [*models, *COMBINATIONS]
    lines = ["| task | n | " + " | ".join(names) + " |", "|---" * (len(names) + 2) + "|"]
    for task in dict.fromkeys(record["task"] for record in records):
        own = [record for record in records if record["task"] == task]
        kinds = [*dict.fromkeys(record["kind"] for record in own), "all"]
        for kind in kinds:
            chosen = [record for record in own if kind in (record["kind"], "all") and record["n"]]
            lines.append(_row(f"{task}, {kind}", chosen, models))
    return "\n".join(lines)


def _row(title: str, chosen: Sequence[Record], models: Sequence[str]) -> str:
    sizes = [float(record["n"]) for record in chosen]
    hits = {
        name: [100.0 * record["hits"][name] for record in chosen]
        for name in (*models, *COMBINATIONS)
    }
    better = hits[max(models, key=lambda name: sum(hits[name]))]
    cells = [shown(ratio_interval(hits[name], sizes), digits=1) for name in models]
    for name in COMBINATIONS:
        level = shown(ratio_interval(hits[name], sizes), digits=1)
        change = shown(paired_interval(hits[name], better, sizes), digits=1, sign="+")
        cells.append(f"{level}<br>{change}")
    return f"| {title} | {sum(sizes):,.0f} | " + " | ".join(cells) + " |"


def run(
    records: Records,
    passages: Sequence[Passage],
    questions: Sequence[Question],
    models: Sequence[str],
) -> None:
    """Measure what is missing."""
    recorded = RecordedRows()
    asked = [passage for question in questions for passage in question.passages]
    recorded.record(models, [*passages, *asked])
    for passage in passages:
        if (key := f"words {passage.key}") not in records:
            records.add(key, next_words(passage, models, recorded))
    for question in questions:
        if (key := f"ends {question.passages[0].key}") not in records:
            records.add(key, end_of_line(question, models, recorded))


def main() -> None:
    """Measure what is missing, then print the table."""
    parser = run_parser(__doc__, "ensemble-tasks")
    add_arguments(parser, passages=3, n_bytes=2000)
    parser.add_argument("--questions", type=int, default=40, help="of each of three kinds of text")
    options = parser.parse_args()
    texts = choose_passages(
        options.corpus, n=options.passages, n_bytes=options.bytes, development=False
    )
    settings: Record = {"models": options.models, "bytes": options.bytes}
    header = run_description("torch", "transformers")
    records = Records(options.records, settings, header)
    if not options.no_run:
        passages = [passage for chosen in texts.values() for passage in chosen]
        run(records, passages, choose_questions(options.corpus, options.questions), options.models)
    found = table(list(records), options.models)
    show_tables(records, found, "ensemble-tasks", write_docs=options.write_docs)


if __name__ == "__main__":
    main()
