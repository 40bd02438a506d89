"""How much sooner does the student classify nodes that come new into a large graph?

The graph is drawn: nodes in communities of 50 that cite mostly one another, features of their
community and noise. The weights are random, as they make no difference to the time. For some new
nodes the teacher fetches all nodes within its hops, and one hop more, whose edges decide about the
degrees of those; it then gives what it gives on the whole graph, which is checked first. The
student looks at the features of the new nodes.

    python -m benchmarks.graphs.speed [--nodes 100000] [--new 10] [--write-docs]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from benchmarks.shared.machine import peak_bytes, run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block
from benchmarks.shared.timing import cpu_seconds
from tokkit.models import VQGraph, VQGraphConfig

PAGE = ROOT / "docs" / "learned-tokenizers.md"
FEATURES, COMMUNITY, CITED, OUTSIDE = 128, 50, 5, 0.05
"""Numbers of a node, nodes of a community, edges of a node, and the share that leaves it."""
RUNS = 4

Ints = NDArray[np.int64]


def drawn_graph(n: int) -> tuple[NDArray[np.float32], Ints]:
    """Features, float32 (n, FEATURES), and edges, int64 (2, CITED n)."""
    random = np.random.default_rng(0)
    own = np.repeat(np.arange(n), CITED)
    near = own // COMMUNITY * COMMUNITY + random.integers(0, COMMUNITY, len(own))
    far = random.integers(0, n, len(own))
    cited = np.where(random.random(len(own)) < OUTSIDE, far, np.minimum(near, n - 1))
    means = random.standard_normal((n // COMMUNITY + 1, FEATURES), dtype=np.float32)
    noise = random.standard_normal((n, FEATURES), dtype=np.float32)
    return means[np.arange(n) // COMMUNITY] + noise, np.stack([own, cited])


class Neighbours:
    """The edges of a graph, kept so that those of a node are found at once."""

    def __init__(self, edges: Ints, n: int) -> None:
        ends = np.concatenate([edges, edges[::-1]], axis=1)
        ones = np.ones(ends.shape[1], np.bool_)
        self._matrix: Any = sp.csr_matrix((ones, (ends[0], ends[1])), shape=(n, n))

    def fetched(self, nodes: Ints, hops: int) -> tuple[Ints, Ints]:
        """The nodes within so many hops, `nodes` first, and the edges among them by place."""
        known = np.zeros(self._matrix.shape[0], np.bool_)
        found = [nodes]
        known[nodes] = True
        for _ in range(hops):
            near: Ints = np.unique(self._matrix[found[-1]].indices).astype(np.int64)
            found.append(near[~known[near]])
            known[found[-1]] = True
        everyone = np.concatenate(found)
        among = self._matrix[everyone][:, everyone].tocoo()
        return everyone, np.stack([among.row, among.col]).astype(np.int64)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--nodes", type=int, default=100_000)
    parser.add_argument("--new", type=int, default=10)
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    torch.manual_seed(0)
    model = VQGraph(VQGraphConfig(n_features=FEATURES)).eval()
    features, edges = drawn_graph(options.nodes)
    neighbours = Neighbours(edges, options.nodes)
    n: int = options.nodes
    new = np.random.default_rng(1).permutation(n)[: options.new].astype(np.int64)
    hops = model.config.hops + 1

    def teacher() -> NDArray[np.float32]:
        around, among = neighbours.fetched(new, hops)
        return model.classify(features[around], context=among)[: len(new)]

    def student() -> NDArray[np.float32]:
        return model.classify(features[new])

    whole = model.classify(features, context=edges)[new]
    if not np.allclose(teacher(), whole, atol=1e-4):
        raise SystemExit("the fetched neighbours do not give what the whole graph gives")
    n_fetched = len(neighbours.fetched(new, hops)[0])
    of_teacher, of_student = cpu_seconds(teacher, runs=RUNS), cpu_seconds(student, runs=RUNS)
    lines = [
        "```text",
        run_description("torch", "numpy", "scipy"),
        "```",
        "",
        "| | nodes looked at | CPU-ms |",
        "|---|---|---|",
        f"| teacher, {model.config.hops} hops | {n_fetched:,} | {1000 * of_teacher:,.1f} |",
        f"| student | {options.new:,} | {1000 * of_student:,.2f} |",
        "",
        (
            f"{options.new} new nodes in a graph of {options.nodes:,} nodes and "
            f"{edges.shape[1]:,} edges: the student is {of_teacher / of_student:,.0f} times as "
            f"fast. Peak memory {peak_bytes() / 1e9:.1f} GB."
        ),
    ]
    print("\n".join(lines))
    if options.write_docs:
        replace_block(PAGE, "graphs speed", "\n".join(lines))


if __name__ == "__main__":
    main()
