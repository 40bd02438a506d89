"""What precedes a text, and what ends it.

A causal model needs one token before its first prediction. It is a condition, not text: it is part
of no context and no probability is charged for it. It is the first of these that there is: ids as
given, the tokenizer's BOS, `<|endoftext|>` (with which many models that have no BOS separate
documents in training), the BOS of the model's configuration, the EOS.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tokkit.arguments import as_ids, check_whole
from tokkit.errors import ArgumentError, EncodingError, ModelError

if TYPE_CHECKING:
    from tokkit.text.tokenizer import TextTokenizer

DOCUMENT_SEPARATOR = "<|endoftext|>"


def boundary_ids(
    tokenizer: TextTokenizer,
    *,
    bos_ids: Sequence[int] | int | None,
    eos_ids: Sequence[int] | int | None,
    name: str,
    config: Any = None,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids before every text (at least one), and those that end a text (may be none).

    Args:
        tokenizer: whose ids they are.
        bos_ids: in place of the default described above.
        eos_ids: in place of the tokenizer's.
        name: of the model, for messages.
        config: what the model itself says, in `bos_token_id` and `eos_token_id`; may be None.

    Raises:
        ModelError: there is nothing to start from.
        EncodingError: an id outside the vocabulary.
    """
    if eos_ids is None:
        ends = _first_ids(tokenizer.eos_ids, getattr(config, "eos_token_id", None))
    else:
        ends = _given("eos_ids", eos_ids)
    starts = _first_ids(
        None if bos_ids is None else _given("bos_ids", bos_ids),
        tokenizer.bos_ids,
        tokenizer.special_tokens.get(DOCUMENT_SEPARATOR),
        getattr(config, "bos_token_id", None),
        ends[:1],
    )
    if not starts:
        raise ModelError(
            f"{name}: neither tokenizer nor configuration names a token to start from; "
            "pass bos_ids=[...] with the id that preceded documents in training"
        )
    for what, ids in (("bos_ids", starts), ("eos_ids", ends)):
        wrong = [i for i in ids if not 0 <= i < tokenizer.vocab_size]
        if wrong:
            raise EncodingError(
                f"{name}: {what} has {wrong[0]}, which is outside the vocabulary; expected 0 to "
                f"{tokenizer.vocab_size - 1}"
            )
    return starts, ends


def _given(name: str, ids: Sequence[int] | int) -> tuple[int, ...]:
    return as_ids((ids,) if isinstance(ids, int) else ids, name, ordered=name == "bos_ids")


def _first_ids(*candidates: Sequence[int] | int | None) -> tuple[int, ...]:
    """The first candidate that names any id."""
    for candidate in candidates:
        ids = (candidate,) if isinstance(candidate, int) else tuple(candidate or ())
        if ids:
            return tuple(int(i) for i in ids)
    return ()


def ending_id(tokenizer: TextTokenizer, eos_id: int | None = None) -> int:
    """The id that ends a text in a model that is trained here.

    Args:
        tokenizer: whose id it is.
        eos_id: in place of the default, the first of its `eos_ids`, or else of its special tokens.

    Raises:
        ArgumentError: there is none.
        EncodingError: it is outside the vocabulary.
    """
    candidates = [*tokenizer.eos_ids, *tokenizer.special_tokens.values()]
    if eos_id is None:
        if not candidates:
            raise ArgumentError(
                f"{tokenizer.name} has no special token to end a text with; pass eos_id"
            )
        eos_id = candidates[0]
    eos_id = check_whole("eos_id", eos_id)
    if not 0 <= eos_id < tokenizer.vocab_size:
        raise EncodingError(
            f"eos_id is {eos_id}, and {tokenizer.name} has the ids 0 to {tokenizer.vocab_size - 1}"
        )
    return eos_id
