"""Whether a fast tokenizer gives the ids of a `TextTokenizer`: asked on trial texts, before use.

The texts hold what tokenizers disagree about (white space, marks, accents in two forms, literal
control tokens and bytes), and strings of the vocabulary's own tokens in random order.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from tokkit.errors import EncodingError, UnsupportedError
from tokkit.text.tokenizer import TextTokenizer

_N_CONTROLS = 64
"""Of a thousand reserved tokens all but these are left untried."""
_N_STRINGS = 48
_TOKENS_A_STRING = 12
_LONGEST_RUN = 70
TEXTS = (
    "",
    " ",
    "a",
    " a",
    "  two  spaces  ",
    "The quick brown fox doesn't jump; it's 1234567890 o'clock, I'll say: IT'S WE'RE!",
    "def f(x):\n    return [y for y in x if y % 2 == 0]\n\n\n\tpass  # 100%\r\n\r\n",
    "the\u2581sea \u2581 shells \u2581\u2581",
    "naïve cafe\u0301 Ångström \ufb01ne \u017fun \u212bK\u212a \uff26\uff35\uff2c",
    "привет, мир! 日本語の海、 한국어 हिन्दी العربية",
    "\U0001f389\U0001f469\u200d\U0001f4bb\u00a0x\u3000y\u2028z\x00\x01\x7f",
    "<0x41><0xE2> <unk> [UNK] <s>x</s>",
    "   \n \t\n\n  x\n ",
    "x" * 200 + " " * 40 + "12 345 6789.5e-3 A1b2 _a_ --- ...",
)


def check_same_ids(fast: Any, tokenizer: TextTokenizer) -> None:
    """Refuse a fast tokenizer that gives other ids on any trial text.

    Args:
        fast: a fast tokenizer of transformers.
        tokenizer: what it stands for.

    Raises:
        UnsupportedError: it gives other ids, or has more or fewer.
    """
    if len(fast) != tokenizer.vocab_size:
        raise UnsupportedError(
            f"{tokenizer.name}: the fast tokenizer has {len(fast):,} ids and the tokenizer "
            f"{tokenizer.vocab_size:,}; pass a tokenizer whose ids its library places where it "
            "declares them"
        )
    found = difference(fast, tokenizer, trial_texts(tokenizer), specials=True)
    if found:
        raise UnsupportedError(
            f"{tokenizer.name}: the tokenizers library gives other ids than tokkit on {found}; no "
            "fast tokenizer can be made of it"
        )


def difference(
    fast: Any, tokenizer: TextTokenizer, texts: Iterable[str], *, specials: bool
) -> str | None:
    """The first text on which two tokenizers differ, and how; None if there is none.

    Args:
        fast: a fast tokenizer of transformers.
        tokenizer: what it is compared with.
        texts: to encode; those that the tokenizer cannot express are left out.
        specials: whether text that spells a control token is that token.
    """
    for text in texts:
        expected = ids_of(tokenizer, text, specials=specials)
        if expected is None:
            continue
        try:
            got = fast_ids(fast, text, specials=specials)
        except Exception as error:  # the library has no error type of its own
            return f"{text[:60]!r}, where it fails: {error}"
        if got != expected:
            return f"{text[:60]!r}: {_around(got, expected)}"
    return None


def trial_texts(tokenizer: TextTokenizer) -> Iterator[str]:
    """Texts to compare two tokenizers on; always the same for one tokenizer."""
    yield from TEXTS
    for char in (" ", "\n", "-"):
        runs = [char * n for n in range(1, _LONGEST_RUN)]
        yield "x".join(runs)
        yield from runs[::7]
    controls = list(tokenizer.special_tokens)
    step = max(1, len(controls) // _N_CONTROLS)
    for text in controls[::step]:
        yield text
        yield f"a {text} b{text}c  {text}\n"
    rng = np.random.default_rng(0)
    spellings = [data for data in tokenizer.spec.token_bytes if data]
    for _ in range(_N_STRINGS if spellings else 0):
        drawn = rng.integers(len(spellings), size=_TOKENS_A_STRING)
        yield b"".join(spellings[k] for k in drawn.tolist()).decode(errors="ignore")


def ids_of(tokenizer: TextTokenizer, text: str, *, specials: bool) -> list[int] | None:
    """The tokenizer's ids; None for a text that it cannot express."""
    use = tokenizer.spec.unk_id is not None
    try:
        return tokenizer.encode(text, specials=specials, unk="use" if use else "raise")
    except EncodingError:
        return None


def fast_ids(fast: Any, text: str, *, specials: bool) -> list[int]:
    """The fast tokenizer's ids, without those that it puts around a text."""
    return fast(
        text, add_special_tokens=False, split_special_tokens=not specials, truncation=False,
        padding=False, return_attention_mask=False, return_token_type_ids=False, verbose=False,
    )["input_ids"]  # fmt: skip


def _around(got: Sequence[int], expected: Sequence[int]) -> str:
    same = next(
        (k for k, pair in enumerate(zip(got, expected, strict=False)) if pair[0] != pair[1]),
        min(len(got), len(expected)),
    )
    ends = (ids[max(0, same - 1) : same + 4] for ids in (got, expected))
    return " where tokkit gives ".join(map(str, map(list, ends)))
