"""Where does the splitter of words differ from the published one, and why?

Both split the sample corpus, and random strings of hard characters, one of every class. Every end
of a word that only one of them has is explained by the rules: what the next character would do if
all of it were known (`goes_on`), and what its first byte did. One without an explanation fails.

    python -m benchmarks.splitting.agreement [--peer FOLDER] [--corpus FOLDER] [--write-docs]
"""

from __future__ import annotations

import argparse
import random
from bisect import bisect_left
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import replace_block
from benchmarks.shared.sample_texts import CORPUS
from benchmarks.splitting.peer import Split, add_option, ends_of, published_split
from tokkit.text.words import split_words
from tokkit.text.words.rules import advance, begin, goes_on
from tokkit.text.words.word_break import IGNORED, CharacterClass, characters

PAGE = ROOT / "docs" / "words.md"
ROWS = {
    "English": ("lo/en",),
    "German": ("lo/de",),
    "French": ("lo/fr",),
    "Russian": ("lo/ru",),
    "Arabic": ("mw/ar",),
    "Hindi": ("lo/hi",),
    "Korean": ("lo/ko",),
    "Chinese": ("lo/zh_CN",),
    "Japanese": ("lo/ja",),
    "Khmer": ("lo/km",),
    "Thai": ("mw/th",),
    "code, 20 languages": ("code/*",),
    "all": ("*/*",),
}
REASONS = (
    "inside a word or number",
    "marks and joiners",
    "in doubt, goes on",
    "in doubt, begins",
)
N_STRINGS = 200_000
_MORE = "ab1 '._\"AB\n\r\t,;:-⁄カあ食กิक्é×ÉЖжאبا،«»”’。」\u200b\u202f\xa0\u3000🇩👍🏽\u200d\ufe0f❤|>°"


def reason(word: str, rest: str, *, ours: bool) -> str:
    """Why only one has an end between a word of ours and the characters after it."""
    classes = [_class_of(char) for char in word + rest]
    state = begin(classes[0])
    for each in classes[1 : len(word)]:
        state = advance(state, each) if goes_on(state, each) else begin(each)
    char = classes[len(word)]
    slash = char.word_break == "MidNum" and not char.punctuation
    if not ours and goes_on(state, char) and (slash or char.word_break in state.then):
        return "inside a word or number"
    if goes_on(state, char) == ours:
        return "in doubt, begins" if ours else "in doubt, goes on"
    near = {each.word_break for each in classes[max(0, len(word) - 3) : len(word) + 2]}
    return "marks and joiners" if near & {*IGNORED, "ExtendNumLet"} else "?"


def _class_of(char: str) -> CharacterClass:
    known = characters()
    return known.classes[int(known.members[ord(char)])]


@dataclass
class Tally:
    """Ends of words of two splitters.

    Attributes:
        n_theirs: of the peer.
        n_lost: of these, those that are none of ours.
        reasons: of every end that only one of them has.
        examples: the shortest one for each reason: the word so far, `|`, the next character.
    """

    n_theirs: int = 0
    n_lost: int = 0
    reasons: Counter[str] = field(default_factory=Counter[str])
    examples: dict[str, str] = field(default_factory=dict[str, str])

    def add(self, text: str, split: Split) -> None:
        """Split a text with both."""
        data = text.encode()
        ours, theirs = split_words(data), ends_of(split(text))
        if theirs[-1] != len(data):
            raise SystemExit("the peer lost a part of the text")
        self.n_theirs += len(theirs)
        for end in sorted({*map(int, ours)} ^ {*map(int, theirs)}):
            before = bisect_left(ours, end)
            start = int(ours[before - 1]) if before else 0
            word, rest = data[start:end].decode(), data[end : end + 8].decode(errors="ignore")[:2]
            is_ours = int(ours[before]) == end
            why = reason(word, rest, ours=is_ours)
            self.n_lost += not is_ours
            self.reasons[why] += 1
            example = f"{word}|{rest[0]}"
            self.examples[why] = min(self.examples.get(why, example), example, key=len)

    def row(self, name: str) -> str:
        """A row of the table."""
        if unexplained := set(self.reasons) - set(REASONS):
            raise SystemExit(f"no reason: {[ascii(self.examples[why]) for why in unexplained]}")
        cells = [
            f"{100 * (1 - self.n_lost / self.n_theirs):.2f}",
            *(f"{self.reasons[why]:,}" for why in REASONS),
        ]
        return f"| {name} | {self.n_theirs:,} | {' | '.join(cells)} |"


def in_corpus(corpus: Path, patterns: tuple[str, ...], split: Split) -> Tally:
    """Of some files."""
    tally = Tally()
    for path in sorted(file for pattern in patterns for file in corpus.glob(f"{pattern}.txt")):
        tally.add(path.read_bytes().decode(errors="replace"), split)
    return tally


def in_random_strings(split: Split, n_strings: int) -> Tally:
    """Of strings of characters of all classes, and of hard ones."""
    known = characters()
    one_each = [
        chr(int(np.flatnonzero(known.assigned & (known.members == index))[0]))
        for index in range(len(known.classes) - 1)
    ]
    pool = [*one_each, *one_each, *_MORE]
    generator = random.Random(0)
    tally = Tally()
    for _ in range(n_strings):
        tally.add("".join(generator.choices(pool, k=generator.randint(1, 12))), split)
    return tally


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--corpus", type=Path, default=CORPUS, help="folder of texts")
    parser.add_argument("--write-docs", action="store_true")
    add_option(parser)
    options = parser.parse_args()
    split = published_split(options.peer)
    if split is None:
        return
    header = run_description("hat-splitter")
    lines = [f"| text | its words | % the same | {' | '.join(REASONS)} |", "|---" * 7 + "|"]
    for name, patterns in ROWS.items():
        tally = in_corpus(options.corpus, patterns, split)
        if tally.n_theirs:
            lines.append(tally.row(name))
    tally = in_random_strings(split, N_STRINGS)
    print({why: ascii(example) for why, example in tally.examples.items()})
    lines.append(tally.row(f"{N_STRINGS:,} random strings"))
    text = f"```text\n{header}\n```\n\n" + "\n".join(lines)
    print(text)
    if options.write_docs:
        replace_block(PAGE, "agreement", text)


if __name__ == "__main__":
    main()
