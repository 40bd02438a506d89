"""What a language model over tokens must offer: `TokenLM`, and `Session` to walk its contexts.

A byte-level model asks for the next-token distribution of many contexts that share prefixes.
A *session* names each context by a node of a tree, so that a backend can keep one cache for the
whole tree. A backend that has no such cache needs only `next_token_logprobs`: `ContextSession`
turns nodes back into lists of ids for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_ids, refuse_single_text
from tokkit.errors import ArgumentError, EncodingError

if TYPE_CHECKING:
    from tokkit.text.tokenizer import TextTokenizer

LogProbs = NDArray[np.floating[Any]]


@runtime_checkable
class TokenLM(Protocol):
    """A causal language model over the ids of one tokenizer."""

    @property
    def tokenizer(self) -> TextTokenizer:
        """The tokenizer whose ids the model reads and predicts."""
        ...

    @property
    def eos_ids(self) -> Sequence[int]:
        """Ids that end a text; their mass is pooled into end of text."""
        ...

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> LogProbs:
        """Log-probabilities, in nats, of the token that follows each context.

        Args:
            contexts: n lists of ids, without BOS: the model adds what it expects before a text.

        Returns:
            float (n, V), V at least `tokenizer.vocab_size`; each row sums to 1 in probability.
        """
        ...


@dataclass(frozen=True, eq=False, slots=True, weakref_slot=True)
class Node:
    """A context: the path of ids from the root. Nodes are equal only to themselves."""

    parent: Node | None
    token: int
    depth: int

    def ids(self) -> list[int]:
        """The ids from the root to this node, root excluded."""
        path: list[int] = []
        node: Node = self
        while node.parent is not None:
            path.append(node.token)
            node = node.parent
        return path[::-1]

    def child(self, token: int, vocab_size: int) -> Node:
        """This context followed by `token`, for a tokenizer of so many ids.

        Raises:
            EncodingError: the tokenizer has no such id.
        """
        if not 0 <= token < vocab_size:
            raise EncodingError(
                f"token id {token} is outside the vocabulary, expected 0 to {vocab_size - 1}"
            )
        return Node(self, token, self.depth + 1)


def foreign_node() -> ArgumentError:
    """The error of a session that is given a node of another one."""
    return ArgumentError(
        "a node of another session was given; nodes come from this session's root and extend()"
    )


class Session(Protocol):
    """A tree of contexts. Nodes that nobody holds any more may be forgotten by the backend."""

    @property
    def root(self) -> Node:
        """The empty context (BOS, where the model has one, is implied)."""
        ...

    def extend(self, node: Node, token: int) -> Node:
        """The context `node` followed by `token`; evaluates nothing."""
        ...

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """Evaluate nodes, and those ancestors that need it: float (len(nodes), V), nats."""
        ...


def as_contexts(contexts: Sequence[Sequence[int]]) -> list[tuple[int, ...]]:
    """Lists of ids as they are asked for.

    Raises:
        ArgumentError: something else.
    """
    refuse_single_text(contexts, "contexts")
    return [as_ids(ids, "contexts") for ids in contexts]


def grow_contexts(session: Session, contexts: Sequence[Sequence[int]]) -> list[Node]:
    """The contexts as nodes of a session, each shared beginning once; evaluates nothing."""
    children: dict[tuple[Node, int], Node] = {}
    ends: list[Node] = []
    for ids in as_contexts(contexts):
        node = session.root
        for token in ids:
            key = (node, token)
            if key not in children:
                children[key] = session.extend(*key)
            node = children[key]
        ends.append(node)
    return ends


class ContextSession:
    """The session of a `TokenLM` without a cache: every node is spelled out as a list of ids."""

    def __init__(self, token_lm: TokenLM) -> None:
        self._token_lm = token_lm
        self._root = Node(None, -1, 0)

    @property
    def root(self) -> Node:
        """The empty context."""
        return self._root

    def extend(self, node: Node, token: int) -> Node:
        """The context `node` followed by `token`."""
        return Node(node, token, node.depth + 1)

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """Evaluate nodes: float (len(nodes), V), nats."""
        return self._token_lm.next_token_logprobs([node.ids() for node in nodes])


def token_scores(session: Session, nodes: Sequence[Node]) -> LogProbs:
    """Log-probabilities up to a constant in each row: `session.logits` where there is one.

    Whoever renormalises needs no more, and saves the pass that `logprobs` makes over every row.

    Returns:
        float (len(nodes), V).
    """
    own = getattr(session, "logits", None)
    return session.logprobs(nodes) if own is None else own(nodes)


def open_session(token_lm: TokenLM) -> Session:
    """The model's own session (`token_lm.session()`) where it has one, else a `ContextSession`."""
    own = getattr(token_lm, "session", None)
    return own() if own is not None else ContextSession(token_lm)
