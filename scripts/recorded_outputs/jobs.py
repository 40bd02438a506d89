"""What runs: every job in a process of its own, as many at a time as there are cores to spare."""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from scripts.recorded_outputs import (
    audits,
    command_lines,
    ids,
    inputs,
    mixtures,
    probabilities,
    small_models,
)
from scripts.recorded_outputs.recording import Recording

Job = Callable[[Recording], None]

SETTINGS = {
    **dict.fromkeys(
        ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "RAYON_NUM_THREADS"), "1"
    ),
    "TOKENIZERS_PARALLELISM": "false",
    "HF_HUB_OFFLINE": "1",
}
"""One thread each, lest sums be taken in another order; and nothing from the network."""


def all_jobs() -> dict[str, Job]:
    """Every job, those that take longest first; the names are beginnings of their outputs'."""
    packaged = [
        *("models/gemma3", "audits/gemma3", "models/ensemble", "models/smollm2"),
        "audits/smollm2",
    ]
    jobs: dict[str, Job] = {}
    for name in packaged:
        part, _, model = name.partition("/")
        if part == "audits":
            jobs[name] = partial(audits.record_command, name=model, source=model)
        elif model == "ensemble":
            jobs[name] = probabilities.record_ensemble
        else:
            jobs[name] = partial(probabilities.record_packaged, name=model)
    jobs["small models/transformers"] = small_models.record_transformers
    for group in command_lines.GROUPS:
        jobs[f"commands/{group}"] = partial(command_lines.record_group, group=group)
    for name, path in audits.real_audits().items():
        jobs[f"audits/{name}"] = partial(audits.record_command, name=name, source=path)
    jobs["audits/toys"] = audits.record_toys
    jobs["tokenizers/toys"] = ids.record_toys
    jobs["small models/n-gram"] = small_models.record_ngrams
    jobs["mixture"] = mixtures.record_mixtures
    jobs["diffs"] = audits.record_diffs
    for folder in dict.fromkeys(path.parent.name for path in inputs.real_files()):
        jobs[f"tokenizers/real/{folder}"] = partial(ids.record_real, folder=folder)
    return jobs


def record(*, n_jobs: int, only: str, say: Callable[[str], None]) -> Recording:
    """Run all jobs whose names begin with `only`, `n_jobs` at a time."""
    os.environ.update(SETTINGS)
    recording = Recording()
    with tempfile.TemporaryDirectory(prefix="recorded-") as folder:
        os.chdir(folder)
        inputs.prepare(Path(folder), recording)
        names = [name for name in all_jobs() if name.startswith(only)]
        if any(name.endswith("ensemble") for name in names):
            _skip_ensembles(recording)
        todo = [name for name in names if name not in recording.skipped]
        pool = ProcessPoolExecutor(n_jobs, get_context("spawn"), max_tasks_per_child=1)
        with pool:
            futures = {pool.submit(run_job, name, folder, recording.skipped): name for name in todo}
            for future in as_completed(futures):
                name = futures[future]
                try:
                    part, seconds = future.result()
                except Exception:
                    recording.crashed[name] = traceback.format_exc()
                    say(f"{name} crashed")
                    continue
                recording.add(part)
                say(f"{seconds:6.1f} s  {name}: {len(part.outputs):,} outputs")
        os.chdir("/")
    return recording


def _skip_ensembles(recording: Recording) -> None:
    """Of packaged models, where one of them is missing."""
    for name in inputs.PACKAGED:
        if f"models/{name}" in recording.skipped:
            recording.skip("models/ensemble", f"there is no {name}")


def run_job(name: str, folder: str, skipped: dict[str, str]) -> tuple[Recording, float]:
    """What one job recorded, and the seconds of CPU that it and its processes took."""
    os.chdir(folder)
    recording = Recording(skipped=dict(skipped))
    try:
        all_jobs()[name](recording)
    except Exception:
        recording.crashed[name] = traceback.format_exc()
    times = os.times()
    return recording, sum(times[:4])
