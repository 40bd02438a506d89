"""What a change of tokenizer makes of the user's own texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from tokkit.audit.comparing.figures import Figure, FileTypeCost, change, file_type_costs
from tokkit.audit.comparing.measuring import count
from tokkit.audit.comparing.texts import Texts
from tokkit.text.tokenizer import TextTokenizer

_MAX_LINES = 2_000
"""Of which it is asked how they are cut."""
_MAX_LINE = 1_000


@dataclass(frozen=True)
class OwnTexts:
    """What the user's texts cost.

    Attributes:
        n_bytes: of them.
        n_left_out: files of folders that are no text.
        before: tokens.
        after: the same with the other tokenizer.
        ratio: `after` over `before`, with its interval over blocks of text.
        file_types: by size, the largest first; figures of the one, then of the other.
    """

    n_bytes: int
    n_left_out: int
    before: int
    after: int
    ratio: Figure
    file_types: tuple[FileTypeCost, ...]


def measure_own(
    tokenizers: tuple[TextTokenizer, TextTokenizer],
    names: tuple[str, str],
    texts: Texts,
    say: Callable[..., None],
) -> tuple[OwnTexts, tuple[str, ...]]:
    """The costs, and lines of the texts, to see how they are cut.

    Args:
        tokenizers: before and after.
        names: of both.
        texts: of one's own.
        say: called with what is being done, how much is done, and how much there is.

    Raises:
        EncodingError: a text that one of the vocabularies cannot express.
    """
    before, after = (
        count(each, name, texts, partial(say, f"encoding your texts with {name}"))
        for each, name in zip(tokenizers, names, strict=True)
    )
    found = OwnTexts(
        n_bytes=texts.n_bytes,
        n_left_out=texts.n_left_out,
        before=int(before.n_tokens.sum()),
        after=int(after.n_tokens.sum()),
        ratio=change(after, before),
        file_types=file_type_costs([before, after], texts),
    )
    return found, _lines(texts)


def _lines(texts: Texts) -> tuple[str, ...]:
    """The first lines, each once, of those that are UTF-8 and not very long."""
    found: dict[str, None] = {}
    for part in texts.parts:
        for line in part.data[: _MAX_LINES * _MAX_LINE].splitlines():
            if len(found) == _MAX_LINES:
                return tuple(found)
            if 0 < len(line) <= _MAX_LINE:
                try:
                    found.setdefault(line.decode())
                except UnicodeDecodeError:
                    continue
    return tuple(found)
