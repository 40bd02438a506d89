"""Embedding matrices with rows that look untrained, and files of them."""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tests.audit.toy_subjects import byte_tokenizer
from tokkit.audit.vocabulary.reach.reachability import ReachabilityJudge, Status

N_COLUMNS = 32
BYTES = byte_tokenizer()
VERDICTS = ReachabilityJudge(BYTES).judge_all()
NEVER = tuple(t for t, verdict in enumerate(VERDICTS) if verdict.status == Status.UNREACHABLE)
PLANTED = (65, 97)


def matrix_with(untrained: tuple[int, ...], n_rows: int = 256, seed: int = 0) -> NDArray[Any]:
    """(n_rows, N_COLUMNS) float32: random rows; those of `untrained` are one row, and noise."""
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(n_rows, N_COLUMNS)) + 0.5
    common = rng.normal(size=N_COLUMNS)
    for row in untrained:
        rows[row] = common + 0.01 * rng.normal(size=N_COLUMNS)
    return rows.astype(np.float32)


def write_safetensors(path: Path, tensors: Mapping[str, NDArray[Any]], kind: str = "F32") -> Path:
    """A file with a header and the tensors one after another, as `kind`."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    data = b""
    for name, values in tensors.items():
        raw = _encoded(values, kind)
        header[name] = {
            "dtype": kind,
            "shape": list(values.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)
    return path


def _encoded(values: NDArray[Any], kind: str) -> bytes:
    if kind == "BF16":
        return (values.astype("<f4").view("<u4") >> 16).astype("<u2").tobytes()
    return values.astype({"F32": "<f4", "F16": "<f2", "F64": "<f8", "I8": "i1"}[kind]).tobytes()


def write_gguf(path: Path, tensors: Mapping[str, NDArray[Any]], *, quantized: bool = True) -> Path:
    """A GGUF file of an unnamed llama, of type Q8_0 or float32."""
    import gguf

    writer = gguf.GGUFWriter(path, "llama")
    for name, values in tensors.items():
        if quantized:
            kind = gguf.GGMLQuantizationType.Q8_0
            writer.add_tensor(name, gguf.quants.quantize(values, kind), raw_dtype=kind)
        else:
            writer.add_tensor(name, values)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
