"""Requests cut to what their models read: `fitted`."""

from __future__ import annotations

from dataclasses import replace

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.errors import ArgumentError
from tokkit.serve.generation.generation import Generation
from tokkit.serve.refusals import RefusalError, unsupported
from tokkit.serve.served import Served

_MARKERS = 64
"""Tokens that a FIM prompt has beside its parts, and what a model spells anew at its end."""
_LONGEST_TOKEN = 16
"""Bytes of the tokens of a text, on average, at most: what is much too long is not encoded."""


def fitted(asked: Generation) -> Generation:
    """A request, so that it fits into its model's context.

    The context of a gap is cut at its far ends; a plain prompt is refused where it is too long.

    Raises:
        RefusalError: a prompt that is too long, or a gap that the model does not fill.
    """
    if asked.suffix is not None:
        return _fitted_gap(asked)
    limit, served = asked.served.n_context, asked.served
    context = len(asked.surroundings.context)
    n_read = context + served.most(asked.prompt[: limit * _LONGEST_TOKEN * 8])
    if n_read >= limit:
        raise RefusalError(
            400,
            f"the prompt has {n_read:,} tokens or more, and {served.name} reads {limit:,} "
            "with what it writes; send less",
            param="prompt",
            code="context_length_exceeded",
        )
    n_prompt = context + served.count(asked.prompt)
    return replace(asked, n_prompt=n_prompt, max_tokens=min(asked.max_tokens, limit - n_read))


def _fitted_gap(asked: Generation) -> Generation:
    assert asked.suffix is not None
    if asked.by_format:
        try:
            asked.served.fim_format()
        except ArgumentError as error:
            raise RefusalError(400, str(error), param="suffix", code="no_fim_format") from None
    elif not asked.served.fills:
        return _fitted_posterior(asked)
    files = asked.surroundings.files
    others = 0
    if files is not None:
        texts = [text for pair in files.files.items() for text in pair]
        others = sum(asked.served.count(t.encode() if isinstance(t, str) else t) for t in texts)
    begins = asked.surroundings.begins
    others += _MARKERS + asked.served.count(begins)
    # What is written may be half of what there is room for, so that the context is not lost.
    max_tokens = min(asked.max_tokens, asked.served.n_context // 2)
    room = asked.served.n_context - max_tokens - others
    if room < _MARKERS:
        raise RefusalError(
            400,
            f"the other files and the beginning of the middle leave no room in the "
            f"{asked.served.n_context:,} tokens that {asked.served.name} reads; send less",
            code="context_length_exceeded",
        )
    suffix, n_suffix = _first_tokens(asked.served, asked.suffix, max(room // 4, 1))
    prefix, n_prefix = _last_tokens(asked.served, asked.prompt, room - n_suffix)
    if n_suffix >= room // 4 and n_prefix < room - n_suffix:
        suffix, n_suffix = _first_tokens(asked.served, asked.suffix, room - n_prefix)
    cut = len(prefix) < len(asked.prompt) or len(suffix) < len(asked.suffix)
    return replace(
        asked,
        prompt=prefix,
        suffix=suffix,
        max_tokens=max_tokens,
        n_prompt=n_prefix + n_suffix + others - _MARKERS,
        is_truncated=cut,
    )


def _fitted_posterior(asked: Generation) -> Generation:
    """The same for a model without a format: what is written in the gap belongs to the prefix.

    Raises:
        RefusalError: what has no meaning for middles that are searched for.
    """
    if asked.surroundings.heal == "none":
        raise RefusalError(400, "heal: false needs a model with a FIM format", param="heal")
    neutral = {"top_k": None, "top_p": 1.0, "min_p": 0.0}
    for name, value in neutral.items():
        if asked.sampling.get(name, value) != value:
            raise unsupported(name, "a middle is drawn as a whole, by temperature alone")
    limit = asked.served.n_context
    max_tokens = min(asked.max_tokens, limit // 4)
    prompt = asked.prompt + asked.surroundings.begins
    prefix, _ = _last_tokens(asked.served, prompt, limit // 2)
    suffix, _ = _first_tokens(asked.served, asked.suffix or b"", limit // 8)
    return replace(
        asked,
        prompt=prefix,
        suffix=suffix,
        max_tokens=max_tokens,
        surroundings=Surroundings(),
        n_prompt=asked.served.count(prefix) + asked.served.count(suffix),
        is_truncated=len(prefix) < len(prompt) or len(suffix) < len(asked.suffix or b""),
    )


def _first_tokens(served: Served, text: bytes, n: int) -> tuple[bytes, int]:
    """At most so many tokens at the beginning of a text, in whole characters, and their number."""
    cut = _whole(text[: n * _LONGEST_TOKEN])
    ends = served.ends_of_most(cut)
    if len(ends) > n:
        cut = _whole(cut[: ends[n - 1]])
        return cut, n
    return cut, len(ends)


def _last_tokens(served: Served, text: bytes, n: int) -> tuple[bytes, int]:
    """At most so many tokens at the end of a text, in whole characters, and their number."""
    cut = text[max(0, len(text) - n * _LONGEST_TOKEN) :]
    ends = served.ends_of_most(cut)
    if len(ends) > n:
        cut = cut[ends[len(ends) - n - 1] :]
    if len(cut) < len(text):
        cut = cut[next((k for k, b in enumerate(cut[:4]) if not 0x80 <= b < 0xC0), 0) :]
    return cut, min(n, len(ends))


def _whole(text: bytes) -> bytes:
    """Without the beginning of a character at the end."""
    return text.decode(errors="ignore").encode() if text[-1:] >= b"\x80" else text
