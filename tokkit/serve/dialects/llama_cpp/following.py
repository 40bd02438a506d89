"""One text as it comes: what is new of it, and where it is cut: `Followed`."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from tokkit.serve.dialects.llama_cpp.asking import Wanted
from tokkit.serve.generation.drawing import Drawn, Piece
from tokkit.serve.generation.generation import Generation
from tokkit.serve.generation.texts import token_text
from tokkit.serve.generation.token_figures import END_TEXT
from tokkit.serve.generation.token_stream import TokenRun, TokenStream
from tokkit.serve.served import Served


@dataclass(frozen=True)
class Fresh:
    """What is new of a text.

    Attributes:
        content: of it.
        tokens: ids of its tokens, where they are wanted; -1 stands for what no id spells.
        probabilities: of its tokens, where they are wanted.
    """

    content: str = ""
    tokens: list[int] = field(default_factory=list[int])
    probabilities: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.content or self.tokens or self.probabilities)


class Followed:
    """A text that is under way.

    Attributes:
        drawn: the text.
        is_over: whether it ends here, by its indentation or its time.
        n_tokens: that are certain.
        told: all that was new so far.
    """

    def __init__(self, drawn: Drawn, wanted: Wanted) -> None:
        """Begin.

        Args:
            drawn: the text.
            wanted: of it.
        """
        self.drawn = drawn
        self.is_over = False
        self.n_tokens = 0
        self.told = Fresh()
        self._wanted = wanted
        self._stream: TokenStream | None = None
        if wanted.by_tokens and not drawn.generation.is_searched:
            self._stream = TokenStream(drawn.generation, wanted.n_probs)

    def feed(self, piece: Piece) -> Fresh:
        """What a piece has made new; nothing where the prompt is read into the cache alone."""
        self.n_tokens += len(piece.figures.ends) if piece.figures is not None else 0
        if self._wanted.warms:
            return Fresh()
        fresh = self._fresh(piece)
        self.told = Fresh(
            self.told.content + fresh.content,
            self.told.tokens + fresh.tokens,
            self.told.probabilities + fresh.probabilities,
        )
        self.is_over = self.is_over or self._is_late
        return fresh

    @property
    def _is_late(self) -> bool:
        seconds = self._wanted.seconds
        if seconds is None or "\n" not in self.told.content:
            return False
        return time.monotonic() - self.drawn.begun_at > seconds

    def _fresh(self, piece: Piece) -> Fresh:
        served = self.drawn.generation.served
        if self._stream is not None:
            run = self._stream.feed(piece)
            ids = [i for data, _, _ in run.tokens() for i in ids_of(served, data)]
            figures = _probabilities(self.drawn.generation, run) if self._wanted.n_probs else ()
            return Fresh(run.text, ids if self._wanted.tokens else [], [*figures])
        cut = indent_cut(self.drawn.text, self._wanted.n_indent)
        self.is_over = cut is not None
        content = self.drawn.text[len(self.told.content) : cut]
        return Fresh(content, ids_of(served, piece.data) if self._wanted.tokens else [])


def ids_of(served: Served, data: bytes) -> list[int]:
    """The ids that spell a token of a text; several where no single one does."""
    return [token for token, _ in served.tokens_of(data)]


def indent_cut(text: str, n_indent: int) -> int | None:
    """Where a text ends before its first line, but for the first, that is indented by less."""
    start = text.find("\n")
    while n_indent > 0 and start >= 0:
        line = text[start + 1 :]
        indent = len(line) - len(line.lstrip(" \t"))
        if indent < len(line) and indent < n_indent:
            return start + 1
        start = text.find("\n", start + 1)
    return None


def _probabilities(generation: Generation, run: TokenRun) -> Iterator[dict[str, Any]]:
    """Each token with its alternatives; -1 stands for a text that is no one token."""
    for data, logprob, others in run.tokens():
        top = [
            _probability(generation.served, each.data, each.logprob, is_end=each.is_end)
            for each in others
        ]
        yield {**_probability(generation.served, data, logprob), "top_logprobs": top}


def _probability(
    served: Served, data: bytes, logprob: float, *, is_end: bool = False
) -> dict[str, Any]:
    parts = served.tokens_of(data)
    token = parts[0][0] if len(parts) == 1 and not is_end else -1
    text = token_text(data) + (END_TEXT if is_end else "")
    return {"id": token, "token": text, "bytes": list(data), "logprob": logprob}
