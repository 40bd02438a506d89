"""What the tokenizer in the page needs, and sample texts with which it checks itself.

The page encodes what its reader types with its own engine (`scripts/`). Before it shows anything,
it encodes the samples below and compares with the ids that tokkit gave here; if one differs, or if
the tokenizer needs something that the engine does not have, live colouring is off and says why.
"""

from __future__ import annotations

from typing import Any

from tokkit.audit.expressible import ids_or_none
from tokkit.audit.page.normalizer_data import normalizer_steps
from tokkit.audit.page.scanner_data import add_scanners
from tokkit.audit.page.streams import Streams, fnv1a
from tokkit.errors import UnsupportedError
from tokkit.files.shipped import shipped_json
from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.normalizers import SpaceMark, marks_spaces, whole_normalizer
from tokkit.text.spec import AddedToken, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

SAMPLES: tuple[str, ...] = tuple(shipped_json("samples.json", "tokkit.audit.page"))


def add_engine(streams: Streams, tokenizer: TextTokenizer) -> dict[str, Any]:
    """Add the pretokenizer's tables to `streams`.

    Returns:
        The rest, for JSON: steps of the normaliser, literals, checks.

    Raises:
        UnsupportedError: something that the page's engine does not do exactly.
    """
    spec = tokenizer.spec
    added, steps = all_added_tokens(spec), whole_normalizer(spec)
    if any(not token.content for token in added):
        raise UnsupportedError("an added token is the empty text")
    if spec.family == "word_bpe":
        raise UnsupportedError("merges of tokens that tell where in a word they stand")
    if marks_spaces(steps) and any(token.lstrip or token.rstrip for token in added):
        raise UnsupportedError("an added token that strips white space, where spaces are marked")
    if spec.prefix_unit == "first_stretch" and not (steps is None or isinstance(steps, SpaceMark)):
        raise UnsupportedError("whether a stretch begins the text depends on the normaliser")
    if any(token.single_word for token in added):
        raise UnsupportedError("an added token that must be a single word")
    return {
        "normalizer": normalizer_steps(spec.normalizer, streams),
        "renaming": normalizer_steps(spec.renaming, streams),
        "scanners": add_scanners(streams, "split", spec.splits),
        "prefixSpace": spec.prefix_space,
        "prefixUnit": spec.prefix_unit,
        "prefixAlone": spec.prefix_alone,
        "added": [_added_token(token, spec) for token in added],
        "checks": _checks(tokenizer),
    }


def _added_token(token: AddedToken, spec: TokenizerSpec) -> dict[str, Any]:
    flags = ("normalized", "lstrip", "rstrip", "single_word")
    found: dict[str, Any] = {"text": token.content, "id": int(token.id)}
    if spec.kinds[token.id] == TokenKind.SPECIAL:
        found["special"] = True
    return found | {flag: True for flag in flags if getattr(token, flag)}


def _checks(tokenizer: TextTokenizer) -> list[list[Any]]:
    """[text, checksum of its ids], or None where tokkit refuses the text."""
    found = [(text, ids_or_none(tokenizer, text)) for text in SAMPLES]
    return [[text, None if ids is None else fnv1a(ids)] for text, ids in found]
