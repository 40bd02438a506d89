"""Models whose rope depends on the longest position of a pass (LongRoPE): `SwitchingSession`.

Phi-3 and its like have two sets of rotary frequencies, one for texts up to the length they were
first trained on, one for longer texts. A plain pass uses one set for all its positions, so that the
keys of a long text are others than those of its beginning alone. Hence there are two trees over two
caches, and a context is evaluated in the one that its own length calls for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from collections.abc import Set as AbstractSet
from typing import Any

from tokkit.bytelm.token_models.protocol import LogProbs, Node, Session
from tokkit.bytelm.token_models.transformers.backbone import Backbone
from tokkit.bytelm.token_models.transformers.result_dtype import empty_results
from tokkit.bytelm.token_models.transformers.sessions.kv_tree import KVTreeSession


class SwitchingSession(Session):
    """The `Session` of a model with two ropes."""

    def __init__(
        self, backbone: Backbone, bos_ids: Sequence[int], vocab_size: int, **options: Any
    ) -> None:
        """As `KVTreeSession`; the length at which the rope changes is `backbone.rope_switch`."""
        super().__init__(vocab_size)
        assert backbone.rope_switch is not None
        self._longest_short = backbone.rope_switch - len(bos_ids)
        shared: Any = {"vocab_size": vocab_size, "root": self.root, **options}
        self._short = KVTreeSession(backbone, bos_ids, **shared)
        self._long = KVTreeSession(backbone, bos_ids, beyond=backbone.rope_switch, **shared)
        self.rows_at_once = self._short.rows_at_once
        self._dtype = backbone.dtype

    @property
    def n_forward_passes(self) -> int:
        """Passes over either cache."""
        return self._short.n_forward_passes + self._long.n_forward_passes

    @property
    def n_evaluated(self) -> int:
        """Tokens read, under either rope."""
        return self._short.n_evaluated + self._long.n_evaluated

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """See `KVTreeSession.logprobs`."""
        return self._merged(nodes, lambda tree, some: tree.logprobs(some))

    def logits(self, nodes: Sequence[Node]) -> LogProbs:
        """See `KVTreeSession.logits`."""
        return self._merged(nodes, lambda tree, some: tree.logits(some))

    def logits_in_passing(self, nodes: Sequence[Node], leaves: AbstractSet[Node]) -> LogProbs:
        """See `Session.logits_in_passing`."""
        return self._merged(nodes, lambda tree, some: tree.logits_in_passing(some, leaves))

    def compact(self) -> None:
        """Drop the slots of dead nodes now."""
        self._short.compact()
        self._long.compact()

    def _merged(
        self,
        nodes: Sequence[Node],
        ask: Callable[[KVTreeSession, Sequence[Node]], LogProbs],
    ) -> LogProbs:
        is_long = [node.depth > self._longest_short for node in nodes]
        out = empty_results((len(nodes), self._vocab_size), self._dtype)
        for session, wanted in ((self._short, False), (self._long, True)):
            places = [k for k, long in enumerate(is_long) if long == wanted]
            if places:
                out[places] = ask(session, [nodes[k] for k in places])
        return out
