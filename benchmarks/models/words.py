"""Which units learn best? Models over tokens, bytes and words, trained for the same time.

Each contender is trained on documentation in English (`benchmarks.fetch.debian_documents`) for so
many CPU-minutes on one thread, on the same bytes in the same order, and is then asked on documents
that nothing was learned from or chosen on: bits per byte (of a subword model both of its own tokens
and exactly), next words by how often training saw them, numbers and Russian apart, the cost of a
changed context, and true ends among false ones. Minutes are counted in steps, at the pace that
`pace.py` found for each in turn with all others, so that a machine that is busy gives nobody fewer.
With `--german M` it is trained on for M minutes on German, and the English that it forgot is told.

What was measured stands in FOLDER/NAME/figures.json; a contender with figures is not trained again,
and a training that was interrupted goes on. `--table` prints what there is, `--page FILE` makes a
page of it with curves against seconds, bytes and operations, and `--collect FILE` puts all of it
into one small file, beside what that has of others. `--records FILE` makes table and page of such a
file where the folder is not, and `--write-docs` those of the documentation; contenders that have no
figures are named there as not yet measured. Seeds other than 0 stand in NAME-seed-N; tables and
page show the mean of all seeds of a contender, and their standard deviation.

    python -m benchmarks.models.pace
    python -m benchmarks.models.words [--documents FOLDER] [--into FOLDER] [--minutes M]
        [--names NAME…] [--seed N] [--german M] [--table] [--page FILE] [--collect FILE]
    python -m benchmarks.models.words --records FILE [--page FILE] [--write-docs]
"""

from __future__ import annotations

import argparse
import math
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.models.contenders import BY_NAME, CONTENDERS, Contender
from benchmarks.models.examining import (
    bits_per_byte,
    choice_accuracy,
    looked_through,
    perturbation_costs,
    word_accuracy,
    word_frequencies,
)
from benchmarks.models.learning import BATCH_BYTES, Documents, texts_of, tokenizer_of, training
from benchmarks.models.pace import recorded
from benchmarks.models.word_page import comparison_page
from benchmarks.models.word_records import (
    FIGURES,
    GERMAN,
    Record,
    changed_lines,
    collected,
    german_lines,
    joined,
    read_collected,
    run_lines,
    table_lines,
    write_figures,
)
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, replace_block
from tokkit.bytelm.loading import load_lm
from tokkit.files.writing import write_whole
from tokkit.models.text_models.corpus import Corpus, Texts
from tokkit.models.text_models.text_model import TextModel
from tokkit.models.text_models.windows import Windows
from tokkit.models.training import train

ASKED_WINDOWS = 48
DOCS = ROOT / "docs" / "models.md"
DOCS_PAGE = ROOT / "docs" / "models-words.html"


def flops_per_byte(model: TextModel, texts: Texts) -> float:
    """Floating-point operations of a training step for each byte, matrix products alone."""
    windows = Corpus(texts, seed=0).batch(0).to(model.device)
    with FlopCounterMode(display=False) as counter:
        model.training_nats(windows).sum().backward()
    model.zero_grad(set_to_none=True)
    return counter.get_total_flops() / windows.n_bytes


def own_bits(model: TextModel, texts: Sequence[bytes]) -> float:
    """Bits per byte by what the model is trained for; of a subword model, of its own tokens."""
    with torch.no_grad():
        nats = sum(float(model.nats(Windows.of([text]).to(model.device)).sum()) for text in texts)
    return nats / math.log(2) / sum(map(len, texts))


def trained(
    contender: Contender,
    model: TextModel,
    text: Path,
    folder: Path,
    *,
    minutes: float,
    pace: float,
    seed: int,
) -> dict[str, Any]:
    """Train a model on a file, or go on; how it went. Seconds are those of its pace."""

    def tell(what: str, done: int, total: int) -> None:
        if done % 60 == 0:
            print(f"{folder.name}: {what} {done} of {total}", flush=True)

    options = training(contender, round(60 * minutes / pace), seed=seed)
    result = train(model, texts_of(text), options, folder=folder, progress=tell)
    curve = [
        {"step": each.step, "seconds": round(each.step * pace, 1), **each.evaluation}
        for each in result.records
        if each.evaluation
    ]
    return {
        "steps": result.step,
        "seconds_a_step": pace,
        "seconds_spent": result.seconds,
        "bytes_a_second": BATCH_BYTES / pace,
        "curve": curve,
    }


def examined(model: TextModel, documents: Documents) -> dict[str, Any]:
    """All that a model is asked."""
    begun = time.process_time()
    frequencies = word_frequencies(documents.counted())
    figures: dict[str, Any] = {}
    for language in ("english", "russian"):
        windows = list(looked_through(model, documents.windows(language, ASKED_WINDOWS)))
        figures[language] = {
            "bits_per_byte": bits_per_byte(windows),
            "own_bits_per_byte": own_bits(model, [window.data for window in windows]),
            "words": word_accuracy(windows, frequencies),
        }
    asked = documents.windows("english", ASKED_WINDOWS)
    figures["perturbed"] = perturbation_costs(model, asked[::2])
    figures["choices"] = choice_accuracy(model, asked)
    figures["examination_seconds"] = time.process_time() - begun
    return figures


