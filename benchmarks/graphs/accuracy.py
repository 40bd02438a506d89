"""How well are nodes classified with their graph, by their code alone, and without the graph?

20 nodes of each class have known labels, 30 validate, the rest are the test, drawn for each seed.
Transductive: the graph of the training is whole. Inductive: a fifth of the test nodes is not there,
and is classified afterwards; the student does it by features alone, and "production" is over all
test nodes, seen and unseen.

    python -m benchmarks.graphs.accuracy --graphs FOLDER [--names cora citeseer] [--seeds 3]
        [--inductive] [--whole] [--write-docs]

As in what is published, a graph is its largest connected component; `--whole` takes all of it.

Nothing is chosen by test labels: what is told is what the last step of a training gave. The column
"best" is the protocol of the paper's code, the highest accuracy of a test among the evaluations; it
is what others report, and nobody could have it without knowing the labels of the test.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.graphs.citation_graphs import component, draw, read_graph
from benchmarks.graphs.rows import MLP, OF_GRAPH, ROWS, STUDENT, Figures, measure
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import CACHE, ROOT
from benchmarks.shared.records import Records, replace_block
from tokkit.models.saving.configs import merged

PAGE = ROOT / "docs" / "learned-tokenizers.md"
FOLDER = CACHE / "benchmarks" / "graphs"


def table(name: str, runs: Sequence[dict[str, Figures]], *, inductive: bool) -> str:
    """A row for each way of classification, over the seeds."""
    head = ["unseen", "production"] if inductive else ["test", "best"]
    kind = "inductive" if inductive else "transductive"
    lines = [
        f"**{name}**, {kind}, {len(runs)} seeds, % right (mean ± deviation):",
        "",
        f"| | needs the graph | validation | {' | '.join(head)} |",
        "|---|---|---|---|---|",
    ]
    for key, (title, needs) in ROWS.items():
        figures = [run[key] for run in runs]
        cells = [_shown([each[column] for each in figures]) for column in ("validation", *head)]
        lines.append(f"| {title} | {'yes' if needs else 'no'} | {' | '.join(cells)} |")
    gains = [run["vqgraph"][head[0]] - run["without_codes"][head[0]] for run in runs]
    sizes = [run["codes"]["perplexity"] for run in runs]
    agree = [run["codes"]["agreement"] for run in runs]
    told = (
        f"The code term gains {_shown(gains, sign='+')} points over the same student without it, "
        f"paired by seed. Perplexity of the codes: {np.mean(sizes):.0f}. The student gives "
        f"{100 * np.mean(agree):.0f}% of the test nodes the teacher's code."
    )
    return "\n".join([*lines, "", told])


def _shown(shares: Sequence[float], *, sign: str = "") -> str:
    values = 100 * np.asarray(shares)
    if np.isnan(values).any():
        return ""
    return f"{values.mean():{sign}.1f} ± {values.std(ddof=min(1, len(values) - 1)):.1f}"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--graphs", type=Path, required=True, help="folder of NAME.npz")
    parser.add_argument("--names", nargs="+", default=["cora", "citeseer"])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--inductive", action="store_true")
    parser.add_argument("--whole", action="store_true", help="not the largest component alone")
    parser.add_argument("--teacher-steps", type=int, default=150)
    parser.add_argument("--student-steps", type=int, default=200)
    parser.add_argument(
        "--records", type=Path, default=FOLDER, help="folder where results are kept, to go on"
    )
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    for name in options.names:
        text = _measured(name, options)
        print(text, flush=True)
        if options.write_docs:
            kind = "inductive" if options.inductive else "transductive"
            replace_block(PAGE, f"graphs {kind} {name}", text)


def _measured(name: str, options: argparse.Namespace) -> str:
    """The table of a graph, below what it was measured on."""
    graph = read_graph(options.graphs, name)
    if not options.whole:
        graph = component(graph)
    steps = options.teacher_steps, options.student_steps
    kind = "inductive" if options.inductive else "transductive"
    settings = merged(STUDENT, OF_GRAPH.get(name, {}))
    records = Records(
        options.records / f"{kind}{'-whole' if options.whole else ''}-{name}.jsonl",
        {"steps": steps, "settings": settings, "mlp": MLP},
        run_description("torch", "numpy", "scipy"),
    )
    begun = time.process_time()
    keys = [str(seed) for seed in range(options.seeds)]
    for seed, key in enumerate(keys):
        if key not in records:
            rows = measure(
                graph,
                draw(graph.labels, seed),
                steps,
                seed=seed,
                inductive=options.inductive,
                settings=settings,
            )
            records.add(key, {"rows": rows})
            spent = time.process_time() - begun
            print(f"{name}, seed {seed}: {spent:.0f} CPU-s", file=sys.stderr, flush=True)
    found = {each["key"]: each["rows"] for each in records}
    shown = table(name, [found[key] for key in keys], inductive=options.inductive)
    machine, command = records.header.rpartition("\n")[0], run_description().rpartition("\n")[2]
    return f"```text\n{machine}\n{command}\n```\n\n{shown}"


if __name__ == "__main__":
    main()
