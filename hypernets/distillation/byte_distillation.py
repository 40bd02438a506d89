"""Both models as byte models: what the teacher expects of the next byte, the student should expect.

Two tokenizers have no tokens in common that a loss could compare, but both models, looked through,
are distributions over bytes. The loss is the Kullback-Leibler divergence, nats, from the teacher's
to the student's distribution of the next byte, at a share of the places of a text that is drawn for
each snippet: anywhere, within tokens, too. Both are exact sums over canonical encodings
(`byte_tree`), so nothing is approximated but the choice of places. A snippet and its tree are
evaluated in one pass, with a mask that lets each head see the heads that it goes through.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.starting_ids import boundary_ids
from tokkit.errors import UnsupportedError
from tokkit.hypernets.bench import Bench
from tokkit.hypernets.distillation.byte_tree import byte_logprobs, tree_of
from tokkit.hypernets.distillation.classroom import Batch, Classroom
from tokkit.hypernets.distillation.lessons import Lesson
from tokkit.hypernets.distillation.memory import Memory
from tokkit.text.tokenizer import TextTokenizer

if TYPE_CHECKING:
    import torch

PLACES_SHARE = 0.25
"""Of the bytes of a snippet: more of them cost more heads, and neighbours say nearly the same."""
_TOLERANCE = 0.1
"""Of states, relative to their size: bfloat16 differs by a hundredth."""
_N_TRIED = 8
"""Ids that are tried in a line and in a tree."""
_NO_TREES = (
    "method 'byte-distillation' evaluates the heads of a text in one pass, and this model does not "
    "heed a mask and positions of ours; use another method that trains"
)


class _Tokens:
    """What a `ByteVocabulary` wants to know of a model."""

    def __init__(self, tokenizer: TextTokenizer, ends: Sequence[int]) -> None:
        self.tokenizer = tokenizer
        self.eos_ids = ends

    def next_token_logprobs(self, contexts: Sequence[Sequence[int]]) -> NDArray[np.float64]:
        """Never asked for: the trees are evaluated here, with gradients."""
        raise AssertionError(len(contexts))


def byte_distillation(room: Classroom, bench: Bench) -> Callable[[Batch], torch.Tensor]:
    """The loss of a batch.

    Raises:
        UnsupportedError: the model takes no mask or no positions of ours (Mamba, ALiBi).
    """
    import torch

    source = bench.source
    teacher = _vocabulary(source.tokenizer, source.model.config)
    student = _vocabulary(bench.target, None)
    head = source.model.get_output_embeddings()
    weights = head.weight.detach().float(), None if head.bias is None else head.bias.detach()
    _check_trees(room, _first_ids(bench))
    memory = Memory()

    def loss(batch: Batch) -> torch.Tensor:
        total = torch.zeros((), device=room.body.device)
        for key, lesson in batch:
            places = _places(key, lesson)
            taught = memory.recall(key, lambda: _taught(room, teacher, weights, lesson, places))  # noqa: B023  # called at once
            learned = _learned(room, student, lesson, places)
            total = total + (taught.exp() * (taught - learned)).sum(1).mean()
        return total / len(batch)

    return loss


def _vocabulary(tokenizer: TextTokenizer, config: Any) -> ByteVocabulary:
    _, ends = boundary_ids(
        tokenizer, bos_ids=(0,), eos_ids=None, name=tokenizer.name, config=config
    )
    return ByteVocabulary(_Tokens(tokenizer, ends))


def _first_ids(bench: Bench) -> NDArray[np.int64]:
    ids = bench.source.tokenizer.encode(bench.fitting_windows[0])
    return np.array(ids[:_N_TRIED], dtype=np.int64)


def _places(key: int, lesson: Lesson) -> list[int]:
    n = len(lesson.text)
    n_places = max(1, round(PLACES_SHARE * n))
    drawn = np.random.default_rng(key).choice(n, n_places, replace=False)
    return np.sort(drawn).tolist()


def _taught(
    room: Classroom,
    vocabulary: ByteVocabulary,
    weights: tuple[torch.Tensor, torch.Tensor | None],
    lesson: Lesson,
    places: list[int],
) -> torch.Tensor:
    """float32 (places, 257): the teacher's log-probabilities of the next byte."""
    import torch

    tree = tree_of(vocabulary, lesson.text, places)
    with torch.no_grad():
        ids = torch.from_numpy(tree.tokens[1:]).to(room.body.device)
        states = _tree_states(room, room.body.old_inputs(ids[None])[0], tree.above, tree.depths)
        logits = torch.nn.functional.linear(states, *weights)
        return byte_logprobs(vocabulary, tree, logits, len(places))


