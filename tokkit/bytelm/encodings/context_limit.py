"""The longest context of a model, and texts that exceed it, refused before any work on them."""

from __future__ import annotations

from tokkit.bytelm.byte_state import ByteState
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import TokenLM
from tokkit.bytelm.windows import LEAST_WINDOW
from tokkit.errors import EncodingError, ModelError
from tokkit.report.wording import plural


def context_limit(token_lm: TokenLM) -> int | None:
    """The longest context in tokens, BOS not counted; None where a model sets no limit."""
    return getattr(token_lm, "max_context", None)


def refuse_too_long(vocabulary: ByteVocabulary, state: ByteState, data: bytes) -> None:
    """Refuse bytes that a model cannot read in one context, before they are pushed to a state.

    Only many at a time: where a text grows byte by byte, the model itself says when it is too long.

    Raises:
        ModelError: the text has more tokens than the model reads.
    """
    limit = context_limit(vocabulary.token_lm)
    if limit is None or len(data) <= limit:
        return
    n_tokens = -(-len(data) // vocabulary.longest_token)
    if n_tokens > limit:  # so long that counting itself would take its time
        raise too_long(vocabulary.token_lm, n_tokens, "at least ")
    before = state.prefix_bytes
    if before is None:
        return
    try:
        n_tokens = vocabulary.token_lm.tokenizer.count(before + data, normalize=False)
    except EncodingError:
        return
    if n_tokens > limit:
        raise too_long(vocabulary.token_lm, n_tokens)


def too_long(token_lm: TokenLM, n_tokens: int, about: str = "") -> ModelError:
    """The error of a text with so many tokens."""
    limit = context_limit(token_lm)
    name = getattr(token_lm, "name", None) or token_lm.tokenizer.name
    advice = f"shorten it, or score it in windows (window={limit} bytes or more; --window)"
    if limit is not None and limit < LEAST_WINDOW:
        advice = "use another model"
    return ModelError(
        f"{name}: the text has {about}{plural(n_tokens, 'token')}, more than the {limit:,} that "
        f"the model reads; {advice}"
    )
