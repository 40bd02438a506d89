"""A tree of contexts over one KV cache of transformers: `KVTreeSession`.

See `tokkit.bytelm.token_models.transformers.sessions.slot_tree` for how contexts share the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.token_models.protocol import LogProbs, Node
from tokkit.bytelm.token_models.transformers.backbone import Backbone, new_cache
from tokkit.bytelm.token_models.transformers.layers.padded_attention import ROW_BLOCK
from tokkit.bytelm.token_models.transformers.sessions.slot_tree import (
    AttentionKind,
    SlotTable,
    SlotTree,
)
from tokkit.bytelm.token_models.transformers.trial.length_limits import check_length


class KVTreeSession(SlotTree):
    """The `Session` of a `TransformersLM`.

    Args:
        backbone: the model.
        bos_ids: at least one id; what the model reads before any text. The root is its last.
        vocab_size: ids of the tokenizer; the number of columns returned.
        max_batch_tokens: new nodes in one forward pass, to bound memory.
        root: to share nodes with another session of the same model.
        beyond: a position that every pass shall hold, or None. A model that chooses its rope by the
            longest position of a pass then chooses that of contexts which reach beyond it.
        min_dead_slots: compact when at least so many slots, and half as many as are live, are dead.
    """

    def __init__(
        self,
        backbone: Backbone,
        bos_ids: Sequence[int],
        vocab_size: int,
        *,
        max_batch_tokens: int = 512,
        root: Node | None = None,
        beyond: int | None = None,
        min_dead_slots: int = 128,
    ) -> None:
        table = SlotTable(
            backbone.hidden_size, backbone.device, backbone.result_dtype, block=ROW_BLOCK
        )
        super().__init__(
            vocab_size,
            bos_ids,
            table,
            max_batch_tokens=max_batch_tokens,
            root=root,
            min_dead_slots=min_dead_slots,
        )
        self._backbone = backbone
        self._beyond = beyond
        self._cache: Any = new_cache()
        self._inference = torch.inference_mode()  # once, for making it shows at every step

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """Next-token log-probabilities of each node.

        All that has not been evaluated, ancestors included, is evaluated together, in forward
        passes of at most `max_batch_tokens` nodes. A node that has been evaluated costs only a
        product with the output head.

        Returns:
            float (len(nodes), vocab_size), nats. Where the model has more columns than the
            tokenizer has ids, rows sum to slightly less than 1 in probability.

        Raises:
            ArgumentError: a node of another session.
            ModelError: a context is too long for the model, or it returned unusable numbers.
        """
        with self._inference:
            return self._backbone.logprobs(self._hidden(nodes), self._vocab_size)

    def logits(self, nodes: Sequence[Node]) -> LogProbs:
        """As `logprobs`, up to a constant in each row: float (len(nodes), vocab_size).

        NaN and infinity are passed on.

        Raises:
            ArgumentError: a node of another session.
            ModelError: a context is too long for the model, or the forward pass failed.
        """
        with self._inference:
            return self._backbone.logits(self._hidden(nodes), self._vocab_size)

    def logits_in_passing(self, nodes: Sequence[Node], leaves: AbstractSet[Node]) -> LogProbs:
        """As `logits`; `leaves` get no slot, and cost attention to the other nodes alone.

        Raises:
            ArgumentError, ModelError: see `logits`.
        """
        with self._inference:
            return self._backbone.logits(self._hidden(nodes, leaves), self._vocab_size)

    def states(self, nodes: Sequence[Node]) -> torch.Tensor:
        """What the output head is given for nodes, all that is needed evaluated together.

        Returns:
            float (len(nodes), hidden_size), a copy.

        Raises:
            ArgumentError: a node of another session.
            ModelError: a context is too long for the model, or the forward pass failed.
        """
        with self._inference:
            return self._hidden(nodes).clone()

    def _check_length(self, node: Node) -> None:
        length = node.depth + len(self._bos_ids)
        check_length(self._backbone.name, length, self._backbone.max_positions)

    def _read(self, ids: Sequence[int], parents: Sequence[int]) -> torch.Tensor:
        n_padding = self._backbone.padding(len(ids) + (self._beyond is not None))
        n_padding += self._beyond is not None
        return self._forward([*ids, *[ids[-1]] * n_padding], [*parents, *[parents[-1]] * n_padding])

    def _keep(self, first: int, slots: NDArray[np.int64]) -> None:
        tail = torch.from_numpy(slots).to(self._backbone.device)
        for layer in self._cache.layers:
            layer.keep(first, tail)

    def _forward(self, ids: Sequence[int], parents: Sequence[int]) -> torch.Tensor:
        table, backbone = self._table, self._backbone
        start, end = table.n, table.n + len(ids)
        table.write(parents)
        if self._beyond is not None:  # in the last row, which is padding and leaves no trace
            table.positions[end - 1] = self._beyond
        for layer in self._cache.layers:
            layer.length = start
        masks: dict[AttentionKind, NDArray[np.bool_]] = {
            kind: table.visible(len(ids), kind, width) for kind, width in backbone.kinds.items()
        }
        return backbone.hidden(ids, table.positions[start:end], masks, self._cache)
