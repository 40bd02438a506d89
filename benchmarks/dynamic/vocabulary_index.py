"""What does a vocabulary of a million tokens cost, by the index and by the whole product?

SmolLM2's 49,152 output rows, and the mean of the rows of each n-gram of two to four tokens that a
corpus holds, up to a million rows; queries are hidden states of SmolLM2 on other text. One thread,
CPU-seconds of the fastest of several runs, one query at a time; results are compared first.

The residual is learned: a linear map from the rows of a token's two parts (those that its BPE merge
joins) and their mean to what its own row has beyond the mean, fitted by ridge regression on the
vocabulary, and applied to each n-gram. Where faiss is installed, its indexes are tried on the first
200,000 rows of it.

    python -m benchmarks.dynamic.vocabulary_index [--corpus FOLDER] [--write-docs]
"""

from __future__ import annotations

import argparse
import os
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}

import numpy as np
from numpy.typing import NDArray

from benchmarks.dynamic.n_grams import N_ROWS, NGrams
from benchmarks.dynamic.smollm2 import hidden_states, load_smollm2, output_rows
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block
from benchmarks.shared.sample_texts import CORPUS
from benchmarks.shared.timing import cpu_seconds
from tokkit.dynamic.vocabulary_index import VocabularyIndex
from tokkit.text.tokenizer import TextTokenizer

PAGE = ROOT / "docs" / "dynamic.md"
N_QUERIES = 40
N_SMALL = 200_000
K = 20
COLUMNS = (
    *("product, ms", "`logits`, ms", "`search`, ms", "product to `logits`", "product to `search`"),
    *("largest difference", "recall@20", "mass beyond 20"),
)
RUNS = 6
Float32s = NDArray[np.float32]


def learned_residual(tokenizer: TextTokenizer, rows: Float32s, parts: list[list[int]]) -> Float32s:
    """What a linear map adds to the mean of each n-gram's rows."""
    merges = tokenizer.merges
    if merges is None:
        raise SystemExit("expected a BPE tokenizer")
    left, right = rows[merges.left], rows[merges.right]
    features = np.concatenate([left, right, (left + right) / 2], axis=1)
    wanted = rows[merges.result] - (left + right) / 2
    gram = features.T @ features + 10 * np.eye(features.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, features.T @ wanted).astype(np.float32)
    first, last = np.array([p[0] for p in parts]), np.array([p[-1] for p in parts])
    out = np.empty((len(parts), rows.shape[1]), np.float32)
    for start in range(0, len(parts), 1 << 14):
        some = slice(start, start + (1 << 14))
        mean = np.stack([rows[p].mean(axis=0) for p in parts[some]])
        out[some] = np.concatenate([rows[first[some]], rows[last[some]], mean], axis=1) @ weights
    return out


def written_out(rows: Float32s, parts: list[list[int]], residual: Float32s | None) -> Float32s:
    """Every row of the vocabulary."""
    full = np.empty((len(rows) + len(parts), rows.shape[1]), np.float32)
    full[: len(rows)] = rows
    for number, part in enumerate(parts, len(rows)):
        full[number] = rows[part].mean(axis=0)
    if residual is not None:
        full[len(rows) :] += residual
    return full


def measure(name: str, index: VocabularyIndex, full: Float32s, queries: Float32s) -> str:
    """One row of the table, after a check that results agree."""
    off, recall, left_out = 0.0, 0.0, 0.0
    for query in queries:
        exact = full @ query
        off = max(off, float(np.abs(index.logits(query) - exact).max()))
        ids, _ = index.search(query, K)
        recall += len({*ids.tolist()} & {*np.argsort(-exact, kind="stable")[:K].tolist()}) / K
        left_out += float(index.total_variation(query, K))
    if off > 1e-4 * max(1, float(np.abs(full @ queries[0]).max())):
        raise SystemExit(f"logits differ by {off}")
    of = [queries[k % len(queries)] for k in range(4)]
    whole = np.median([cpu_seconds(lambda q=q: full @ q, runs=RUNS) for q in of])
    logits = np.median([cpu_seconds(lambda q=q: index.logits(q), runs=RUNS) for q in of])
    search = np.median([cpu_seconds(lambda q=q: index.search(q, K), runs=RUNS) for q in of])
    cells = [f"{1e3 * s:.1f}" for s in (whole, logits, search)]
    cells += [f"{whole / logits:.1f}", f"{whole / search:.1f}", f"{off:.1e}"]
    cells += [f"{recall / len(queries):.3f}", f"{left_out / len(queries):.3f}"]
    return f"| {name} | " + " | ".join(cells) + " |"


