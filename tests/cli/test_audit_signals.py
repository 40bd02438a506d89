"""`tokkit audit --signals` on learned tokenizers."""

from __future__ import annotations

import json
import wave
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch: Any = pytest.importorskip("torch")
from tests.audit.toy_subjects import write_bpe
from tests.models.vqgraph.test_vqgraph import CONFIG, GRAPH
from tokkit.cli import main
from tokkit.cli.signals import read_signals
from tokkit.errors import FormatError
from tokkit.models.vqgraph.model import VQGraph


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    VQGraph(CONFIG).save(tmp_path / "codes")
    return tmp_path / "codes"


def write_graph(path: Path, **others: Any) -> str:
    np.savez(path, features=GRAPH.features, edges=GRAPH.edges, **others)
    return str(path)


def test_a_graph_is_measured(folder: Path, tmp_path: Path, capsys: Any) -> None:
    data = write_graph(tmp_path / "graph.npz", labels=GRAPH.labels)
    page = tmp_path / "page.html"
    line = ["audit", str(folder), "--signals", data, "--json", "-", "--html", str(page)]
    assert main([*line, "--fail-on", "never"]) == 0
    report = json.loads(capsys.readouterr().out)
    subject = report["tokenizer"]
    assert (subject["name"], subject["modality"]) == ("codes", "graph")
    (section,) = report["sections"]
    told = json.dumps(section)
    for name in ("perplexity", "bits_per_unit", "probe_accuracy_percent", "rate_distortion"):
        assert name in told
    assert "Labels told by the codes alone" in page.read_text(encoding="utf-8")
    assert main(["audit", str(folder), "--fail-on", "never"]) == 0
    assert "No signals were given" in capsys.readouterr().out


def test_sparse_matrices_are_the_same_graph(folder: Path, tmp_path: Path) -> None:
    from scipy import sparse

    n = len(GRAPH.features)
    ones = np.ones(GRAPH.edges.shape[1])
    parts: dict[str, Any] = {
        "attr": sparse.csr_matrix(GRAPH.features),
        "adj": sparse.csr_matrix((ones, tuple(GRAPH.edges)), shape=(n, n)),
    }
    arrays: dict[str, Any] = {
        f"{name}_{part}": np.asarray(getattr(matrix, part))
        for name, matrix in parts.items()
        for part in ("data", "indices", "indptr", "shape")
    }
    np.savez(tmp_path / "graph.npz", **arrays)
    model = VQGraph.load(folder)
    found = read_signals(tmp_path / "graph.npz", model)
    assert found.contexts is not None
    ids = model.encode(found.signals[0], context=found.contexts[0])
    np.testing.assert_array_equal(ids, model.encode(GRAPH.features, context=GRAPH.edges))
    arrays["adj_indices"] = arrays["adj_indices"] + n
    np.savez(tmp_path / "bad.npz", **arrays)
    with pytest.raises(FormatError, match="outside adj_shape"):
        read_signals(tmp_path / "bad.npz", model)


class Speech:
    """What reading speech asks of a tokenizer."""

    modality, sample_rate = "speech", 8000


def write_speech(path: Path, rate: int = 8000) -> None:
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.array([0, 16384, -32768], "<i2").tobytes())


def test_recordings_are_read_as_numbers_to_one(tmp_path: Path) -> None:
    write_speech(tmp_path / "a.wav")
    reader: Any = Speech()
    (samples,) = read_signals(tmp_path, reader).signals
    np.testing.assert_array_equal(samples, np.array([0, 0.5, -1], np.float32))
    write_speech(tmp_path / "b.wav", rate=16_000)
    with pytest.raises(FormatError, match="16,000 samples"):
        read_signals(tmp_path, reader)
    (tmp_path / "c.wav").write_bytes(b"RIFF")
    with pytest.raises(FormatError, match="damaged"):
        read_signals(tmp_path / "c.wav", reader)


class Sight:
    """What reading pictures asks of a tokenizer."""

    modality = "image"


def test_all_pictures_are_measured_and_none_is_held_out(tmp_path: Path) -> None:
    reader: Any = Sight()
    for n in (1, 3):
        np.savez(tmp_path / "some.npz", images=np.zeros((n, 8, 8), np.uint8))
        assert len(read_signals(tmp_path / "some.npz", reader).signals) == n


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_bytes(b"nothing"), "no npz"),
        (lambda path: np.savez(path, features=np.ones((2, 2))), "'edges' is not in it"),
        (lambda path: np.savez(path, features=np.array([{}]), edges=[0]), "holds objects"),
    ],
)
def test_other_files_are_refused(
    make: Any, message: str, folder: Path, tmp_path: Path, capsys: Any
) -> None:
    path = tmp_path / "data.npz"
    make(path)
    assert main(["audit", str(folder), "--signals", str(path)]) == 2
    assert message in " ".join(capsys.readouterr().err.split())


def test_signals_of_text_are_refused(tmp_path: Path, capsys: Any) -> None:
    path = write_graph(tmp_path / "graph.npz")
    text = str(write_bpe(tmp_path / "tokenizer.json"))
    assert main(["audit", text, "--signals", path]) == 2
    assert "--signals measures learned tokenizers" in capsys.readouterr().err
    assert main(["audit", text, "--signals", str(tmp_path / "none")]) == 2
    assert "no file or folder" in capsys.readouterr().err
