"""Texts cut at random bytes inside their lines: a prompt, and what should follow.

A cut is a uniformly random byte position among those that have something to complete: something
other than white space stands before it in its line and after it, and the rest of the line is not
too long. A gap begins at such a cut and ends with the line, or at a random byte before that.
"""

from __future__ import annotations

import random
import re
from dataclasses import dataclass

FOLLOWING_BYTES = 150
_NEXT_WORD = re.compile(rb"\s*\S+.", re.DOTALL)


@dataclass(frozen=True)
class LineCut:
    """A text that is cut inside a line.

    Attributes:
        prompt: what is given; begins at the start of a line where lines are not too long for that.
        rest: what completes the line, without the newline.
        following: what comes after that newline, to know how the whole would be tokenized.
    """

    prompt: bytes
    rest: bytes
    following: bytes

    @property
    def wanted(self) -> bytes:
        """The rest of the line and its newline."""
        return self.rest + b"\n"

    @property
    def word_size(self) -> int:
        """Bytes up to the next white space that ends a word, it included."""
        match = _NEXT_WORD.match(self.wanted)
        assert match is not None
        return match.end()


def line_cuts(
    texts: list[bytes], *, n: int, context_bytes: int, max_rest: int, seed: int = 0
) -> list[LineCut]:
    """`n` cuts, no two of them in one line; fewer, if the texts are too short.

    Args:
        texts: UTF-8; longer ones are cut more often.
        n: how many.
        context_bytes: at most so many bytes in a prompt.
        max_rest: at most so many bytes in a rest.
        seed: of the choice.
    """
    rng = random.Random(seed)
    sizes = [len(text) for text in texts]
    cuts: dict[tuple[int, int], LineCut] = {}
    for _ in range(100 * n):
        index = rng.choices(range(len(texts)), weights=sizes)[0]
        position = rng.randrange(sizes[index])
        begin = texts[index].rfind(b"\n", 0, position) + 1
        cut = cut_line(texts[index], position, context_bytes)
        if cut is None or len(cut.rest) > max_rest or (index, begin) in cuts:
            continue
        cuts[index, begin] = cut
        if len(cuts) == n:
            break
    return list(cuts.values())


def cut_line(text: bytes, position: int, context_bytes: int) -> LineCut | None:
    """The cut at `position`; None if nothing stands before or after it in its line.

    The prompt never begins inside a character, though it may end inside one.
    """
    begin = text.rfind(b"\n", 0, position) + 1
    end = text.find(b"\n", position)
    if end < 0 or not text[begin:position].strip() or not text[position:end].strip():
        return None
    start = max(0, position - context_bytes)
    if start:
        newline = text.find(b"\n", start, begin)
        start = newline + 1 if newline >= 0 else start
        while text[start] & 0xC0 == 0x80:
            start += 1
    return LineCut(
        text[start:position], text[position:end], text[end + 1 : end + 1 + FOLLOWING_BYTES]
    )


@dataclass(frozen=True)
class Gap:
    """A text with a gap inside a line.

    Attributes:
        kind: "to the end of the line" or "inside the line".
        prefix: before the gap.
        middle: what is missing.
        suffix: after it.
    """

    kind: str
    prefix: bytes
    middle: bytes
    suffix: bytes


def line_gaps(
    texts: list[bytes], *, n: int, prefix_bytes: int, max_middle: int, seed: int = 0
) -> list[Gap]:
    """`n` gaps, of the two kinds in turns; fewer, if the texts are too short.

    Args:
        texts: see `line_cuts`.
        n: how many.
        prefix_bytes: at most so many bytes in a prefix.
        max_middle: at most so many bytes from the beginning of a gap to the end of its line.
        seed: of the choice.
    """
    rng = random.Random(seed)
    cuts = line_cuts(texts, n=n, context_bytes=prefix_bytes, max_rest=max_middle, seed=seed)
    gaps: list[Gap] = []
    for index, cut in enumerate(cuts):
        size = len(cut.rest)
        kind = "to the end of the line"
        if index % 2 and size > 1:
            kind, size = "inside the line", rng.randrange(1, size)
        suffix = (cut.rest[size:] + b"\n" + cut.following)[:FOLLOWING_BYTES]
        gaps.append(Gap(kind, cut.prompt, cut.rest[:size], suffix))
    return gaps


def common_prefix(a: bytes, b: bytes) -> int:
    """Length of the longest common beginning."""
    size = min(len(a), len(b))
    return next((k for k in range(size) if a[k] != b[k]), size)
