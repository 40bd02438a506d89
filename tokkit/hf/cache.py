"""`ByteCache`: the `past_key_values` of a byte-level view, a `ByteState` for each row.

A cache of transformers holds keys and values by layer; this one holds states, which share the trees
of contexts of the models behind them. Reordering (beam search), repeating and selecting rows fork
states, which copies no keys.

A text is *over* after end of text, and when the model gives what it holds no mass, so that nothing
can follow. Only blanks follow then, with probability 1. (The 257 numbers of `ByteModel` are all
minus infinity where there is no mass; the blank keeps a row normalised, as generation needs.)
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Self, cast

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import Cache

from tokkit.bytelm.byte_model import ByteModel, open_together
from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.drawing.together import evaluate_together
from tokkit.errors import UnsupportedError
from tokkit.hf.symbols import BLANK_ID, END_ID, VOCAB_SIZE

_OVER = np.full(VOCAB_SIZE, -np.inf)
_OVER[BLANK_ID] = 0.0


class Row:
    """The text of one row of a batch: its state, and whether it has ended."""

    def __init__(self, state: ByteState, *, ended: bool = False) -> None:
        self.state = state
        self.ended = ended

    def fork(self) -> Row:
        """An independent copy."""
        return Row(self.state.fork(), ended=self.ended)

    def push(self, symbols: Sequence[int]) -> None:
        """Add symbols; the model runs when something is asked. What follows the end is dropped."""
        data, ends = _before_end(symbols)
        if not self.ended:
            self.state.push(data)
            self.ended = ends

    def logprobs(self) -> NDArray[np.float64]:
        """float64 (258,), nats: the next symbol."""
        return _OVER if self.ended else _with_blank(self.state.logprobs())

    def score(self, symbols: Sequence[int]) -> NDArray[np.float64]:
        """Add symbols; float64 (len(symbols), 258), nats: what follows each of them.

        One pass over the bytes; see `ByteState.score`.
        """
        data, ends = _before_end(symbols)
        rows = np.tile(_OVER, (len(symbols), 1))
        if self.ended:
            return rows
        after = [_with_blank(row) for row in self.state.score(data)]
        n_bytes = 0
        for k, symbol in enumerate(symbols):
            if symbol == END_ID:
                break
            n_bytes += symbol < END_ID
            rows[k] = after[n_bytes]
        self.ended = ends
        return rows


def _before_end(symbols: Sequence[int]) -> tuple[bytes, bool]:
    """The bytes before the end of text, and whether there is one."""
    data = bytearray()
    for symbol in symbols:
        if symbol == END_ID:
            return bytes(data), True
        if symbol != BLANK_ID:
            data.append(symbol)
    return bytes(data), False


def _with_blank(logprobs: NDArray[np.float64]) -> NDArray[np.float64]:
    """The 257 numbers of a model with the blank's, which is impossible unless all others are."""
    return np.append(logprobs, -np.inf) if logprobs.max() > -np.inf else _OVER


class ByteCache(Cache):
    """States of the rows of a batch; made by `ByteLevelCausalLM`.

    Attributes:
        rows: one for each text of the batch.
    """

    def __init__(self, rows: Sequence[Row], *, length: int = 0) -> None:
        """Hold rows.

        Args:
            rows: see the class.
            length: number of symbols that each has taken, blanks included.
        """
        super().__init__(layers=[])
        self.rows = list(rows)
        self._length = length

    @classmethod
    def open(cls, model: ByteModel, batch_size: int) -> Self:
        """The cache of `batch_size` empty texts, which share the caches of the model."""
        return cls([Row(state) for state in open_together(model, batch_size)])

    def push(self, symbols: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Add symbols to all rows, in one call of each model.

        Args:
            symbols: (batch, length), 0 to 257.

        Returns:
            float64 (batch, 1, 258), nats: what follows the last symbol of each row.
        """
        for row, added in zip(self.rows, symbols, strict=True):
            row.push(added)
        self._length += len(symbols[0])
        evaluate_together([row.state for row in self.rows if not row.ended])
        return np.stack([row.logprobs() for row in self.rows])[:, None]

    def score(self, symbols: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Add symbols to all rows; each row is scored in one pass.

        Args:
            symbols: (batch, length), 0 to 257.

        Returns:
            float64 (batch, length, 258), nats: what follows each symbol.
        """
        scored = [row.score(added) for row, added in zip(self.rows, symbols, strict=True)]
        self._length += len(symbols[0])
        return np.stack(scored)

    # -- what generation asks of a cache -------------------------------------------------------

    def __len__(self) -> int:
        return len(self.rows)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.rows)} rows of {self._length} symbols)"

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """Forks: the models and what they have computed are shared."""
        return type(self)([row.fork() for row in self.rows], length=self._length)

    @property
    def batch_size(self) -> int:
        """Number of rows."""
        return len(self.rows)

    @property
    def is_compileable(self) -> bool:
        """No."""
        return False

    @property
    def is_croppable(self) -> bool:
        """No: a state cannot forget bytes."""
        return False

    def get_seq_length(self, layer_idx: int = 0) -> int:  # noqa: ARG002  # there are no layers
        """Number of symbols that each row has taken, blanks included."""
        return self._length

    def get_max_length(self, layer_idx: int | None = None) -> int:  # noqa: ARG002
        """No limit."""
        return -1

    def reset(self) -> None:
        """Refused: a state cannot forget bytes.

        Raises:
            UnsupportedError: always.
        """
        raise UnsupportedError("a ByteCache cannot be emptied; call the model without a cache")

    def crop(self, tokens_to_remove: int) -> None:
        """Remove nothing.

        Raises:
            UnsupportedError: anything is to be removed.
        """
        if tokens_to_remove:
            raise UnsupportedError(
                f"a ByteCache cannot take back {abs(tokens_to_remove)} symbols; copy it with "
                "copy.deepcopy (which is cheap) before they are added"
            )

    def reorder_cache(self, beam_idx: torch.Tensor) -> None:
        """Row k becomes what row `beam_idx[k]` was; int (batch,)."""
        self._select(cast(list[int], beam_idx.tolist()))

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows `indices`, int (n,)."""
        self._select(cast(list[int], indices.tolist()))

    def batch_repeat_interleave(self, repeats: int) -> None:
        """Each row `repeats` times, side by side."""
        self._select([k for k in range(len(self.rows)) for _ in range(repeats)])

    def _select(self, indices: Sequence[int]) -> None:
        """A row that goes on once is kept; further copies are forks."""
        taken: set[int] = set()
        chosen: list[Row] = []
        for k in indices:
            chosen.append(self.rows[k].fork() if k in taken else self.rows[k])
            taken.add(k)
        self.rows = chosen