def run(contender: Contender, documents: Documents, options: argparse.Namespace) -> None:
    """Train and ask one, unless its figures are there."""
    name = contender.name if not options.seed else f"{contender.name}-seed-{options.seed}"
    folder = options.into / name
    if not (folder / FIGURES).exists():
        torch.manual_seed(options.seed)
        model = contender.build(tokenizer_of(documents, options.into), options.seed)
        texts = Texts(documents.counted()[: 4 * BATCH_BYTES], batch_bytes=BATCH_BYTES)
        figures = {
            "machine": run_description("torch"),
            "parameters": sum(each.numel() for each in model.parameters()),
            "flops_per_byte": flops_per_byte(model, texts),
            "minutes": options.minutes,
            **trained(
                contender,
                model,
                documents.path("english"),
                folder,
                minutes=options.minutes,
                pace=pace_of(contender.name, options),
                seed=options.seed,
            ),
        }
        write_figures(folder / FIGURES, {**figures, **examined(model.eval(), documents)})
    if options.german and not (folder / GERMAN / FIGURES).exists():
        go_on_in_german(contender, name, documents, options)


def pace_of(name: str, options: argparse.Namespace) -> float:
    """CPU-seconds of a step of a contender, as `pace.py` found it beside the others.

    Raises:
        SystemExit: it was not asked.
    """
    paces = recorded(options.into)
    if name not in paces:
        raise SystemExit(
            f"how long a step of {name} takes is not known: run "
            f"python -m benchmarks.models.pace --into {options.into} --names {name}"
        )
    return paces[name]


def go_on_in_german(
    contender: Contender, name: str, documents: Documents, options: argparse.Namespace
) -> None:
    """Train a model on, on German, and tell what it learned and forgot."""
    model = load_lm(options.into / name)
    assert isinstance(model, TextModel)
    asked = {each: documents.windows(each, ASKED_WINDOWS) for each in ("english", "german")}
    before = {language: own_bits(model, windows) for language, windows in asked.items()}
    folder = options.into / name / GERMAN
    text = documents.path("german")
    figures = trained(
        contender,
        model,
        text,
        folder,
        minutes=options.german,
        pace=pace_of(contender.name, options),
        seed=options.seed,
    )
    after = {language: own_bits(model.eval(), windows) for language, windows in asked.items()}
    write_figures(folder / FIGURES, {**figures, "before": before, "after": after})


def write_docs(records: Mapping[str, Record]) -> None:
    """Put tables into the documentation, and a page beside it where anything was measured."""
    names = [each.name for each in CONTENDERS]
    lines = list(table_lines(records, names)) if records else []
    if missing := [name for name in names if name not in joined(records)]:
        lines += ["", f"Not yet measured: {', '.join(missing)}."]
    if records:
        lines += ["", "By how many percent bits rise after a changed first half:", ""]
        lines += changed_lines(records)
        if any(GERMAN in each for each in records.values()):
            lines += ["", "Trained on with German:", "", *german_lines(records)]
        minutes = sorted({f"{each['minutes']:g}" for each in records.values()})
        lines += ["", "```", f"CPU minutes: {', '.join(minutes)}", *run_lines(records), "```", ""]
        lines.append(f"[The same as a page with curves]({DOCS_PAGE.name}).")
        write_whole(DOCS_PAGE, comparison_page(records, batch_bytes=BATCH_BYTES))
    replace_block(DOCS, "words", "\n".join(lines))


def main(arguments: Sequence[str] | None = None) -> None:
    """Train and ask, or print what there is."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--documents", type=Path, default=FOLDER / "documents")
    parser.add_argument("--into", type=Path, default=FOLDER / "words")
    parser.add_argument("--minutes", type=float, default=15.0, help="of CPU, for each")
    parser.add_argument("--names", nargs="*", default=[each.name for each in CONTENDERS])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--german", type=float, default=0.0, help="minutes on German after it")
    parser.add_argument("--table", action="store_true", help="only print what was measured")
    parser.add_argument("--page", type=Path, help="where a page goes")
    parser.add_argument("--collect", type=Path, help="where all figures go, as one file")
    parser.add_argument("--records", type=Path, help="such a file, in place of --into")
    parser.add_argument("--write-docs", action="store_true", help="of what was measured")
    options = parser.parse_args(arguments)
    torch.set_num_threads(1)
    asks = (options.table, options.page, options.collect, options.records, options.write_docs)
    if not any(asks):
        for name in options.names:
            run(BY_NAME[name], Documents(options.documents), options)
    if options.write_docs and options.records is None:
        parser.error("the documentation shows what is committed; name that file by --records")
    if options.records is None:
        records = collected(options.into)
    else:
        records = read_collected(options.records) if options.records.exists() else {}
    if options.write_docs:
        write_docs(records)
    elif not records:
        parser.error("there are no figures yet; leave --table, --page and --collect out")
    if options.collect is not None:
        before = read_collected(options.collect) if options.collect.exists() else {}
        write_figures(options.collect, {**before, **records})
    if options.page is not None:
        write_whole(options.page, comparison_page(records, batch_bytes=BATCH_BYTES))
    print("\n".join(table_lines(records)))


if __name__ == "__main__":
    main()