def _learned(
    room: Classroom, vocabulary: ByteVocabulary, lesson: Lesson, places: list[int]
) -> torch.Tensor:
    """The same of the student, with a gradient."""
    import torch

    tree = tree_of(vocabulary, lesson.text, places)
    ids = torch.from_numpy(tree.tokens[1:]).to(room.body.device)
    used, inverse = torch.unique(ids, return_inverse=True)
    inputs = room.body.inputs(room.rows.input_rows(used), inverse)
    states = _tree_states(room, inputs, tree.above, tree.depths)
    logits = torch.nn.functional.linear(states, *room.rows.output_matrix())
    return byte_logprobs(vocabulary, tree, logits, len(places))


def _tree_states(
    room: Classroom, inputs: torch.Tensor, above: NDArray[np.bool_], depths: NDArray[np.int64]
) -> torch.Tensor:
    """float32 (heads, width): the state of each head.

    Args:
        room: with the layers, and the ids before a text.
        inputs: (heads - 1, width), of the last tokens of all heads but the first.
        above: bool (heads, heads), which each goes through.
        depths: int64 (heads,), tokens of each.
    """
    import torch

    body, n_starts = room.body, len(room.starts)
    n = n_starts + len(above) - 1
    seen = np.tri(n, dtype=np.bool_)
    seen[n_starts:, n_starts:] = above[1:, 1:]
    mask = torch.full((n, n), torch.finfo(body.dtype).min, dtype=body.dtype)
    mask[torch.from_numpy(seen)] = 0.0
    positions = np.concatenate([np.arange(n_starts), n_starts - 1 + depths[1:]])
    starts = torch.tensor([room.starts], device=body.device)
    states = body.states(
        torch.cat([body.old_inputs(starts)[0], inputs])[None],
        attention_mask=mask[None, None].to(body.device),
        position_ids=torch.from_numpy(positions)[None].to(body.device),
    )
    return states[0, n_starts - 1 :]


def _check_trees(room: Classroom, ids: NDArray[np.int64]) -> None:
    """See that a model gives the same in a tree, where two texts share a beginning, as in a line.

    Args:
        room: with its layers.
        ids: int64 (n,), old ones, a few.

    Raises:
        UnsupportedError: it does not.
    """
    import torch

    n = len(ids)
    # The first ids, then all but the first of them once more, as a branch of their own.
    above = np.zeros((2 * n, 2 * n), dtype=np.bool_)
    above[: n + 1, : n + 1] = np.tri(n + 1)
    above[n + 1 :, :2] = True
    above[n + 1 :, n + 1 :] = np.tri(n - 1)
    depths = np.array([*range(n + 1), *range(2, n + 1)])
    tokens = torch.from_numpy(np.concatenate([ids, ids[1:]])).to(room.body.device)
    line = torch.tensor([[*room.starts, *ids]], device=room.body.device)
    with torch.no_grad():
        plain = room.body.states(room.body.old_inputs(line))[0, len(room.starts) - 1 :]
        try:
            inputs = room.body.old_inputs(tokens[None])[0]
            states = _tree_states(room, inputs, above, depths)
        except (TypeError, ValueError, RuntimeError, IndexError) as error:
            raise UnsupportedError(f"{_NO_TREES} ({type(error).__name__}: {error})") from error
    branch = torch.cat([states[:2], states[n + 1 :]])
    for found in (states[: n + 1], branch):
        if not (found - plain).square().mean() <= _TOLERANCE**2 * plain.square().mean():
            raise UnsupportedError(_NO_TREES)
