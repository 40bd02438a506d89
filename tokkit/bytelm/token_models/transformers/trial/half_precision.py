"""What rounding does to a model in half precision, and when plain passes are the cure.

A row of a plain pass in bfloat16 depends on how long the pass is: torch's attention on the CPU, for
one, treats the last `n % 16` of n keys apart (with AVX-512). The rows of one long pass thus differ
from passes that end there, by some 3e-3 in total variation for most small models, and no cache can
serve passes of all lengths. Two kinds of models make far more of it: those that choose among
experts, where rounding flips the choice, and those whose attention or activations magnify it.

Only plain passes give what plain passes give then. A small model, to which they cost little, goes
by them whenever its other ways might miss the bound that is promised. A large one would become many
times slower. It keeps to the way that its structure permits, and rounds as longer passes of
transformers do (docs/backends.md has figures), unless its choice of experts visibly flips.
"""

from __future__ import annotations

import numpy as np
import torch

from tokkit.bytelm.token_models.transformers.trial.length_limits import choice_of_experts
from tokkit.bytelm.token_models.transformers.trial.trial_texts import (
    Tree,
    relative_gap,
    total_variation,
)
from tokkit.bytelm.token_models.transformers.trial.ways import Evaluator, Way
from tokkit.bytelm.token_models.transformers.whole_model import WholeModel, normalised
from tokkit.errors import ModelError, UnsupportedError

HALF_TOLERANCE = (0.05, 0.25)
"""The least and the most difference (`relative_gap`) that is taken for rounding. Between them it is
`HALF_FACTOR` times what a longer pass of the same model changes in its rows."""

HALF_FACTOR = 5.0

HALF_DRAWS = 3
"""Trees on which a way may fail before it is held wrong; further texts have further seeds."""

SMALL = 1 << 24
"""A plain pass of a model with so many weights, over a short text, takes some milliseconds."""

_ALLOWED = 7.5e-3
"""Total variation of the ways of a small model on the texts of a trial. 1e-2 is promised, and other
texts may round by more."""

_EXPERTS_LENGTH = 16
_LENGTH, _STEP, _N_TEXTS = 40, 2, 2


def is_half(model: WholeModel) -> bool:
    """Whether the weights have 16 bits."""
    return model.dtype in (torch.bfloat16, torch.float16)


def flipping_choice(evaluator: Evaluator) -> str | None:
    """Why rounding may flip the choice among experts so that it matters, or None.

    No trial can rule it out, so that a small model is not tried at all. Of a large one rows of one
    pass are compared with passes that end there. Ordinary rounding changes all of them about alike;
    another expert changes some by far more.
    """
    model = evaluator.model
    choice = choice_of_experts(model.config)
    if choice is None or not is_half(model):
        return None
    if _is_small(model):
        return (
            f"rounding in half precision may flip its choice among experts ({choice}), and so "
            "small a model has time for plain passes"
        )
    text = Tree.draw(_EXPERTS_LENGTH, [], evaluator.vocab_size, seed=HALF_DRAWS).texts[0]
    ids = [*evaluator.bos_ids, *text]
    gaps = [
        relative_gap(normalised(row), normalised(model.last_logits(ids[:n])))
        for n, row in enumerate(model.logits(ids), 1)
    ]
    worst = max(gaps)
    if worst <= max(HALF_TOLERANCE[0], HALF_FACTOR * float(np.median(gaps))):
        return None
    return (
        f"rounding in half precision flips its choice among experts ({choice}; rows of a longer "
        f"pass differ by up to {worst:.2g} of the spread of the log-probabilities)"
    )


def magnified_rounding(evaluator: Evaluator, way: Way) -> str | None:
    """Why a way that is right for a model rounds too much for a small one, or None.

    Contexts of every other length are compared with their plain passes.
    """
    model = evaluator.model
    if not is_half(model) or not _is_small(model):
        return None
    for seed in range(HALF_DRAWS + 1, HALF_DRAWS + 1 + _N_TEXTS):
        text = Tree.draw(_length(evaluator), [], evaluator.vocab_size, seed).texts[0]
        session = evaluator.open(way)
        nodes = session.path(session.root, text)
        half = len(nodes) // 2
        rows = [*session.logprobs(nodes[:half]), *session.logprobs(nodes[half:])]
        for n in range(0, len(rows), _STEP):
            logits = model.last_logits([*evaluator.bos_ids, *text[:n]])
            gap = total_variation(rows[n], normalised(logits)[: evaluator.vocab_size])
            if not gap <= _ALLOWED:
                return (
                    f"rounding in half precision changes its probabilities by {gap:.2g} in total "
                    f"variation after {n} tokens, and so small a model has time for plain passes"
                )
    return None


def check_longer_pass(evaluator: Evaluator) -> None:
    """A plain pass in half precision over more tokens than the model takes in one chunk.

    Raises:
        UnsupportedError: it fails (xLSTM: states in float32 meet chunks in bfloat16).
    """
    model = evaluator.model
    if not is_half(model):
        return
    text = Tree.draw(_length(evaluator), [], evaluator.vocab_size).texts[0]
    try:
        model.last_logits([*evaluator.bos_ids, *text])
    except ModelError as error:
        raise UnsupportedError(
            f"{error}; transformers does not run it in {str(model.dtype).removeprefix('torch.')}: "
            "load it with dtype='float32'"
        ) from error


def _is_small(model: WholeModel) -> bool:
    """Buffers count, too: there int8 weights lie."""
    tensors = (*model.model.parameters(), *model.model.buffers())
    return sum(tensor.numel() for tensor in tensors) <= SMALL


def _length(evaluator: Evaluator) -> int:
    """Of a text for `evaluator`: beyond a chunk, within its positions."""
    chunk = getattr(evaluator.model.config, "chunk_size", None)
    length = max(_LENGTH, chunk + 1) if isinstance(chunk, int) else _LENGTH
    room = evaluator.model.max_positions
    return length if room is None else min(length, room - len(evaluator.bos_ids))
