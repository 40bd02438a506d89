"""`SubwordLM`: the token model inside a `SubwordTransformer`."""

from __future__ import annotations

from collections.abc import Sequence

from tokkit.bytelm.token_models.protocol import SessionLM
from tokkit.models.subword.network import TokenNetwork
from tokkit.models.subword.session import MAX_CONTEXT, SubwordSession
from tokkit.text.tokenizer import TextTokenizer


class SubwordLM(SessionLM):
    """A `TokenLM` with a cache.

    Attributes:
        network: which computes.
        end_id: precedes and ends every text.
        max_context: the longest context, in tokens; longer texts are scored in windows.
    """

    max_context = MAX_CONTEXT

    def __init__(self, network: TokenNetwork, tokenizer: TextTokenizer, end_id: int) -> None:
        """Take them as they are."""
        self.network = network
        self.tokenizer = tokenizer
        self.end_id = end_id
        self.bos_ids: Sequence[int] = (self.end_id,)
        self.eos_ids: Sequence[int] = (self.end_id,)
        self.name = f"subword transformer over {tokenizer.name}"

    @property
    def shared_parts(self) -> tuple[object, ...]:
        """See `tokkit.bytelm.side_by_side.parts_of`."""
        return (self.network,)

    def session(self) -> SubwordSession:
        """A new tree of contexts with a cache of its own."""
        return SubwordSession(self.network, self.end_id)
