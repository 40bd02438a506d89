"""What a language model over tokens must offer: `TokenLM`, and `Session` to walk its contexts.

A byte-level model asks for the next-token distribution of many contexts that share prefixes.
A *session* names each context by a node of a tree, so that a backend can keep one cache for the
whole tree. A backend that has no such cache needs only `next_token_logprobs`: `ContextSession`
turns nodes back into lists of ids for it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import as_ids, refuse_single_text
from tokkit.errors import ArgumentError, EncodingError
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
        return [node.token for node in self.lineage()][-2::-1]

    def lineage(self) -> Iterator[Node]:
        """This node and its ancestors, up to the root."""
        node: Node | None = self
        while node is not None:
            yield node
            node = node.parent


class Session(ABC):
    """A tree of contexts. Nodes that nobody holds any more may be forgotten by the backend.

    Attributes:
        root: the empty context (BOS, where the model has one, is implied).
        rows_at_once: so many rows a call had best ask for, at most; None: as many as memory allows.
    """

    rows_at_once: int | None = None

    def __init__(self, vocab_size: int, root: Node | None = None) -> None:
        """Begin with the empty context.

        Args:
            vocab_size: ids of the tokenizer.
            root: of another session of the same model, to share nodes with it.
        """
        self._vocab_size = vocab_size
        self.root = root or Node(None, -1, 0)

    def extend(self, node: Node, token: int) -> Node:
        """The context `node` followed by `token`; evaluates nothing.

        Raises:
            EncodingError: the tokenizer has no such id.
        """
        if not 0 <= token < self._vocab_size:
            raise unknown_id(token, self._vocab_size)
        return Node(node, token, node.depth + 1)

    def path(self, node: Node, ids: Iterable[int]) -> list[Node]:
        """`node`, and the contexts that each of `ids` leads to, one after the other."""
        return list(accumulate(ids, self.extend, initial=node))

    @abstractmethod
    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """Evaluate nodes, and those ancestors that need it: float (len(nodes), V), nats.

        Raises:
            ArgumentError: a node of another session.
            ModelError: a context is too long for the model, or it returned unusable numbers.
        """

    def logits(self, nodes: Sequence[Node]) -> LogProbs:
        """As `logprobs`, up to a constant in each row.

        Whoever renormalises needs no more, and some backends save a pass over every row.
        """
        return self.logprobs(nodes)

    def logits_in_passing(
        self,
        nodes: Sequence[Node],
        leaves: AbstractSet[Node],  # noqa: ARG002  # what has no cache has no use for it
    ) -> LogProbs:
        """As `logits`, where nobody will go on from some of the nodes.

        A backend with a cache need not keep anything of these, nor look at them in later passes.

        Args:
            nodes: to evaluate.
            leaves: those that have no descendants among nodes to come. If one has, it is evaluated
                again.
        """
        return self.logits(nodes)

    def compact(self) -> None:  # noqa: B027  # optional
        """Drop now what is held for nodes that nobody holds; done by itself when worthwhile."""

    def _check_root(self, top: Node) -> None:
        """Refuse a node that has no parent, and is not the root."""
        if top is not self.root:
            raise ArgumentError(
                "a node of another session was given; nodes come from this session's root and "
                "extend()"
            )


def unknown_id(token: int, vocab_size: int) -> EncodingError:
    """The error of an id that a tokenizer of so many does not have."""
    return EncodingError(
        f"token id {token} is outside the vocabulary, expected 0 to {vocab_size - 1}"
    )


class SessionLM(ABC):
    """A `TokenLM` that evaluates contexts in sessions of its own.

    Attributes:
        tokenizer: whose ids the model reads and predicts.
        bos_ids: ids that precede every text.
        eos_ids: ids that end a text.
        name: for messages.
    """

    tokenizer: TextTokenizer
    bos_ids: Sequence[int]
    eos_ids: Sequence[int]
    name: str

    @property
    def vocab_size(self) -> int:
        """Columns of the arrays returned: the ids of the tokenizer."""
        return self.tokenizer.vocab_size

    @abstractmethod
    def session(self) -> Session:
        """A new tree of contexts with a cache of its own."""

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> LogProbs:
        """Log-probabilities of the token after each context; shared prefixes are computed once.

        Args:
            contexts: n lists of ids, without BOS.

        Returns:
            float (n, vocab_size), nats: float64 where the model is in float64, else float32.

        Raises:
            EncodingError: an id outside the vocabulary.
            ModelError: a context is too long, or the model returned unusable numbers.
        """
        session = self.session()
        return session.logprobs(grow_contexts(session, contexts))


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


class ContextSession(Session):
    """The session of a `TokenLM` without a cache: every node is spelled out as a list of ids."""

    def __init__(self, token_lm: TokenLM) -> None:
        super().__init__(token_lm.tokenizer.vocab_size)
        self._token_lm = token_lm

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """Evaluate nodes: float (len(nodes), V), nats."""
        return self._token_lm.next_token_logprobs([node.ids() for node in nodes])


def open_session(token_lm: TokenLM) -> Session:
    """The model's own session (`token_lm.session()`) where it has one, else a `ContextSession`."""
    own = getattr(token_lm, "session", None)
    return own() if own is not None else ContextSession(token_lm)
