"""Rows of mergekit's `tokensurgeon`, to stand beside ours.

It is installed to a folder of its own, without what it would pin:

    python -m pip install --no-deps --target FOLDER mergekit==0.1.5 immutables peft

It wants a donor: a model with the new tokenizer. Where there is none, a model of one layer with
random rows gives the tokenizer, and only the approximations that look at no rows of it are run.
Both models are handed over as folders. Time and memory are those of its process.
"""

from __future__ import annotations

import json
import os
import runpy
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.shared.machine import peak_bytes
from benchmarks.shared.records import Record, Records
from benchmarks.transfer.measuring import Job, measured, run_module
from benchmarks.transfer.pairs import Pair
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.tokenizer_export.exporting import export_tokenizer

MODULE = "mergekit.scripts.tokensurgeon"

WITHOUT_ROWS = {
    "subword mean": ("-a", "subword", "-s", "mean"),
    "subword weighted_mean": ("-a", "subword", "-s", "weighted_mean"),
    "subword first_last": ("-a", "subword", "-s", "first_last"),
    "mean": ("-a", "mean"),
    "john_hewitt": ("-a", "john_hewitt"),
}
"""Approximations that need only the donor's tokenizer, and their options."""
WITH_ROWS = {
    "omp, k = 8": ("-a", "omp", "-k", "8"),
    "common_interpolation": ("-a", "common_interpolation"),
    "landmark_pca": ("-a", "landmark_pca"),
    "stb": ("-a", "stb"),
}
"""Those that need its rows."""


def add_rows(records: Records, pair: Pair, base: Job, installed: Path) -> None:
    """Measure what is not in the records yet.

    Args:
        records: of the pair.
        pair: see `pairs`.
        base: its job.
        installed: the folder that mergekit was installed to.
    """
    if not (installed / "mergekit").is_dir():
        print(f"mergekit: left out: {installed} does not hold it", file=sys.stderr)
        return
    runs = WITHOUT_ROWS if pair.donor is None else WITHOUT_ROWS | WITH_ROWS
    runs |= {f"omp, k = {k}": ("-a", "omp", "-k", str(k)) for k in pair.more_k}
    named = {f"mergekit: {name}": run for name, run in runs.items()}
    missing = {name: run for name, run in named.items() if name not in records}
    if not missing:
        return
    with tempfile.TemporaryDirectory() as folder:
        source, donor = Path(folder) / "source", Path(folder) / "donor"
        _save(base.source, base.source, source)
        _save(pair.donor, base.target, donor)
        for number, (name, run) in enumerate(missing.items()):
            out = Path(folder) / str(number)
            cost = run_module(
                "benchmarks.transfer.tokensurgeon",
                *(str(source), str(donor), str(out), *run, "--quiet"),
                PYTHONPATH=os.pathsep.join([str(installed), *_python_path()]),
            )
            job = Job(base.source, base.target, base.windows, made=str(out))
            records.add(name, measured(job) | cost)


def _python_path() -> list[str]:
    return [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]


def _save(model: str | None, tokenizer: str, folder: Path) -> None:
    """A folder of transformers: a model and a tokenizer; of no model, one of one layer."""
    import torch
    import transformers

    exported = export_tokenizer(tokenizer)
    if model is None:
        config = transformers.LlamaConfig(
            vocab_size=exported.text.vocab_size,
            hidden_size=64,
            intermediate_size=64,
            num_hidden_layers=1,
            num_attention_heads=1,
            tie_word_embeddings=True,
        )
        torch.manual_seed(0)
        made = transformers.LlamaForCausalLM(config)
    else:
        from tokkit.hypernets.transfer import transfer

        source = load_source(model)
        made = transfer((source.model, source.tokenizer), tokenizer, method="mean").model
    made.save_pretrained(folder)
    exported.tokenizer.save_pretrained(folder)


def main(arguments: list[str]) -> None:
    """Run mergekit's command in this process, and print what it took, as JSON."""
    sys.argv = ["mergekit-tokensurgeon", *arguments]
    before = time.process_time()
    try:
        runpy.run_module(MODULE, run_name="__main__")
    except SystemExit as error:
        if error.code:
            raise
    cost: Record = {"seconds": time.process_time() - before, "peak": peak_bytes() / 1e9}
    print(json.dumps(cost))


if __name__ == "__main__":
    main(sys.argv[1:])
