"""Signals for each tokenizer that comes with tokkit, which it has not learned from.

    flextok-mnist      ten digits, one of each
    vqgraph-cora       a made graph of three dozen papers, in three groups that cite each other
    dm-codec-english   a sentence of a novel, read aloud

Where they are from is told by the `README.md` beside each.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tokkit.files.checkpoints import checkpoint_folder
from tokkit.files.npz_files import read_arrays

SAMPLE = "sample"


class Sample(NamedTuple):
    """Signals to try a tokenizer on.

    Attributes:
        signals: pictures, uint8 (10, height, width, 1), the k-th of the digit k; features of nodes,
            float32 (nodes, features); or speech, float32 (samples,).
        context: edges, int64 (2, edges), of a graph; else None.
    """

    signals: NDArray[Any]
    context: NDArray[np.int64] | None


def sample_signals(name: str) -> Sample:
    """Signals for a tokenizer that comes with tokkit.

    Args:
        name: of it, as `"flextok-mnist"`.

    Raises:
        ArgumentError: no such tokenizer.
        FormatError: what comes with it is missing or damaged.
    """
    folder = checkpoint_folder(name)
    if (speech := folder / f"{SAMPLE}.wav").exists():
        from tokkit.models.dm_codec.wav_files import read_wav

        return Sample(read_wav(speech)[0], None)
    path = folder / f"{SAMPLE}.npz"
    arrays = read_arrays(path)
    if "images" in arrays:
        return Sample(arrays["images"], None)
    from tokkit.models.vqgraph.graph_files import read_graph

    graph = read_graph(path)
    return Sample(graph.features, graph.edges)
