"""Families of texts that make tokenizers slow, each of any size.

Besides runs of one character, which make long pieces, there are texts made against the
pretokenizer: for every set of characters that its pattern repeats without bound, a run of a
character of that set, before one that ends the run. An engine that backtracks tries such a run
again from each of its characters, or, where repeats are nested, in exponentially many ways.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import CharSet
from tokkit.text.regex.nodes import Chars, Choice, Node, Repeat, Sequence
from tokkit.text.regex.rule_tree import rule_tree
from tokkit.text.spec import TokenizerSpec

_SEED = 11
_SAMPLES = "a A0!'.-_ \n\t/é日"
"""Characters to pump with and to end a run with, the plainest first."""

MAX_PUMPS = 6


@dataclass(frozen=True)
class TextFamily:
    """Texts of one kind.

    Attributes:
        name: what they are, for a reader.
        make: the text of about this many bytes.
        is_space: it is a long run of white space, which is what patterns look ahead in; libraries
            are also given a megabyte of it.
    """

    name: str
    make: Callable[[int], str]
    is_space: bool = False


def text_families(spec: TokenizerSpec) -> list[TextFamily]:
    """The families for a tokenizer: general ones, then those against its pretokenizer."""
    runs = [
        ("one letter", "a", ""),
        ("spaces", " ", ""),
        ("spaces before a letter", " ", "a"),
        ("newlines", "\n", ""),
        ("newlines before a letter", "\n", "a"),
        ("CRLF", "\r\n", ""),
        ("digits", "1", ""),
        ("punctuation", "!", ""),
        ("apostrophes", "'", ""),
        ("letters with combining marks", "e\u0301", ""),
        ("one ideograph", "日", ""),
    ]
    families = [TextFamily(name, _run(pump, end), pump.isspace()) for name, pump, end in runs]
    known = {(pump, end) for _, pump, end in runs}
    families.append(TextFamily("random letters", _random_text("abcdefghijklmnopqrstuvwxyz")))
    families.append(TextFamily("random bytes as Latin-1", _random_text(_LATIN_1)))
    for pump, end in _against_pattern(spec):
        if (pump, end) not in known:
            name = f"against the pattern: {pump!r} repeated, then {end!r}"
            families.append(TextFamily(name, _run(pump, end), pump.isspace()))
    return families


_LATIN_1 = "".join(map(chr, range(256)))


def _run(pump: str, end: str) -> Callable[[int], str]:
    n_bytes = len(pump.encode())
    return lambda size: pump * max(1, size // n_bytes) + end


def _random_text(alphabet: str) -> Callable[[int], str]:
    n_bytes = len(alphabet.encode()) / len(alphabet)

    def make(size: int) -> str:
        return "".join(random.Random(_SEED).choices(alphabet, k=max(1, int(size / n_bytes))))

    return make


def _against_pattern(spec: TokenizerSpec) -> list[tuple[str, str]]:
    """(what to repeat, what to end with), for each set that is repeated without bound."""
    found: dict[tuple[str, str], None] = {}
    for rule in spec.splits:
        try:
            tree = rule_tree(rule)
        except UnsupportedError:
            continue
        for charset in _repeated(tree):
            pump = next((char for char in _SAMPLES if ord(char) in charset), None)
            end = next((char for char in _SAMPLES if ord(char) not in charset), None)
            if pump is not None and end is not None:
                found[pump, end] = None
    return list(found)[:MAX_PUMPS]


def _repeated(node: Node, *, inside: bool = False) -> Iterator[CharSet]:
    """The sets of characters under a repeat without bound; `inside` one, all of them."""
    match node:
        case Chars(charset) if inside:
            yield charset
        case Repeat(part):
            yield from _repeated(part, inside=inside or node.high is None)
        case Sequence(parts) | Choice(parts):
            for part in parts:
                yield from _repeated(part, inside=inside)
        case _:
            return
