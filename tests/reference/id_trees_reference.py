"""The bits that coding ids costs by their binary digits, each by what came to its node before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from math import log2


def ideal_bits(ids: Sequence[int], size: int) -> float:
    """-log2 of the probability that Krichevsky and Trofimov's estimate gives all digits."""
    digits = max(size - 1, 0).bit_length()
    seen: Counter[tuple[str, str]] = Counter()
    bits = 0.0
    for code in ids:
        spelled = f"{code:0{digits}b}" if digits else ""
        for place, digit in enumerate(spelled):
            before = spelled[:place]
            one_is_possible = int((before + "1").ljust(digits, "0"), 2) < size
            if one_is_possible:
                n = seen[before, "0"] + seen[before, "1"]
                bits -= log2(Fraction(2 * seen[before, digit] + 1, 2 * (n + 1)))
                seen[before, digit] += 1
    return bits
