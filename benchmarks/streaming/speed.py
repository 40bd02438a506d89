"""How fast does a byte-level model write, one byte at a time, with proposals, and as tokens?

An English text, a piece of Python and a reply in a chat go on from short prompts, greedily and at
temperatures 0.7 and 1, on one thread: with no proposals, with them, and with none from repeated
text; beside them stands `generate` of transformers, in tokens, by the same loaded model. Counted
are bytes a CPU-second after the prompt, bytes a pass, the share of proposed bytes that held, how
much of the text repeats itself (the share of its 20-byte strings that occurred before, which
small models have a lot of), and whether all ways gave the same bytes. Then an ensemble of the
models, and batches of eight.

    python -m benchmarks.streaming.speed [--models smollm2 gemma3] [--bytes 300] [--rounds 1]
        [--only single ensemble batch] [--json FILE] [--write-docs]

With `--from FILE`, a file that `--json` wrote, nothing is measured.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from statistics import mean
from time import process_time
from typing import Any

import tokkit
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import BENCHMARKS_PAGE
from benchmarks.shared.records import replace_block
from tokkit.bytelm.byte_model import ByteModel
from tokkit.files.writing import write_whole

PROMPTS = {
    "English": "The history of the city begins in the twelfth century, when the river",
    "Python": (
        "def quicksort(values: list[int]) -> list[int]:\n"
        '    """Sort a list of integers."""\n    if len(values) <= 1:\n        return values\n'
    ),
    "chat": (
        "User: What should I see on a weekend in Rome, and where should I eat?\n\n"
        "Assistant: With two days in Rome, I would"
    ),
}
LAWS: dict[str, dict[str, Any]] = {
    "greedy": {"temperature": 0},
    "0.7": {"temperature": 0.7},
    "1": {"temperature": 1.0},
}
WAYS: dict[str, dict[str, Any]] = {
    "one by one": {"speculate": False},
    "proposals": {"speculate": True},
    "no repeats": {"speculate": tokkit.SpeculationOptions(repeats=False)},
}
REPEAT = 20  # bytes


@dataclass(frozen=True)
class Row:
    """One text, in one way.

    Attributes:
        seconds: CPU time after the prompt, or of everything in a batch.
        n_bytes: that were written in it.
        bytes_per_pass, share_held: see `DrawProgress`; None where they are not counted.
        repeated: share of the text's 20-byte strings that occurred before.
        equal: whether the bytes are those that come one by one; None where that is not asked.
    """

    model: str
    text: str
    law: str
    way: str
    seconds: float
    n_bytes: int
    bytes_per_pass: float | None
    share_held: float | None
    repeated: float
    equal: bool | None

    @property
    def speed(self) -> float:
        """Bytes a CPU-second."""
        return self.n_bytes / self.seconds


def repeated_share(text: bytes) -> float:
    """Of the 20-byte strings of a text, those that occurred before."""
    seen = [text[k : k + REPEAT] for k in range(len(text) - REPEAT + 1)]
    return 1 - len(set(seen)) / len(seen) if seen else 0.0


def in_bytes(lm: ByteModel, n_bytes: int, seed: int) -> list[Row]:
    """Every text under every law, in every way."""
    rows: list[Row] = []
    for text, prompt in PROMPTS.items():
        for law, options in LAWS.items():
            expected: bytes | None = None
            for way, how in WAYS.items():
                state = lm.open(prompt)
                state.logprobs()
                began = process_time()
                found = lm.generate(
                    prompt, max_bytes=n_bytes, seed=seed, state=state, **options, **how
                )
                seconds = process_time() - began
                expected = found if expected is None else expected
                progress = state.progress
                assert progress is not None
                rows.append(
                    Row(
                        lm.name,
                        text,
                        law,
                        way,
                        seconds,
                        max(1, len(found)),
                        progress.bytes_per_pass,
                        progress.share_held if progress.n_proposed else None,
                        repeated_share(found),
                        found == expected,
                    )
                )
                print(".", end="", flush=True)
    return rows


def in_tokens(lm: tokkit.ByteLM, n_bytes: int, seed: int) -> list[Row]:
    """The same prompts by `generate` of transformers; timed from its first token on."""
    import torch

    token_lm: Any = lm.token_lm
    model, tokenizer = token_lm._model, token_lm.tokenizer
    rows: list[Row] = []
    for text, prompt in PROMPTS.items():
        ids = [*token_lm.bos_ids, *tokenizer.encode(prompt.encode())]
        for law, options in LAWS.items():
            torch.manual_seed(seed)
            clock = _Clock()
            sample = {"do_sample": True, "top_k": 0, **options} if options["temperature"] else {}
            found = model.generate(
                torch.tensor([ids]),
                attention_mask=torch.ones(1, len(ids), dtype=torch.long),
                max_new_tokens=max(8, n_bytes // 4),
                pad_token_id=0,
                eos_token_id=[],
                stopping_criteria=[clock],
                **sample,
            )[0, len(ids) :].tolist()
            data = b"".join(tokenizer.token_bytes(token) for token in found)
            after = b"".join(tokenizer.token_bytes(token) for token in found[1:])
            rows.append(
                Row(
                    lm.name,
                    text,
                    law,
                    "tokens",
                    clock.seconds,
                    max(1, len(after)),
                    len(data) / len(found),
                    None,
                    repeated_share(data),
                    None,
                )
            )
            print(".", end="", flush=True)
    return rows


class _Clock:
    """CPU time since the first token, as a stopping criterion that never stops."""

    def __init__(self) -> None:
        self._began: float | None = None
        self.seconds = 0.0

    def __call__(self, ids: Any, _scores: Any, **_: Any) -> Any:
        import torch

        now = process_time()
        self._began = now if self._began is None else self._began
        self.seconds = now - self._began
        return torch.zeros(len(ids), dtype=torch.bool)


def in_batches(lm: ByteModel, n_bytes: int, seed: int) -> list[Row]:
    """Eight texts side by side, prompts included, with proposals and without."""
    prompts = [prompt for prompt in PROMPTS.values() for _ in range(3)][:8]
    rows: list[Row] = []
    for law, options in LAWS.items():
        expected: list[bytes] | None = None
        for way in ("one by one", "proposals"):
            began = process_time()
            found = lm.generate_batch(prompts, max_bytes=n_bytes, seed=seed, **options, **WAYS[way])
            seconds = process_time() - began
            expected = found if expected is None else expected
            n_equal = sum(a == b for a, b in zip(found, expected, strict=True))
            repeated = mean(map(repeated_share, found))
            rows.append(
                Row(
                    f"{lm.name}, {len(prompts)} texts",
                    "all",
                    law,
                    way,
                    seconds,
                    sum(map(len, found)),
                    None,
                    None,
                    repeated,
                    n_equal == len(prompts),
                )
            )
            print(".", end="", flush=True)
    return rows


def table(rows: Sequence[Row]) -> str:
    """The measurements as Markdown, with the ratio of each speed to that one by one."""
    plain = {(r.model, r.text, r.law): r.speed for r in rows if r.way == "one by one"}
    header = (
        "| model | text | temperature | way | bytes/CPU-s | times one by one | bytes a pass "
        "| held | repeated | same text |"
    )
    lines = [header, "|" + "---|" * 10]
    for row in rows:
        ratio = row.speed / plain.get((row.model, row.text, row.law), float("nan"))
        equal = {None: "", True: "yes", False: "no"}[row.equal]
        held = f"{row.share_held:.0%}" if row.share_held is not None else ""
        passes = "" if row.bytes_per_pass is None else f"{row.bytes_per_pass:.2f}"
        lines.append(
            f"| {row.model} | {row.text} | {row.law} | {row.way} | {row.speed:.1f} | {ratio:.2f} "
            f"| {passes} | {held} | {row.repeated:.0%} | {equal} |"
        )
    return "\n".join(lines)


def summary(rows: Sequence[Row]) -> str:
    """Means over the texts, and in brackets the worst single run."""
    speed = {(r.model, r.text, r.law, r.way): r.speed for r in rows}
    header = (
        "| model | temperature | one by one, bytes/CPU-s | with proposals | times one by one "
        "| times transformers' tokens | bytes a pass |"
    )
    lines = [header, "|" + "---|" * 7]
    for model, law in dict.fromkeys((row.model, row.law) for row in rows):
        texts = [r.text for r in rows if (r.model, r.law, r.way) == (model, law, "proposals")]
        ways = {
            way: [speed[model, text, law, way] for text in texts]
            for way in ("one by one", "proposals", "tokens")
            if (model, texts[0], law, way) in speed
        }
        proposed = ways["proposals"]
        passes = [
            row.bytes_per_pass
            for row in rows
            if (row.model, row.law, row.way) == (model, law, "proposals") and row.bytes_per_pass
        ]
        lines.append(
            f"| {model} | {law} | {mean(ways['one by one']):.1f} | {mean(proposed):.1f} "
            f"| {_times(proposed, ways['one by one'])} | {_times(proposed, ways.get('tokens'))} "
            f"| {f'{mean(passes):.2f}' if passes else ''} |"
        )
    return "\n".join(lines)


def _times(ours: Sequence[float], theirs: Sequence[float] | None) -> str:
    if theirs is None:
        return ""
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return f"{mean(ratios):.2f} ({min(ratios):.2f})"


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description="How fast a byte-level model writes.")
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--bytes", type=int, default=300, help="of each text (300)")
    parser.add_argument("--rounds", type=int, default=1, help="with a seed each (1)")
    kinds = ("single", "ensemble", "batch")
    parser.add_argument("--only", nargs="+", choices=kinds, default=kinds)
    parser.add_argument("--json", type=Path, help="write the measurements here, too")
    parser.add_argument("--from", dest="source", type=Path, help="only show what stands in a file")
    parser.add_argument("--write-docs", action="store_true", help="put the means into the docs")
    arguments = parser.parse_args()
    if arguments.source is None:
        header = run_description("torch", "transformers")
        rows = measured(arguments.models, arguments.bytes, arguments.rounds, arguments.only)
    else:
        told = json.loads(arguments.source.read_text())
        header, rows = told["header"], [Row(**row) for row in told["rows"]]
    print(f"{header}\n\n{table(rows)}\n\n{summary(rows)}")
    if arguments.json:
        told = {"header": header, "rows": [asdict(row) for row in rows]}
        write_whole(arguments.json, json.dumps(told, indent=1) + "\n")
    if arguments.write_docs:
        replace_block(BENCHMARKS_PAGE, "streaming", f"```text\n{header}\n```\n\n{summary(rows)}")


def measured(models: Sequence[str], n_bytes: int, n_rounds: int, kinds: Sequence[str]) -> list[Row]:
    """Every text of every model, their ensemble and batches, in every way."""
    lms = [tokkit.load_lm(name, threads=1) for name in models]
    ensemble = tokkit.ByteEnsemble(lms, name="ensemble") if len(lms) > 1 else None
    tasks: list[tuple[str, Callable[[int, int], list[Row]]]] = []
    for lm in lms:
        lm.generate("Warm up with", max_bytes=24, seed=0)
        tasks.append(("single", partial(in_bytes, lm)))
        tasks.append(("single", partial(in_tokens, lm)))
        tasks.append(("batch", partial(in_batches, lm)))
    if ensemble is not None:
        tasks.append(("ensemble", partial(in_bytes, ensemble)))
    rows: list[Row] = []
    for seed in range(n_rounds):
        for kind, task in tasks:
            rows += task(n_bytes, seed) if kind in kinds else []
    print()
    return rows


if __name__ == "__main__":
    main()
