r"""Constrained generation: completions that match a regular expression, JSON schema or grammar.

The matching is done by llguidance (https://github.com/guidance-ai/llguidance, extra `constrained`)
over its vocabulary of plain bytes: an Earley parser on top of derivatives of regular expressions,
which says at each point which bytes can still lead to a match, and whether this is one.

A pattern speaks of characters, so a match is valid UTF-8. The syntax is that of Rust's regex crate:
classes are Unicode's (`\d` is any decimal digit, as in Python's `re`; `[0-9]` are ASCII), and there
are no backreferences and no look-around. The text must match as a whole, so anchors are not
needed, and greedy and lazy repetition mean the same.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_bytes, check_kind
from tokkit.bytelm.byte_state import END, N_SYMBOLS
from tokkit.bytelm.drawing.constraint import Constraint
from tokkit.errors import ArgumentError, needs_extra

if TYPE_CHECKING:
    from llguidance import LLTokenizer


@dataclass(frozen=True, slots=True)
class Grammar:
    """What a completion must match as a whole; made by one of the class methods.

    Attributes:
        source: in llguidance's own form.
    """

    source: str

    @classmethod
    def regex(cls, pattern: str) -> Self:
        """A regular expression; see the module for its syntax.

        Raises:
            ArgumentError: not a string, or one with lone surrogates.
            MissingExtraError: llguidance is not installed.
        """
        _check_text(pattern, "a pattern")
        return cls(_llguidance().LLMatcher.grammar_from_regex(pattern))

    @classmethod
    def json_schema(cls, schema: Mapping[str, Any] | str) -> Self:
        """The JSON texts that a schema describes; a `str` is the schema as JSON.

        Raises:
            ArgumentError: no JSON, or not an object.
            MissingExtraError: llguidance is not installed.
        """
        try:
            text = json.dumps(dict(json.loads(schema) if isinstance(schema, str) else schema))
        except (TypeError, ValueError) as error:
            raise ArgumentError(
                f"the JSON schema is no JSON object ({error}); pass a dict or its JSON text"
            ) from None
        return cls(_llguidance().LLMatcher.grammar_from_json_schema(text))

    @classmethod
    def lark(cls, grammar: str) -> Self:
        """A context-free grammar in llguidance's dialect of Lark, with a rule `start`.

        Raises:
            ArgumentError: not a string, or one with lone surrogates.
            MissingExtraError: llguidance is not installed.
        """
        _check_text(grammar, "a grammar")
        return cls(_llguidance().LLMatcher.grammar_from_lark(grammar))


def _check_text(source: str, name: str) -> None:
    """Refuse what is no text, or none that UTF-8 can express.

    Raises:
        ArgumentError: it is none.
    """
    check_kind(source, str, name)
    as_bytes(source)


class Matches(Constraint):
    """Only what can still become a match, and end of text only where there is one."""

    name = "pattern"

    def __init__(self, pattern: str | Grammar) -> None:
        """Start a match.

        Args:
            pattern: a `str` is a regular expression.

        Raises:
            ArgumentError: a pattern that is wrong, not supported, or matches no text.
            MissingExtraError: llguidance is not installed.
        """
        grammar = pattern if isinstance(pattern, Grammar) else Grammar.regex(pattern)
        self._matcher = _llguidance().LLMatcher(_byte_tokenizer(), grammar.source, log_level=0)
        self._check()
        self.bias()  # a pattern that matches nothing is noticed here

    @property
    def is_match(self) -> bool:
        """Whether the text so far is a match."""
        return self._matcher.is_accepting()

    def bias(self) -> NDArray[np.float64]:
        """See `Constraint.bias`.

        Raises:
            ArgumentError: the pattern has grown too complex to follow.
        """
        mask = np.frombuffer(self._matcher.compute_bitmask(), dtype=np.uint8)
        self._check()
        allowed = np.unpackbits(mask, bitorder="little")[:N_SYMBOLS].astype(np.bool_)
        allowed[END] = self._matcher.is_accepting()
        return np.where(allowed, 0.0, -np.inf)

    def push(self, byte: int) -> None:
        """See `Constraint.push`."""
        self._matcher.consume_token(byte)
        self._check()

    def fork(self) -> Self:
        """See `Constraint.fork`."""
        twin = object.__new__(type(self))
        twin._matcher = self._matcher.deep_copy()
        return twin

    def _check(self) -> None:
        if self._matcher.is_error():
            raise ArgumentError(
                f"llguidance cannot follow the pattern: {_reason(self._matcher.get_error())}"
            )


def _reason(report: str) -> str:
    """The line of an error report that says what is wrong."""
    if report.startswith("NoExtension"):
        return "it matches no text that begins like this"
    lines = [line.strip() for line in report.splitlines() if line.strip()]
    stated = [line.removeprefix("error: ") for line in lines if line.startswith("error: ")]
    return (stated or lines or ["it gives no reason"])[0]


def _llguidance() -> ModuleType:
    with needs_extra("patterns need llguidance", extra="constrained", quote=True):
        import llguidance
    return llguidance


@cache
def _byte_tokenizer() -> LLTokenizer:
    return _llguidance().LLTokenizer("byte")
