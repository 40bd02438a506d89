"""How a model that has just been loaded is tried against plain passes of itself: `find_way`.

A model may ignore masks or positions, make its masks itself, change its logits after the head,
choose its rope by the length of a pass, or see what comes later. None of that raises; it would only
be wrong. So each way to evaluate it (`tokkit.bytelm.token_models.transformers.trial.ways`) is tried
on a small tree, from the fastest on, until one gives the numbers of plain passes; beyond each
window and switch, too, which are narrowed for that
(`tokkit.bytelm.token_models.transformers.trial.length_limits`). A limit whose narrowing shows no
effect is tried at its real length, if that is short.

Differences are measured on log-probabilities, in units of how much those of one row differ from
each other, since a nearly flat model differs little in everything. How large rounding may be
depends on the precision; half precision has rules of its own
(`tokkit.bytelm.token_models.transformers.trial.half_precision`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch

from tokkit.bytelm.token_models.protocol import LogProbs
from tokkit.bytelm.token_models.transformers.backbone import Backbone
from tokkit.bytelm.token_models.transformers.trial.half_precision import (
    HALF_DRAWS,
    HALF_FACTOR,
    HALF_TOLERANCE,
    check_longer_pass,
    flipping_choice,
    is_half,
    magnified_rounding,
)
from tokkit.bytelm.token_models.transformers.trial.length_limits import (
    Limit,
    choice_by_chance,
    choice_of_keys,
    find_limits,
    narrowed,
)
from tokkit.bytelm.token_models.transformers.trial.trial_texts import Tree, relative_gap
from tokkit.bytelm.token_models.transformers.trial.ways import WAYS, Evaluator, Way
from tokkit.bytelm.token_models.transformers.whole_model import normalised, refuse_nan
from tokkit.errors import ModelError, TokkitError, UnsupportedError

PlainRows = Mapping[tuple[int, ...], LogProbs]
"""What plain passes say after some texts (ids without BOS)."""

_TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-3}
"""The largest difference that is taken for rounding."""

_EARLIER = 1e-3
"""The same for rows that later tokens must not change; passes of one shape round alike."""

_SHORT, _SHORT_FORKS = 6, (3,)
_LONG, _LONG_FORKS = 12, (3, 9)

_REAL_LENGTH = 512
"""The widest window that is tried at its real length."""


@dataclass(frozen=True)
class Choice:
    """The way that was found, and why it is none of the faster ones."""

    way: Way
    rejected: tuple[str, ...] = ()


def find_way(evaluator: Evaluator, why_no_tree: str, wanted: Way | None = None) -> Choice:
    """The fastest way that gives what plain passes give, or the one that is wanted.

    Args:
        evaluator: the model.
        why_no_tree: for the message, where `evaluator.backbone` is None.
        wanted: the only way to try. In half precision it may round as the model does.

    Raises:
        ModelError: a plain pass failed, or gives the same probability to everything.
        UnsupportedError: the model is not causal, or draws by chance, or does not run in its
            precision, or the way that is wanted is not right for it.
    """
    known = _check_causal(evaluator)
    rounding = None if wanted else flipping_choice(evaluator)
    rejected: list[str] = []
    for way in (wanted,) if wanted else WAYS:
        if way == "passes":  # right by definition
            break
        if way == "tree" and evaluator.backbone is None:
            problem: str | None = why_no_tree
        else:
            problem = rounding or _problem(evaluator, way, known)
            if problem is None and not wanted:  # what rounds too much for one way does for all
                problem = rounding = magnified_rounding(evaluator, way)
        if problem is None:
            return Choice(way, tuple(rejected))
        rejected.append(f"{way}: {problem}")
        if wanted:
            raise UnsupportedError(
                f"{evaluator.model.name}: way={wanted!r} is not right for it: {problem}; leave "
                "the option out, and one that is will be found"
            )
    check_longer_pass(evaluator)
    return Choice("passes", tuple(rejected))


def _problem(evaluator: Evaluator, way: Way, known: PlainRows) -> str | None:
    """Why a way other than plain passes is not right, or None."""
    config = evaluator.model.config
    choice = choice_of_keys(config)
    if choice is not None:
        return f"it chooses the keys it attends to ({choice}), among equal ones by their number"
    if way == "states" and is_half(evaluator.model) and evaluator.model.is_recurrent:
        return "whether several tokens may follow a recurrent state cannot be told from rounding"
    problem = _on_draws(evaluator, way, _SHORT, _SHORT_FORKS, known)
    for limit in find_limits(config):
        problem = problem or _problem_beyond(evaluator, way, limit)
    return problem


def _check_causal(evaluator: Evaluator) -> PlainRows:
    """Two texts of one length must have the same rows as long as they agree.

    A causal model has them to the bit, since passes of one shape add alike; only experts, who get
    other numbers of tokens, may round otherwise.

    Returns:
        What plain passes say after the texts of the first short tree.
    """
    name, kind = evaluator.model.name, type(evaluator.model.model).__name__
    chance = choice_by_chance(evaluator.model.config)
    if chance is not None:
        raise UnsupportedError(
            f"{name}: {kind} chooses what it attends to by hashes drawn anew in each pass, so that "
            f"its probabilities are none of a text alone; set {chance} in its configuration"
        )
    tree = Tree.draw(_SHORT, _SHORT_FORKS, evaluator.vocab_size)
    pairs = enumerate(zip(tree.texts[0], tree.texts[1], strict=True))
    n_same = next((k for k, (one, other) in pairs if one != other), _SHORT)
    n_common = len(evaluator.bos_ids) + n_same
    one, other = (
        normalised(evaluator.model.logits([*evaluator.bos_ids, *text]))[:, : evaluator.vocab_size]
        for text in tree.texts
    )
    for rows in (one, other):
        refuse_nan(name, rows)
    if float(np.ptp(one, axis=1).max()) == 0:
        raise ModelError(
            f"{name}: {kind} gives every token the same probability, so that nothing can be "
            "checked; look for weights that are zero or missing"
        )
    gap = max(relative_gap(one[k], other[k]) for k in range(n_common))
    if gap > (_EARLIER if evaluator.model.device.type == "cpu" else 10 * _EARLIER):
        raise UnsupportedError(
            f"{name}: {kind} is no causal language model: what it says after a token depends on "
            f"the tokens behind it (by {gap:.2g} of the spread of its log-probabilities); load a "
            "causal model, or set is_decoder=True in its configuration if it was trained so"
        )
    return {text: rows[-1] for text, rows in zip(tree.texts, (one, other), strict=True)}


def _problem_beyond(evaluator: Evaluator, way: Way, limit: Limit) -> str | None:
    """Why a way is not right beyond a limit, or None.

    A limit whose narrowing changes no plain pass may be one that the model copied into a buffer
    when it was made (GPT-Neo), or that only its cache heeds (Moshi).
    """
    text = Tree.draw(_LONG, [], evaluator.vocab_size).texts[0]
    wide = evaluator.model.last_logits([*evaluator.bos_ids, *text])
    with narrowed(evaluator.model.model, limit):
        narrow = evaluator.model.last_logits([*evaluator.bos_ids, *text])
        effect = relative_gap(normalised(narrow), normalised(wide))
        least = _TOLERANCE.get(evaluator.model.dtype, HALF_TOLERANCE[0])
        if way == "tree" and effect <= least:  # a mistake could be taken for rounding
            return f"whether it heeds {limit.name} ({limit.value}) cannot be seen in a short text"
        narrow_evaluator = evaluator
        if way == "tree":
            backbone = Backbone(evaluator.model.model, name=evaluator.model.name)
            narrow_evaluator = replace(evaluator, backbone=backbone)
        problem = _on_draws(narrow_evaluator, way, _LONG, _LONG_FORKS, {})
    room = evaluator.model.max_positions
    n_beyond = _SHORT if room is None else min(_SHORT, room - limit.value)
    if problem is None and effect == 0 and n_beyond > 0:
        if limit.value > _REAL_LENGTH:
            return f"whether it heeds {limit.name} ({limit.value}) cannot be seen in a short text"
        length = limit.value + n_beyond - len(evaluator.bos_ids)
        problem = _on_draws(evaluator, way, length, (length - 2,), {})
    return problem and f"beyond {limit.name} ({limit.value}) {problem}"


def _on_draws(
    evaluator: Evaluator,
    way: Way,
    length: int,
    forks: Sequence[int],
    known: PlainRows,
) -> str | None:
    """The problem that shows on every draw of ids, or None.

    In half precision the choice among experts may flip by rounding, on some ids; what is wrong is
    wrong on all.
    """
    problem: str | None = None
    for seed in range(HALF_DRAWS if is_half(evaluator.model) else 1):
        tree = Tree.draw(length, forks, evaluator.vocab_size, seed)
        problem = _difference(evaluator, way, tree, known)
        if problem is None:
            break
    return problem


def _difference(evaluator: Evaluator, way: Way, tree: Tree, known: PlainRows) -> str | None:
    """How what a way says differs from plain passes by more than rounding, or None."""
    try:
        rows = tree.rows(evaluator.open(way))
    except TokkitError as error:
        return str(error)
    model, n_bos = evaluator.model, len(evaluator.bos_ids)
    worst = 0.0
    for row, text in zip(rows, tree.texts, strict=True):
        plain = known.get(text)
        if plain is None:
            logits = model.last_logits([*evaluator.bos_ids, *text])
            plain = normalised(logits)[: evaluator.vocab_size]
        worst = max(worst, relative_gap(row, plain))
    tolerance = _TOLERANCE.get(model.dtype, HALF_TOLERANCE[0])
    if worst > tolerance and is_half(evaluator.model):
        ids = [*evaluator.bos_ids, *tree.texts[0]]
        long, short = model.logits(ids), model.logits(ids[: n_bos + tree.first])
        noise = max(relative_gap(row, other) for row, other in zip(long, short, strict=False))
        tolerance = min(max(tolerance, HALF_FACTOR * noise), HALF_TOLERANCE[1])
    if worst <= tolerance:
        return None
    return (
        f"other probabilities than in a plain pass (they differ by {worst:.2g} of the spread of "
        "the log-probabilities)"
    )
