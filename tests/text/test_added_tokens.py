"""Added tokens are cut out as `tokenizers` cuts them out, stretch by stretch."""

from __future__ import annotations

from typing import Any

import pytest

from tests.text.tokenizer_json import (
    BYTE_LEVEL,
    BYTES,
    CHARS,
    MARK_SPACES,
    PREPEND,
    added,
    document,
    metaspace,
    ours,
    reference_ids,
)

LLAMA = (PREPEND, MARK_SPACES)
STRIP = {"type": "Strip", "strip_left": True, "strip_right": True}
LOWER = {"type": "Lowercase"}
SPLIT_SPACE = {"type": "WhitespaceSplit"}
NEW = added("<t>", 260)
NFKC_LATE = (*LLAMA, {"type": "NFKC"})


def over_bytes(*tokens: Any, normalizers: tuple[Any, ...] = ()) -> dict[str, Any]:
    return document(BYTES, *tokens, normalizers=normalizers, pretokenizers=(BYTE_LEVEL,))


def over_chars(*tokens: Any, pre: tuple[Any, ...], normalizers: Any = ()) -> dict[str, Any]:
    return document(CHARS, *tokens, normalizers=normalizers, pretokenizers=pre)


PLAIN = [
    (over_chars(NEW, pre=(), normalizers=LLAMA), "a<t>b", [259, 257, 260, 259, 258]),
    (over_chars(NEW, pre=(), normalizers=LLAMA), "<t>b", [260, 259, 258]),
    (over_chars(NEW, pre=(), normalizers=LLAMA), "a<t> b", [259, 257, 260, 259, 259, 258]),
    (over_chars(NEW, pre=(), normalizers=LLAMA), " <t> ", [259, 259, 260, 259, 259]),
    (
        over_chars(added("ab", 260, "normalized"), pre=(), normalizers=LLAMA),
        "bab",
        [259, 258, 257, 258],
    ),
    (
        over_chars(added("ab", 260, "normalized"), pre=(), normalizers=LLAMA),
        "abb",
        [260, 258],
    ),
    (
        over_chars(added("b", 258, "normalized"), NEW, pre=(metaspace("always"),)),
        "aba<t>a",
        [259, 257, 258, 259, 257, 260, 259, 257],
    ),
    (
        over_chars(
            added("b", 258, "normalized"), NEW, pre=(metaspace("always"),), normalizers=LLAMA
        ),
        "aba<t>a",
        None,
    ),
    (over_bytes(added("<t>", 256), normalizers=({"type": "NFC"},)), "<t>\u0338", [256, 136, 116]),
    (over_bytes(added("<t>", 256), normalizers=(STRIP,)), "a <t> b", [64, 256, 65]),
    (over_bytes(added("ab", 256), added("xa", 257, "normalized")), "xab", [87, 256]),
    (over_bytes(added("<a", 256), added("a>", 257, "special")), "<a>", [256, 29]),
    (over_bytes(added("AB", 256, "normalized"), normalizers=(LOWER,)), "xaBAb", [87, 256, 256]),
    (over_bytes(added("<m>", 256, "lstrip")), "a \u3000<m> b", [64, 256, 220, 65]),
    (over_bytes(added("<m>", 256, "rstrip")), "a <m> \t\u2003b", [64, 220, 256, 65]),
    (over_bytes(added("ab", 256, "single_word")), "ab xab ab- éab ab", None),
    (over_bytes(added("ab", 256, "single_word"), added("b\u200d", 257)), "ab\u200d ab", None),
    (over_bytes(added("<m>", 256, "rstrip"), added("\n", 257)), "<m> \n\na", None),
    (over_bytes(added("<m>", 256, "lstrip"), added("\n", 257)), "a\n <m>a", None),
    (over_chars(pre=(SPLIT_SPACE, metaspace("never"))), "a▁b", [257, 259, 258]),
    (over_chars(pre=(SPLIT_SPACE, metaspace("never"))), "a b", [257, 258]),
    (over_chars(pre=(SPLIT_SPACE, metaspace("always"))), "a ▁▁b▁ a", None),
    (over_chars(pre=(), normalizers=NFKC_LATE), "a\u3000b ▁", None),
    (
        over_chars(
            pre=(),
            normalizers=(*LLAMA, {"type": "Replace", "pattern": {"String": "x"}, "content": ""}),
        ),
        "x",
        [259],
    ),
]
ON_REQUEST = [
    (
        over_chars(added("<s>", 260, "special"), pre=(metaspace("first"),)),
        "<s>a",
        [260, 257],
    ),
    (over_chars(added("<s>", 260, "special"), pre=(metaspace("first"),)), "a<s>a", None),
    (over_chars(added("<s>", 260, "special"), pre=(metaspace("always"),)), "<s>a", None),
    (over_bytes(added("<m>", 256, "special", "lstrip")), "a <m>", [64, 256]),
    (over_bytes(added("<m>", 256, "special", "rstrip")), "<m> \na", None),
    (over_bytes(added("<M>", 256, "special", "normalized"), normalizers=(LOWER,)), "a<m>", None),
]


@pytest.mark.parametrize(("root", "text", "ids"), PLAIN, ids=[repr(text) for _, text, _ in PLAIN])
def test_text_is_cut_as_the_reference_cuts_it(root: Any, text: str, ids: list[int] | None) -> None:
    expected = reference_ids(root, text)
    assert ids is None or ids == expected
    assert ours(root).encode(text) == expected
    assert ours(root).count(text) == len(expected)


@pytest.mark.parametrize(
    ("root", "text", "ids"), ON_REQUEST, ids=[repr(text) for _, text, _ in ON_REQUEST]
)
def test_control_tokens_are_cut_out_on_request(root: Any, text: str, ids: list[int] | None) -> None:
    expected = reference_ids(root, text, specials=True)
    assert ids is None or ids == expected
    assert ours(root).encode(text, specials=True) == expected
    assert ours(root).encode(text) == reference_ids(root, text)
