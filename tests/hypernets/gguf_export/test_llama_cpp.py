"""llama.cpp gives the logits and the ids of the model whose GGUF file it reads."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

llama_cpp: Any = pytest.importorskip("llama_cpp", reason="the extra `llamacpp` is not installed")
pytest.importorskip("torch")
pytest.importorskip("sentencepiece")
from tests.hypernets.gguf_export.test_writing import KINDS, OPTIONS, TEXTS, tokenizers_of
from tests.hypernets.plain_models.toy_models import logits, toy_model, toy_tokenizer
from tokkit.hypernets.gguf_export.writing import save_gguf
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer, export_tokenizer

pytestmark = pytest.mark.slow
OFF = 0.02
"""llama.cpp keeps its cache and some tables in half precision."""


def opened(kind: str, target: ExportedTokenizer, folder: Path) -> tuple[Any, Any]:
    model = toy_model(kind, target.text.vocab_size, **OPTIONS.get(kind, {}))
    path = folder / "model.gguf"
    save_gguf(model, target, path)
    return model, llama_cpp.Llama(
        str(path), n_ctx=128, n_threads=1, logits_all=True, verbose=False, n_gpu_layers=0
    )


@KINDS
def test_llama_cpp_gives_the_same_logits(kind: str, tmp_path: Path) -> None:
    target = export_tokenizer(toy_tokenizer())
    model, native = opened(kind, target, tmp_path)
    ids = (target.text.encode(TEXTS[0]) * 3)[:60]
    native.eval(ids)
    got = np.asarray(native.scores[: len(ids)])
    expected = logits(model, ids).numpy()
    assert np.abs(got - expected).max() <= OFF * max(1.0, np.abs(expected).max())


@pytest.mark.parametrize("kind", ["llama", "like gemma", "ranks", "named"])
def test_llama_cpp_gives_the_same_ids(kind: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    target = export_tokenizer(tokenizers_of(tmp_path)[kind])
    _, native = opened("llama", target, tmp_path)
    texts = (*TEXTS, "I'll say: 12345 it's\n\n  two\t\tTabs", "é日本🎉 x")
    for text in texts:
        for specials in (True, False):
            got = native.tokenize(text.encode(), add_bos=False, special=specials)
            assert got == target.text.encode(text, specials=specials), (text, specials)
