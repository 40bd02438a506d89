"""One tree of contexts for several texts: `SharedSession`.

A session of a backend keeps what it has computed for a node as long as somebody holds the node.
Here a context that is asked for twice is the same node, so that a text that begins as another one
did goes on from what was computed for that one, as long as that one is held.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from weakref import WeakValueDictionary

from tokkit.bytelm.token_models.protocol import LogProbs, Node, Session, TokenLM, open_session


class SharedSession(Session):
    """A session in which equal contexts are one node.

    Attributes:
        token_lm: whose contexts it has.
        n_found: how often a context was there already when it was asked for.
    """

    def __init__(self, token_lm: TokenLM) -> None:
        """Open a session of the model.

        Args:
            token_lm: any.
        """
        self.token_lm = token_lm
        self.n_found = 0
        self._session = open_session(token_lm)
        super().__init__(token_lm.tokenizer.vocab_size, self._session.root)
        self.rows_at_once = self._session.rows_at_once
        self._children: WeakValueDictionary[tuple[Node, int], Node] = WeakValueDictionary()

    @property
    def n_nodes(self) -> int:
        """Contexts that somebody holds, the empty one not counted."""
        return len(self._children)

    def extend(self, node: Node, token: int) -> Node:
        """See `Session.extend`; the same node each time while it is held.

        Raises:
            EncodingError: the tokenizer has no such id.
        """
        found = self._children.get((node, token))
        if found is None:
            found = self._children[node, token] = self._session.extend(node, token)
        else:
            self.n_found += 1
        return found

    def n_known(self, node: Node, ids: Sequence[int]) -> int:
        """How many of the ids after a context lead to contexts that are there already."""
        for k, token in enumerate(ids):
            found = self._children.get((node, token))
            if found is None:
                return k
            node = found
        return len(ids)

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """See `Session.logprobs`."""
        return self._session.logprobs(nodes)

    def logits(self, nodes: Sequence[Node]) -> LogProbs:
        """See `Session.logits`."""
        return self._session.logits(nodes)

    def logits_in_passing(self, nodes: Sequence[Node], leaves: AbstractSet[Node]) -> LogProbs:
        """See `Session.logits_in_passing`."""
        return self._session.logits_in_passing(nodes, leaves)

    def compact(self) -> None:
        """See `Session.compact`."""
        self._session.compact()
