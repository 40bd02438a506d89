"""The methods of transfer by name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tokkit.errors import ArgumentError
from tokkit.hypernets.distillation.byte_distillation import byte_distillation
from tokkit.hypernets.distillation.distilling import Distillation
from tokkit.hypernets.distillation.row_distillation import row_distillation
from tokkit.hypernets.distillation.token_distillation import token_distillation
from tokkit.hypernets.heuristics.donated import omp
from tokkit.hypernets.heuristics.focus import focus
from tokkit.hypernets.heuristics.shared_first import shared_first
from tokkit.hypernets.heuristics.subtokens import first_last, front_loaded, mean, random_rows
from tokkit.hypernets.heuristics.token_vectors import require_gensim
from tokkit.hypernets.rows import Rows
from tokkit.hypernets.task import TransferTask


@dataclass(frozen=True)
class Method:
    """A way to make rows.

    Attributes:
        about: one line for tables and help.
        rows: makes them.
        linear_only: whether it is for models whose logits are linear in their last states: causal,
            or, with a text, masked.
        causal_only: whether it is for those alone that predict the next token.
        reads_text: whether the old model reads a text for it.
        wants_text: whether it cannot do without one.
        has_k: whether the caller may say of how many tokens a new row is made.
        check: refuses, before long work, where something that it needs is not installed.
        wants_donor: whether it takes rows of a model that has the new tokenizer.
        distillation: how the rows are trained after that; None where they are not.
        wants_hypernet: whether it is for a trained hypernetwork, which must be passed.
    """

    about: str
    rows: Callable[[TransferTask], Rows]
    linear_only: bool = False
    causal_only: bool = False
    reads_text: bool = False
    wants_text: bool = False
    wants_donor: bool = False
    has_k: bool = False
    check: Callable[[], None] | None = None
    distillation: Distillation | None = None
    wants_hypernet: bool = False


def _hypernetwork(task: TransferTask) -> Rows:
    assert task.hypernet is not None
    return task.hypernet.rows(task)


METHODS: Mapping[str, Method] = {
    "random": Method("rows drawn like the old ones", random_rows),
    "mean": Method("mean of the parts (FVT)", mean),
    "first-last": Method("last part in, first part out", first_last),
    "front-loaded": Method("mean that weighs earlier parts more", front_loaded),
    "shared-first": Method(
        "first part out, with its probability shared; fitted to a text where there is one",
        shared_first,
        linear_only=True,
        reads_text=True,
    ),
    "token-distillation": Method(
        "new input rows, trained to put the model in the states that the old tokens put it in",
        shared_first,
        linear_only=True,
        reads_text=True,
        wants_text=True,
        distillation=Distillation(token_distillation, 0.03, n_bytes=1500, batch_tokens=800),
    ),
    "row-distillation": Method(
        "input and output rows, trained on the old model's states and on the text's tokens",
        shared_first,
        linear_only=True,
        reads_text=True,
        wants_text=True,
        distillation=Distillation(
            row_distillation, 0.03, n_bytes=1500, batch_tokens=800, outputs=0.1, bias=0.3
        ),
    ),
    "byte-distillation": Method(
        "input and output rows, trained on what the old model expects of the next byte",
        shared_first,
        linear_only=True,
        reads_text=True,
        wants_text=True,
        distillation=Distillation(
            byte_distillation, 0.03, n_bytes=400, batch_tokens=400, outputs=0.1, bias=0.3
        ),
    ),
    "omp": Method(
        "sums of old rows, as a donor's rows are sums (orthogonal matching pursuit)",
        omp,
        wants_donor=True,
        has_k=True,
    ),
    "focus": Method(
        "sums of the rows of tokens that a text uses alike (FOCUS)",
        focus,
        wants_text=True,
        check=require_gensim,
    ),
    "hypernetwork": Method(
        "a heuristic's rows, corrected by a trained network",
        _hypernetwork,
        linear_only=True,
        causal_only=True,
        reads_text=True,
        wants_hypernet=True,
    ),
}
"""Name -> method."""


def chosen_method(name: str, *, plain: bool, has_hypernet: bool = False) -> str:
    """The method that a name means, `"auto"` included.

    Args:
        name: of `METHODS`, or `"auto"`.
        plain: whether `shared-first` can be used.
        has_hypernet: whether a hypernetwork was passed.
    """
    if name != "auto":
        return name
    if has_hypernet:
        return "hypernetwork"
    return "shared-first" if plain else "mean"


def check_needs(name: str, *, donor: bool, text: bool, k: bool) -> None:
    """Refuse what a method wants and lacks, or does not want.

    Args:
        name: of `METHODS`, or `"auto"`.
        donor: whether there is a donor.
        text: whether there is a text.
        k: whether there is a `k`.

    Raises:
        ArgumentError: what is missing, or to be left out.
        MissingExtraError: something is not installed.
    """
    method = METHODS.get(name)
    if donor and not (method and method.wants_donor):
        raise ArgumentError(f"method {name!r} wants no donor; {_instead('wants_donor')}")
    if k and not (method and method.has_k):
        raise ArgumentError(f"method {name!r} has no k; {_instead('has_k')}")
    if method and method.wants_donor and not donor:
        raise ArgumentError(
            f"method {name!r} wants a donor: a model that has the new tokenizer; pass donor=..."
        )
    if method and method.wants_text and not text:
        raise ArgumentError(f"method {name!r} wants a text of the new model's use; pass text=...")
    if method and method.check:
        method.check()


def _instead(need: str) -> str:
    takers = [f"method={name!r}" for name, method in METHODS.items() if getattr(method, need)]
    return f"leave it out, or use {' or '.join(takers)}"
