"""What precedes a text, and what ends it, for backends that know no more than a tokenizer.

A causal model needs one token before its first prediction. It is a condition, not text. It is the
first of these that there is: ids as given, the tokenizer's BOS, `<|endoftext|>` (with which many
models that have no BOS separate documents in training), the EOS. `TransformersLM` follows the same
rule, and asks the model's configuration, too.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from tokkit.errors import EncodingError, ModelError

if TYPE_CHECKING:
    from tokkit.text.tokenizer import TextTokenizer

_DOCUMENT_SEPARATOR = "<|endoftext|>"


def boundary_ids(
    tokenizer: TextTokenizer,
    *,
    bos_ids: Sequence[int] | None,
    eos_ids: Sequence[int] | None,
    name: str,
) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The ids before every text (at least one), and those that end a text (may be none).

    Args:
        tokenizer: whose ids they are.
        bos_ids: in place of the default described above.
        eos_ids: in place of the tokenizer's.
        name: of the model, for messages.

    Raises:
        ModelError: there is nothing to start from.
        EncodingError: an id outside the vocabulary.
    """
    ends = tuple(tokenizer.eos_ids if eos_ids is None else eos_ids)
    separator = tokenizer.special_tokens.get(_DOCUMENT_SEPARATOR)
    candidates = (bos_ids, tokenizer.bos_ids, () if separator is None else (separator,), ends[:1])
    starts = next((tuple(ids) for ids in candidates if ids), ())
    if not starts:
        raise ModelError(
            f"{name}: the tokenizer names no token to start from; pass bos_ids=[...] with the id "
            "that preceded documents in training"
        )
    for what, ids in (("bos_ids", starts), ("eos_ids", ends)):
        wrong = [i for i in ids if not 0 <= i < tokenizer.vocab_size]
        if wrong:
            raise EncodingError(
                f"{name}: {what} has {wrong[0]}, which is outside the vocabulary; expected 0 to "
                f"{tokenizer.vocab_size - 1}"
            )
    return starts, ends
