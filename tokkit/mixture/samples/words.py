"""`WordSplitter`: text to words, a word being what the trainer of a tokenizer merged within.

These are the pieces of the tokenizer's own normaliser and pretokenizer, with two provisions:

- A tokenizer that puts a space before a text was trained on lines, each a text of its own, so every
  line gets that space.
- A tokenizer without a pretokenizer gets the cuts of SentencePiece's trainer, which reads line by
  line and lets no piece hold a space after another character, two scripts (punctuation and digits
  are one of their own, "Common"), or, on request, a digit beside anything. Such cuts are made
  where the tokens show that the trainer made them: none but a stray one holds what they cut. Runs
  of spaces stay together if training made one; if merges do cross spaces, lines are words.

A splitter carries the few tokens that cut text before the model sees it, not the vocabulary, so
that it travels well.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import TokkitError
from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.formats.tokkit_file import spec_to_bytes
from tokkit.text.normalizers import whole_normalizer
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

VERSION = b"words 3"
"""Changes when the same splitter would give other words."""

_LINES = SplitRule("\n+", "removed")
_EACH_SPACE = SplitRule(" ", "merged_with_next")
_RUNS = "| +(?![^ ])| +"
_RUNS_OF_SPACES = SplitRule(r" ?[^ ]+" + _RUNS)
_STRAY = 1 / 1000
_FEWEST_GIVEN = 5
"""So many runs of spaces with ids in a row are no chance."""
_HAN = r"\p{Han}\p{Hiragana}\p{Katakana}\u30FC"  # one script to SentencePiece
_SCRIPTS = (
    "Latin", "Cyrillic", "Greek", "Arabic", "Hebrew", "Devanagari", "Bengali", "Gurmukhi",
    "Gujarati", "Oriya", "Tamil", "Telugu", "Kannada", "Malayalam", "Sinhala", "Thai", "Lao",
    "Tibetan", "Myanmar", "Khmer", "Georgian", "Armenian", "Ethiopic", "Hangul", "Mongolian",
)  # fmt: skip


@dataclass(frozen=True)
class WordSplitter:
    """Cuts texts into the words of a tokenizer.

    Attributes:
        spec: the tokenizer, without what does not matter here.
        by_line: whether each line is a text of its own.
        prefix_space: that of the tokenizer.
        key: equal for splitters that do the same, also in another process.
    """

    spec: TokenizerSpec = field(compare=False)
    by_line: bool = field(compare=False)
    prefix_space: str = field(compare=False)
    key: str

    @classmethod
    def of(cls, tokenizer: TextTokenizer) -> WordSplitter:
        """The splitter of a tokenizer."""
        spec = tokenizer.spec
        by_line = not spec.splits or spec.prefix_space != "never"
        # Tokens of the model that are cut out all the same are left to lines of whole texts.
        cut_kinds = (TokenKind.LITERAL,) if by_line else (TokenKind.LITERAL, TokenKind.NORMAL)
        cut = [token for token in all_added_tokens(spec) if spec.kinds[token.id] in cut_kinds]
        reduced = TokenizerSpec(
            name="",
            family="bytes",
            token_bytes=tuple(token.content.encode(errors="surrogateescape") for token in cut),
            kinds=np.full(len(cut), TokenKind.LITERAL, dtype=np.uint8),
            normalizer=spec.normalizer,
            renaming=spec.renaming,
            splits=spec.splits or _trainer_splits(spec),
            added_tokens=tuple(replace(token, id=k) for k, token in enumerate(cut)),
        )
        rules = f"{by_line} {spec.prefix_space}".encode()
        try:
            content = spec_to_bytes(reduced)
        except TokkitError:  # a normaliser of the user's own: equal to nothing but itself
            content = secrets.token_bytes(16)
        key = hashlib.sha256(b"\0".join([VERSION, rules, content])).hexdigest()
        return cls(reduced, by_line, spec.prefix_space, key)

    def words(self, text: bytes) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.int64]]]:
        """The words of a text.

        Yields:
            uint8 (n,), normalised bytes, and int64 (w + 1,), where each word starts.
        """
        tokenizer = _compiled(self)
        if self.by_line:
            text = b"\n".join(self._lines(tokenizer, text))
        for pieces in tokenizer.pieces(text, normalize=not self.by_line):
            yield pieces.text, pieces.bounds

    def _lines(self, tokenizer: TextTokenizer, text: bytes) -> Iterator[bytes]:
        rule = self.prefix_space
        for raw in text.split(b"\n"):
            line = tokenizer.normalize(raw) if whole_normalizer(self.spec) else raw
            if not line or rule == "never" or (rule == "unless_space" and line.startswith(b" ")):
                yield line
            else:
                yield b" " + line


@lru_cache(maxsize=4)
def _compiled(splitter: WordSplitter) -> TextTokenizer:
    """Once in each process."""
    return TextTokenizer(splitter.spec)


def _trainer_splits(spec: TokenizerSpec) -> tuple[SplitRule, ...]:
    """What a tokenizer without a pretokenizer was trained on, as far as its tokens tell."""
    made: list[int] = [] if spec.merges is None else np.unique(spec.merges.result).tolist()
    spelt = [spec.token_bytes[token] for token in made]
    crossing = sum(b" " in token.lstrip(b" ") for token in spelt)
    if crossing > len(spelt) * _STRAY:
        return (_LINES,)
    has_runs = _merges_runs(
        [token for token, text in zip(made, spelt, strict=True) if _is_run(text)]
    )
    lines = [token for token in spelt if b"\n" not in token]
    for digits_apart in (True, False):
        rules = (_LINES, _by_script(has_runs=has_runs, digits_apart=digits_apart))
        if _count_pieces(rules, lines) <= len(lines) * (1 + _STRAY):
            return rules
    return (_LINES, _RUNS_OF_SPACES if has_runs else _EACH_SPACE)


def _is_run(token: bytes) -> bool:
    return token.startswith(b"  ") and not token.strip(b" ")


def _merges_runs(runs: list[int]) -> bool:
    """Whether training made these runs of spaces (ids, ascending).

    It makes other merges in between. A list of symbols that were given to the trainer, which cuts
    them out of the text, has one id after the other (Gemma's 2 to 31 spaces).
    """
    given = len(runs) >= _FEWEST_GIVEN and runs[-1] - runs[0] == len(runs) - 1
    return bool(runs) and not given


def _by_script(*, has_runs: bool, digits_apart: bool) -> SplitRule:
    scripts = [_HAN, *(rf"\p{{{name}}}" for name in _SCRIPTS)]
    digits = "0-9\uff10-\uff19" if digits_apart else ""
    branches = [rf" ?[{script}][{script}\p{{Inherited}}]*" for script in scripts]
    branches.append(rf" ?[^ {digits}{''.join(scripts)}]+")
    if digits_apart:
        branches.append(f"[{digits}]")
    return SplitRule("|".join(branches) + (_RUNS if has_runs else "| "))


def _count_pieces(rules: tuple[SplitRule, ...], lines: list[bytes]) -> int:
    spec = TokenizerSpec("", "bytes", (), np.empty(0, dtype=np.uint8), splits=rules)
    pieces = TextTokenizer(spec).pieces(b"\n".join(lines))
    return sum(len(part.bounds) - 1 for part in pieces)
