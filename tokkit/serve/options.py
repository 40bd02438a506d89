"""What a server permits: `ServeOptions`. The defaults are safe beside whatever a browser opens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tokkit.arguments import check_kind, check_real, check_whole
from tokkit.bytelm.batch.counted_tokens import TokenCounter
from tokkit.errors import ArgumentError
from tokkit.text.tokenizer import TextTokenizer

LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class ServeOptions:
    """What a server permits.

    Attributes:
        host: the address to listen at; anything but loopback needs an `api_key`.
        port: to listen at; 0 takes a free one.
        api_key: what a client must send as `Authorization: Bearer`; None asks for nothing.
        cors_origins: origins of pages that may use the server from a browser; its own page may.
        max_body_bytes: of a request.
        max_tokens: of a completion.
        default_tokens: of a completion where the request says nothing.
        fills: `"format"`: models without a FIM format refuse a suffix; `"auto"`: they search for
            middles that it follows (`infill` with `method="posterior"`).
        fill_budget: passes of a model that such a search may take.
        tokenizer: whose tokens count where an ensemble is asked (`max_tokens`, usage, prompts of
            ids, `logprobs`); None: those of its first model.
        cache_tokens: what the cache of each token model holds at most.
        max_choices: completions that one request may ask for.
        max_running: completions that are drawn at the same time.
        max_queue: completions that wait; beyond them the answer is 429.
        max_seconds: that a completion may take, waiting included.
        body_seconds: that a client may take to send its request.
    """

    host: str = "127.0.0.1"
    port: int = 8080
    api_key: str | None = None
    cors_origins: Sequence[str] = ()
    max_body_bytes: int = 4 << 20
    max_tokens: int = 4096
    default_tokens: int = 256
    fills: Literal["auto", "format"] = "auto"
    fill_budget: int = 150
    tokenizer: TextTokenizer | None = None
    cache_tokens: int = 1 << 15
    max_choices: int = 16
    max_running: int = 16
    max_queue: int = 64
    max_seconds: float = 600.0
    body_seconds: float = 20.0

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ArgumentError: one is out of range, or the server would be open to a network.
        """
        check_kind(self.host, str, "host")
        check_whole("port", self.port, 0, 65535)
        for name in ("max_body_bytes", "max_tokens", "default_tokens", "max_choices"):
            check_whole(name, getattr(self, name), 1)
        if self.fills not in ("auto", "format"):
            raise ArgumentError(f"fills must be 'auto' or 'format', got {self.fills!r}")
        check_whole("fill_budget", self.fill_budget, 8)
        check_kind(self.tokenizer, (TextTokenizer, type(None)), "tokenizer")
        if self.tokenizer is not None:
            TokenCounter(self.tokenizer)  # which refuses one that cannot count bytes as they come
        check_whole("cache_tokens", self.cache_tokens, 256)
        check_whole("max_running", self.max_running, 1)
        check_whole("max_queue", self.max_queue, 0)
        for name in ("max_seconds", "body_seconds"):
            if check_real(name, getattr(self, name)) <= 0:
                raise ArgumentError(f"{name} must be above 0, got {getattr(self, name)}")
        if self.api_key is not None and (not self.api_key or not self.api_key.isascii()):
            raise ArgumentError("the API key must be of ASCII characters, at least one")
        if self.host not in LOOPBACK and self.api_key is None:
            raise ArgumentError(
                f"{self.host} can be reached from other machines, and there is no API key; pass "
                "one, or listen at 127.0.0.1"
            )

    @property
    def is_local(self) -> bool:
        """Whether only this machine can reach the server."""
        return self.host in LOOPBACK
