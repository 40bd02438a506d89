"""Texts that find differences between tokenizers: a sample of everything that rules look at."""

from __future__ import annotations

import random
from pathlib import Path

ROOT = Path(__file__).parents[2]
MULTILINGUAL = ROOT / "tests" / "assets" / "multilingual.txt"

# Blocks with unassigned code points in them, those of the newest Unicode versions included.
BLOCKS = (
    (0x00, 0x7F), (0x20, 0x7E), (0x80, 0x17F), (0x180, 0x36F), (0x370, 0x52F), (0x530, 0x5FF),
    (0x600, 0x8FF), (0x900, 0xDFF), (0xE00, 0x109F), (0x10A0, 0x13FF), (0x1400, 0x1C8F),
    (0x1C90, 0x1FFF), (0x2000, 0x20CF), (0x20D0, 0x24FF), (0x2500, 0x2BFF), (0x2C00, 0x2FFF),
    (0x3000, 0x33FF), (0x3400, 0x4DFF), (0x4E00, 0x9FFF), (0xA000, 0xABFF), (0xAC00, 0xD7FF),
    (0xE000, 0xE0FF), (0xF900, 0xFDFF), (0xFE00, 0xFFFF), (0x10000, 0x104FF), (0x10500, 0x10FFF),
    (0x11000, 0x11FFF), (0x12000, 0x143FF), (0x16100, 0x16FFF), (0x1B000, 0x1BCFF),
    (0x1CC00, 0x1D7FF), (0x1DF00, 0x1EFFF), (0x1F000, 0x1FBFF), (0x20000, 0x3347F),
    (0xE0000, 0xE01FF), (0x10FF00, 0x10FFFF),
)  # fmt: skip
SPACES = (" ", "  ", "\n", "\n\n", "\r\n", "\t", "\r", "\v", "\f", "\x1c", "\x85", "\xa0",
          "\u1680", "\u2003", "\u2028", "\u2029", "\u202f", "\u3000", "\u200b", "\ufeff",
          "\u180e", "\u2581")  # fmt: skip
SUFFIXES = ("s", "t", "re", "ve", "m", "ll", "d", "\u017f", "\u212a", "S", "LL", "Re", "vE", "x")
DIGITS = "0123456789٠٣٩۴१৭௫๒０９𝟘𝟡²½Ⅷ㊿𐄇"
LITERALS = ("<tab", "<table>", "<|endoftext|>", "<|im_start|", "<s>", "</s>", "<unk>", "[INST]",
            "<0x0A>", "<unused12>", "<start_of_turn>", "<think>", "</think", "<h1>", "▁▁", "[UNK]",
            "<｜begin▁of▁sentence｜>", "<bos>", "</b></strong", "<pad>", "##a", "Ġa")  # fmt: skip


def code_texts() -> list[str]:
    """This repository's own Python files, a text each."""
    folders = ("tokkit", "tests", "scripts", "benchmarks")
    paths = sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    return [path.read_text(encoding="utf-8") for path in paths if "models" not in path.parts]


def multilingual_texts() -> list[str]:
    """The asset as a whole, by line, and with other whitespace."""
    text = MULTILINGUAL.read_text(encoding="utf-8")
    variants = [text, text.replace("\n", "\r\n"), text.replace(" ", "\t"), text.replace(" ", "  ")]
    return [*variants, *text.splitlines(), "", " ", "\n", text.replace("\n", " \n\n")]


def fuzz_texts(count: int, seed: int) -> list[str]:
    """`count` random texts, the same ones for the same seed."""
    rng = random.Random(seed)
    words = MULTILINGUAL.read_text(encoding="utf-8").split()
    return ["".join(_part(rng, words) for _ in range(rng.randint(1, 9))) for _ in range(count)]


def _part(rng: random.Random, words: list[str]) -> str:
    kind = rng.randrange(9)
    if kind <= 1:
        low, high = rng.choice(BLOCKS)
        return "".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 6)))
    if kind == 2:
        return "".join(rng.choice(SPACES) for _ in range(rng.randint(1, 4)))
    if kind == 3:
        return rng.choice("\n  \t\r") * rng.choice((1, 2, 3, 4, 7, 16, 33))
    if kind == 4:
        return rng.choice(("", "I", "Δ", " ")) + rng.choice("''’") + rng.choice(SUFFIXES)
    if kind == 5:
        return "".join(rng.choice(DIGITS) for _ in range(rng.randint(1, 8)))
    if kind == 6:
        return rng.choice(LITERALS)
    return rng.choice(("", " ")) + " ".join(rng.choices(words, k=rng.randint(1, 3)))


def random_bytes(count: int, seed: int) -> list[bytes]:
    """Byte strings, mostly no UTF-8: noise, and texts with bytes removed or changed."""
    rng = random.Random(seed)
    found: list[bytes] = []
    for text in fuzz_texts(count, seed):
        data = bytearray(text.encode())
        for _ in range(rng.randint(0, 3) if data else 0):
            at = rng.randrange(len(data) + 1)
            data[at : at + rng.randint(0, 2)] = rng.randbytes(rng.randint(0, 2))
        found.append(bytes(data))
        found.append(rng.randbytes(rng.randint(0, 12)))
    return found