def approximate(full: Float32s, queries: Float32s) -> str:
    """Recall and speed of faiss on some of the rows, or nothing where it is not installed."""
    try:
        faiss: Any = import_module("faiss")
    except ImportError:
        return ""
    faiss.omp_set_num_threads(1)
    rows = np.ascontiguousarray(full[:N_SMALL])
    width = rows.shape[1]
    truth = [{*np.argsort(-(rows @ query))[:K].tolist()} for query in queries]
    whole = np.median([cpu_seconds(lambda q=q: rows @ q, runs=RUNS) for q in queries[:4]])
    lines = ["| index | recall@20 | speed to the product |", "|---|---|---|"]
    ivf = faiss.IndexIVFFlat(faiss.IndexFlatIP(width), width, 512, faiss.METRIC_INNER_PRODUCT)
    ivf.train(rows[:: N_SMALL // 40_000])
    hnsw = faiss.IndexHNSWFlat(width, 32, faiss.METRIC_INNER_PRODUCT)
    for name, index in (("IVF, 512 lists", ivf), ("HNSW, 32 links", hnsw)):
        index.add(rows)
        for effort in (16, 64, 256):
            if index is ivf:
                index.nprobe = effort
            else:
                index.hnsw.efSearch = effort
            found = [index.search(query[None], K)[1][0].tolist() for query in queries]
            recall = np.mean([len(t & {*f}) / K for t, f in zip(truth, found, strict=True)])
            cost = np.median(
                [
                    cpu_seconds(lambda q=q, i=index: i.search(q[None], K), runs=RUNS)
                    for q in queries[:4]
                ]
            )
            lines.append(f"| {name}, effort {effort} | {recall:.2f} | {whole / cost:.1f} |")
    return "\n".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--rows", type=int, default=N_ROWS, help="of the vocabulary (1,000,000)")
    parser.add_argument("--write-docs", action="store_true")
    options = parser.parse_args()
    header = run_description("numpy", "numba", "torch", "faiss-cpu")
    model, tokenizer = load_smollm2()
    grams = NGrams.of(options.corpus, tokenizer, options.rows)
    texts, origin = grams.texts, grams.origin
    passages = [
        tokenizer.encode(text[-6000 * (k + 1) : -6000 * k or None])[:400]
        for name in ("English", "code")
        for k, text in enumerate([texts[name]] * 2)
    ]
    states = hidden_states(model, passages)
    queries = states[np.linspace(1, len(states) - 1, N_QUERIES).astype(int)]
    rows = output_rows(model)
    parts = grams.parts
    lines = [
        f"| vocabulary | {' | '.join(COLUMNS)} |",
        "|---" * (len(COLUMNS) + 1) + "|",
    ]
    full = written_out(rows, parts, None)
    title = f"{len(full):,} rows, means"
    lines.append(measure(title, VocabularyIndex(rows, parts), full, queries))
    residual = learned_residual(tokenizer, rows, parts)
    share = np.linalg.norm(residual) / np.linalg.norm(full[len(rows) :])
    full[len(rows) :] += residual
    index = VocabularyIndex(rows, parts, residual=residual)
    lines.append(measure(f"the same with a residual of {share:.0%}", index, full, queries))
    text = f"```text\n{header}\ntexts: {origin}\n```\n\n" + "\n".join(lines)
    if others := approximate(full[:: len(full) // N_SMALL], queries):
        text += f"\n\nApproximate indexes on {N_SMALL:,} of these rows:\n\n{others}"
    print(text)
    if options.write_docs:
        replace_block(PAGE, "vocabulary-index", text)


if __name__ == "__main__":
    main()
