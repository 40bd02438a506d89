"""The law of the tree on real models, where packages that hold them are installed."""

from __future__ import annotations

import random
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
pytest.importorskip("gguf")

from tokkit.bytelm.token_models.protocol import Node
from tokkit.bytelm.token_models.transformers.loading import load_token_lm
from tokkit.bytelm.token_models.transformers.quiet import quiet_transformers
from tokkit.bytelm.token_models.transformers.sessions.kv_tree import KVTreeSession
from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
from tokkit.errors import MissingExtraError
from tokkit.files.packaged import find_packaged

pytestmark = pytest.mark.real

TOKENIZERS = {
    "smollm2": {"vocab_size": 49152, "bos_ids": (), "special_tokens": {"<|endoftext|>": 0}},
    "gemma3": {"vocab_size": 262144, "bos_ids": (2,), "special_tokens": {}},
}
TOLERANCE = 2e-4
"""In nats, on log-probabilities down to -30; plain incremental and full passes differ as much."""


@pytest.fixture(scope="module", params=sorted(TOKENIZERS))
def lm(request: pytest.FixtureRequest) -> TransformersLM:
    try:
        path = find_packaged(request.param)
    except MissingExtraError as error:
        pytest.skip(str(error))
    tokenizer: Any = SimpleNamespace(eos_ids=(2,), **TOKENIZERS[request.param])
    return load_token_lm(path, tokenizer=tokenizer)


def _chain(session: Any, node: Node, rng: random.Random, n: int) -> Node:
    for _ in range(n):
        node = session.extend(node, rng.randrange(1000, 40000))
    return node


def _full(lm: TransformersLM, node: Node) -> Any:
    with torch.inference_mode():
        ids = torch.tensor([[*lm.bos_ids, *node.ids()]])
        logits = lm._model(input_ids=ids, use_cache=False, logits_to_keep=1).logits[0, -1]
        return torch.log_softmax(logits, dim=-1).numpy()


def test_tree_equals_full_context_beyond_the_window(lm: TransformersLM) -> None:
    """Forks after 600 tokens (Gemma's window is 512), a compaction, and more forks."""
    rng = random.Random(0)
    session = lm.session()
    assert isinstance(session, KVTreeSession)
    trunk = _chain(session, session.root, rng, 600)
    middle = trunk
    for _ in range(80):
        assert middle.parent is not None
        middle = middle.parent
    near, far, dead = (
        _chain(session, *a) for a in ((trunk, rng, 2), (middle, rng, 9), (trunk, rng, 5))
    )
    session.logprobs([dead])
    nodes = [near, far, trunk]
    first = session.logprobs(nodes)
    before = session.n_slots
    del dead
    session.compact()
    assert session.n_slots == before - 5
    nodes += [_chain(session, near, rng, 2), _chain(session, far, rng, 1)]
    for node, row in zip(nodes, session.logprobs(nodes), strict=True):
        np.testing.assert_allclose(row, _full(lm, node), atol=TOLERANCE, rtol=0)
    np.testing.assert_allclose(session.logprobs(nodes[:3]), first, atol=TOLERANCE, rtol=0)


def test_weights_equal_those_that_transformers_reads(lm: TransformersLM) -> None:
    path = find_packaged("smollm2" if lm.vocab_size < 100_000 else "gemma3")
    with quiet_transformers():
        plain = transformers.AutoModelForCausalLM.from_pretrained(
            path.parent, gguf_file=path.name, dtype=torch.float32, local_files_only=True
        )
    unpacked = load_token_lm(path, tokenizer=lm.tokenizer, packed=False)
    ours, theirs = unpacked._model.state_dict(), plain.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
