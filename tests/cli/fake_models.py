"""Models, ensembles and a tokenizer that always say the same."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import numpy as np

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.errors import ArgumentError, EncodingError

COMPLETION = "né😀".encode()


ANY_LM: Any = ByteLM
"""Of no type, so that a fake may take less than the whole of what a model takes."""


@dataclass(eq=False)
class FakeLM(ANY_LM):
    """Each byte costs `bits` bits; always says the same."""

    name: str
    bits: float = 1.0
    encodings = "canonical"
    vocabulary = SimpleNamespace(first_missing=lambda data: data.index(0xFF))
    completion: bytes = COMPLETION
    calls: list[dict[str, Any]] = field(default_factory=list)

    def logprob(self, data: bytes, **_: Any) -> float:
        return -self.bits * math.log(2) * len(data)

    def token_logprob(self, data: bytes, **_: Any) -> float:
        if b"\xff" in data:
            raise EncodingError("no token for byte 255")
        return 1.25 * self.logprob(data)

    def generate(self, prompt: bytes, **options: Any) -> bytes:
        return b"".join(self.stream(prompt, **options))

    def stream(self, prompt: bytes, **options: Any) -> Iterator[bytes]:
        self.calls.append({"prompt": prompt, **options})
        if options["max_bytes"] < 0:
            raise ArgumentError(f"max_bytes is {options['max_bytes']};\nexpected at least 0")
        yield from (bytes([byte]) for byte in self.completion)


class FakeState:
    """Each push turns the weights round."""

    def __init__(self, members: list[FakeLM], weights: list[float], prefix: bytes) -> None:
        self.members, self.weights, self.prefix = members, weights, b""
        self.push(prefix)

    def push(self, data: bytes) -> None:
        self.prefix += data
        self.weights = self.weights[::-1]

    def posterior(self) -> np.ndarray:
        return np.array(self.weights)

    def member_prefix_logprobs(self) -> np.ndarray:
        return np.array([member.logprob(self.prefix) for member in self.members])


class FakeEnsemble(FakeLM):
    def __init__(
        self,
        members: list[FakeLM],
        *,
        weights: list[float] | None,
        combine: str,
        tolerance: float = 0.0,
    ) -> None:
        super().__init__("+".join(member.name for member in members))
        assert 0 <= tolerance < 1
        self.members, self.combine = members, combine
        self.weights = np.array(weights or [1 / len(members)] * len(members))

    def open(self, prefix: bytes) -> FakeState:
        return FakeState(self.members, self.weights.tolist(), prefix)


class FakeTokenizer:
    def iter_encode(self, data: bytes, *, specials: bool = False) -> Iterator[int]:
        yield from [*data, *([999] if specials else [])]

    def token_bytes(self, token: int) -> bytes:
        return bytes([token]) if token < 256 else b""
