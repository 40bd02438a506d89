"""Figures of a server, without any prompt in them: `Metrics`, as Prometheus reads them."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest


class Metrics:
    """Counts requests by route and status, and tokens."""

    def __init__(self) -> None:
        """All counts are 0."""
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "tokkit_requests", "Requests answered", ["route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "tokkit_request_seconds", "Time to the end of an answer", ["route"],
            registry=self._registry,
        )  # fmt: skip
        self._read = Counter("tokkit_prompt_tokens", "Tokens of prompts", registry=self._registry)
        self._written = Counter(
            "tokkit_completion_tokens", "Tokens written", registry=self._registry
        )
        self._first = Histogram(
            "tokkit_first_byte_seconds", "Time to the first byte of a text",
            registry=self._registry,
        )  # fmt: skip

    def watch(self, name: str, about: str, figure: Callable[[], float]) -> None:
        """Tell a figure as it is when it is asked for."""
        Gauge(f"tokkit_{name}", about, registry=self._registry).set_function(figure)

    def note(self, route: str, status: int, seconds: float) -> None:
        """A request was answered; status 499 stands for clients that had left."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def note_text(self, n_read: int, n_written: int, first: float) -> None:
        """Texts were written: tokens, and seconds to the first byte."""
        self._read.inc(n_read)
        self._written.inc(n_written)
        self._first.observe(first)

    def exposition(self) -> bytes:
        """In the text format of Prometheus."""
        return generate_latest(self._registry)
