"""The ways to evaluate a model's contexts, from the fastest to the one that cannot fail.

- `tree`: one cache for all branches, under a mask
  (`tokkit.bytelm.token_models.transformers.sessions.kv_tree`);
- `states`: each branch goes on from a copy of the model's own cache or state;
- `steps`: the same, one token at a time after the first pass;
- `passes`: a plain pass over each whole context.

Which is right for a model is found by trying; see
`tokkit.bytelm.token_models.transformers.trial.self_check`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from tokkit.bytelm.token_models.transformers.backbone import Backbone
from tokkit.bytelm.token_models.transformers.sessions.kv_tree import KVTreeSession
from tokkit.bytelm.token_models.transformers.sessions.rope_switch import SwitchingSession
from tokkit.bytelm.token_models.transformers.sessions.state_session import (
    PassSession,
    StateOptions,
    StateSession,
)
from tokkit.bytelm.token_models.transformers.whole_model import WholeModel

Way = Literal["tree", "states", "steps", "passes"]
WAYS: tuple[Way, ...] = ("tree", "states", "steps", "passes")
TransformersSession = KVTreeSession | SwitchingSession | StateSession | PassSession


@dataclass(frozen=True)
class Evaluator:
    """A model, and what all sessions over it have in common.

    Attributes:
        model: the whole model.
        backbone: its halves, for a tree; None where it cannot have one.
        bos_ids: what the model reads before any text.
        vocab_size: columns returned.
        max_batch_tokens: tokens in one pass.
    """

    model: WholeModel
    backbone: Backbone | None
    bos_ids: Sequence[int]
    vocab_size: int
    max_batch_tokens: int = 512

    def open(self, way: Way) -> TransformersSession:
        """A new session."""
        if way == "tree":
            assert self.backbone is not None
            tree = KVTreeSession if self.backbone.rope_switch is None else SwitchingSession
            return tree(
                self.backbone,
                self.bos_ids,
                self.vocab_size,
                max_batch_tokens=self.max_batch_tokens,
            )
        if way == "passes":
            return PassSession(self.model, self.bos_ids, self.vocab_size)
        options = StateOptions(self.max_batch_tokens, continues=way == "states")
        return StateSession(self.model, self.bos_ids, self.vocab_size, options)
