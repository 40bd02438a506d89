"""Every pretokenizer that a GGUF file can name compiles, and cuts as the reference engine does."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from tokenizers import Regex, pre_tokenizers

from tokkit.text.formats.gguf.pretokenizers import GGUF_PRETOKENIZERS
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.spec import TokenizerSpec

TEXT = (
    "The DON'T it'S we'll naïve café 1234567 12,345.67 ½²٣٤ x=(a+b)*[c]; // ok!!?\r\n\n  \t"
    " def f():\n    return {'a': 1}   日本語テキスト、한국어 ㄅㄆ 漢字Kanji ქართული ⵣ հայ ÀÉÎõü ﬁ "
    "“quoted” …—\n"
    " हिन्दी ไทย العربية۔ <sentinel:12> IMGIMGABZ 👩‍👩‍👧 e\u0301a\u0323 \u00a0\u3000\u2028end  \n \n"
)
# The patterns of the originals as their files spell them, for names whose table builds them.
ORIGINAL = {
    "bloom": (r" ?[^(\s|[.,!?…。，、।۔،])]+",),
    "kimi-k2": (
        (
            r"[\p{Han}]+"
            r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*"
            r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]+"
            r"[\p{Ll}\p{Lm}\p{Lo}\p{M}&&[^\p{Han}]]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
            r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
        ),
    ),
}


@pytest.mark.parametrize("name", GGUF_PRETOKENIZERS)
def test_named_pretokenizers_cut_as_oniguruma_does(name: str) -> None:
    named = GGUF_PRETOKENIZERS[name]
    tokens = tuple(bytes([b]) for b in range(256))
    kinds = np.zeros(256, dtype=np.uint8)
    cutter = Pretokenizer(TokenizerSpec("test", "bpe", tokens, kinds, splits=named.splits))
    found = cutter.split(np.frombuffer(TEXT.encode(), dtype=np.uint8))
    data, bounds = found.text.tobytes(), found.bounds.tolist()
    patterns = ORIGINAL.get(name, named.patterns)
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    expected = [piece for piece, _ in pre_tokenizers.Sequence(splits).pre_tokenize_str(TEXT)]
    assert [data[a:b].decode() for a, b in itertools.pairwise(bounds) if a < b] == expected


def test_superbpe_groups_digits_from_the_right() -> None:
    patterns = GGUF_PRETOKENIZERS["superbpe"].patterns
    splits = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in patterns]
    pieces = pre_tokenizers.Sequence(splits).pre_tokenize_str("in 1234567 days")
    assert [piece for piece, _ in pieces] == ["in ", "1", "234", "567", " days"]
