"""Contexts of a `TokenNetwork` as a tree over one cache; see `SlotTree`."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.token_models.protocol import LogProbs, Node
from tokkit.bytelm.token_models.transformers.result_dtype import result_dtype
from tokkit.bytelm.token_models.transformers.sessions.slot_tree import SlotTable, SlotTree
from tokkit.bytelm.token_models.transformers.trial.length_limits import check_length
from tokkit.models.blocks.embedding import SymbolContext
from tokkit.models.subword.network import TokenNetwork

MAX_CONTEXT = 8192
"""Tokens of a text: a tree takes a byte for each pair of its nodes, about one a byte of text."""
_MOST_AT_ONCE = 512
"""Tokens in one pass, to bound memory."""


class SubwordSession(SlotTree):
    """A tree of contexts; what it holds is of the network's parameters as they were."""

    def __init__(self, network: TokenNetwork, end_id: int) -> None:
        """Begin with the empty context.

        Args:
            network: whose.
            end_id: what precedes every text.
        """
        weight = network.head.weight
        table = SlotTable(weight.shape[1], weight.device, result_dtype(weight.dtype))
        super().__init__(network.n_symbols, [end_id], table, max_batch_tokens=_MOST_AT_ONCE)
        self._network = network
        self._start = network.embedding.start()
        self._keys = network.stack.start_cache(keep_all=True)
        # The symbols that a slot's embedding looks at, its own the last.
        self._symbols = np.empty((0, len(self._start.symbols) + 1), dtype=np.int64)

    def _check_length(self, node: Node) -> None:
        """See `SlotTree._check_length`."""
        check_length("subword transformer", node.depth + 1, MAX_CONTEXT + 1)

    def logits(self, nodes: Sequence[Node]) -> LogProbs:
        """See `Session.logits`."""
        with torch.inference_mode():
            return self._scores(nodes).cpu().numpy()

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """See `Session.logprobs`."""
        with torch.inference_mode():
            return self._scores(nodes).log_softmax(-1).cpu().numpy()

    def _scores(self, nodes: Sequence[Node]) -> torch.Tensor:
        head, table = self._network.head, self._table
        hidden = self._hidden(nodes).to(head.weight.dtype)
        return head(hidden).to(table.hidden.dtype)

    def _read(self, ids: Sequence[int], parents: Sequence[int]) -> torch.Tensor:
        """See `SlotTree._read`."""
        table, stack, n = self._table, self._network.stack, len(ids)
        start, device = table.n, table.hidden.device
        table.write(parents)
        if self._keys.n_places > start:  # a pass before was interrupted
            self._keys = self._keys.selected(torch.arange(start, device=device))
        keys = self._keys.extended(n)
        seen = table.visible(n, "sliding_attention", stack.config.window)
        states = stack.tree(
            self._embedded(ids, parents),
            torch.from_numpy(table.positions[start : start + n]).to(device),
            torch.from_numpy(seen).to(device),
            keys,
        )
        self._keys = keys
        return states.to(table.hidden.dtype)

    def _embedded(self, ids: Sequence[int], parents: Sequence[int]) -> torch.Tensor:
        """Embeddings of new slots, float (n, width)."""
        embedding, start = self._network.embedding, self._table.n
        device = self._start.symbols.device
        self._reserve(start + len(ids))
        symbols, before = self._symbols, self._start.symbols.cpu().numpy()
        parts: list[torch.Tensor] = []
        for slot, (token, parent) in enumerate(zip(ids, parents, strict=True), start):
            symbols[slot, :-1] = symbols[parent, 1:] if parent >= 0 else before
            symbols[slot, -1] = token
        n_roots = sum(parent < 0 for parent in parents)  # the first, or none
        if n_roots:
            first = torch.tensor([[ids[0]]], device=device)
            parts.append(embedding.extend(first, [1], [self._start])[0][:, 0])
        if len(ids) > n_roots:
            above = symbols[list(parents[n_roots:])]
            context = torch.from_numpy(above[:, :-1].copy()).to(device)
            pairs = np.stack([above[:, -1], np.array(ids[n_roots:])], axis=1)
            contexts = [SymbolContext(each, self._start.vector) for each in context]
            lengths = [2] * len(pairs)
            rows, _ = embedding.extend(torch.from_numpy(pairs).to(device), lengths, contexts)
            parts.append(rows[:, 1])  # of the second of each pair, which sees the first
        return torch.cat(parts)

    def _reserve(self, capacity: int) -> None:
        if capacity > len(self._symbols):
            grown = np.empty((max(256, 2 * capacity), self._symbols.shape[1]), dtype=np.int64)
            grown[: len(self._symbols)] = self._symbols
            self._symbols = grown

    def _keep(self, first: int, slots: NDArray[np.int64]) -> None:
        """See `SlotTree._keep`."""
        kept = np.concatenate([np.arange(first), slots])
        self._symbols[: len(kept)] = self._symbols[kept]
        self._keys = self._keys.selected(torch.from_numpy(kept).to(self._table.hidden.device))
