"""One session for each token model inside a model: `with_shared_sessions`."""

from __future__ import annotations

from copy import copy
from typing import TypeVar

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.shared_session import SharedSession

Model = TypeVar("Model", bound=ByteModel)


def with_shared_sessions(
    model: Model, sessions: dict[int, SharedSession], *, keep: bool = False
) -> Model:
    """The same model, whose states grow in one session for each token model inside.

    Args:
        model: a `ByteLM`, an ensemble, or another, which stays as it is.
        sessions: by the `id` of the token model; those that are lacking are added.
        keep: whether what shares a session already is added with that one.
    """
    if isinstance(model, ByteLM):
        key = id(model.token_lm)
        if key not in sessions:
            own = model.session if keep else None
            sessions[key] = own or SharedSession(model.token_lm)
        return model.sharing(sessions[key])
    if isinstance(model, ByteEnsemble):
        twin = copy(model)
        twin.members = tuple(
            with_shared_sessions(member, sessions, keep=keep) for member in model.members
        )
        return twin
    return model


def is_independent_of_pieces(model: ByteModel) -> bool:
    """Whether a text read in pieces leads to the same state as the text read at once.

    Not where heads are dropped, or members sleep: which, depends on where the model is asked.
    """
    if isinstance(model, ByteEnsemble):
        return model.tolerance == 0 and all(map(is_independent_of_pieces, model.members))
    return not isinstance(model, ByteLM) or (
        model.encodings == "canonical" and model.tolerance == 0
    )
