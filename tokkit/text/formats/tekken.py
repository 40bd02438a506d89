"""Mistral's tekken JSON: a tiktoken vocabulary whose ids begin after the control tokens.

Source: `mistral_common/tokens/tokenizers/tekken.py`, which hands the ranks to tiktoken. So a piece
that is a token is looked up first, and only the first `default_vocab_size` ids exist, though files
hold more. Ids below `default_num_special_tokens` are control tokens; those that the file does not
name are called `<SPECIAL_n>`. Models expect `<s>` before a text.
"""

from __future__ import annotations

import binascii

from tokkit.errors import FormatError
from tokkit.files.json_text import want_index, want_int, want_list, want_object, want_str
from tokkit.files.reading import MAX_VOCAB_SIZE
from tokkit.text.formats.hugging_face.special_ids import CONTROL_TOKENS
from tokkit.text.formats.tiktoken import ranked_spec
from tokkit.text.normalizers import MAX_PATTERN_CHARS
from tokkit.text.spec import SplitRule, TokenizerSpec


def read_tekken(document: object, name: str) -> TokenizerSpec:
    """Turn a parsed tekken file into a spec.

    Raises:
        FormatError: damaged or contradictory.
    """
    root = want_object(document, name)
    config = want_object(root.get("config"), f"{name}: config")
    pattern = want_str(config.get("pattern"), f"{name}: config.pattern")
    size = want_int(config.get("default_vocab_size"), f"{name}: config.default_vocab_size")
    n_special = want_int(
        config.get("default_num_special_tokens"), f"{name}: config.default_num_special_tokens"
    )
    if not pattern or len(pattern) > MAX_PATTERN_CHARS:
        raise FormatError(f"{name}: config.pattern has {len(pattern):,} characters")
    if not 0 <= n_special < size <= MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: {n_special} control tokens among {size} ids")
    specials = _control_tokens(root.get("special_tokens"), n_special, name)
    entries = want_list(root.get("vocab"), f"{name}: vocab")
    if len(entries) < size - n_special:
        raise FormatError(
            f"{name}: vocab holds {len(entries):,} tokens, but config needs {size - n_special:,}; "
            "the file may be truncated"
        )
    ranks = _ranks(entries, n_special, size, name)
    bos = specials.get("<s>")
    return ranked_spec(
        ranks,
        specials,
        name=name,
        splits=(SplitRule(pattern, dialect="rust"),),
        bos_ids=() if bos is None else (bos,),
    )


def _ranks(entries: list[object], n_special: int, size: int, name: str) -> dict[bytes, int]:
    ranks: dict[bytes, int] = {}
    for i, entry in enumerate(entries):
        node = want_object(entry, f"{name}: vocab[{i}]")
        rank = want_index(node.get("rank"), f"{name}: vocab[{i}].rank", len(entries))
        if rank >= size - n_special:
            continue
        text = want_str(node.get("token_bytes"), f"{name}: vocab[{i}].token_bytes")
        try:
            token = binascii.a2b_base64(text, strict_mode=True)
        except ValueError as error:
            raise FormatError(f"{name}: vocab[{i}].token_bytes is not base64: {error}") from error
        if token in ranks:
            raise FormatError(f"{name}: vocab[{i}]: the token {token[:40]!r} stands twice")
        ranks[token] = rank + n_special
    if len(set(ranks.values())) != size - n_special:
        raise FormatError(f"{name}: ranks are missing or doubled below {size - n_special:,}")
    return ranks


def _control_tokens(value: object, count: int, name: str) -> dict[str, int]:
    named: dict[int, str] = {}
    if value is None:
        named = dict(enumerate(CONTROL_TOKENS["tekken"][:count]))
    else:
        for i, entry in enumerate(want_list(value, f"{name}: special_tokens")):
            where = f"{name}: special_tokens[{i}]"
            node = want_object(entry, where)
            rank = want_int(node.get("rank"), f"{where}.rank")
            text = want_str(node.get("token_str"), f"{where}.token_str")
            if not 0 <= rank < count or rank in named or not text:
                raise FormatError(
                    f"{where}: {text[:60]!r} at {rank}; expected one text for each of {count} ids"
                )
            named[rank] = text
    texts = {named.get(i, f"<SPECIAL_{i}>"): i for i in range(count)}
    if len(texts) != count:
        raise FormatError(f"{name}: special_tokens: a text stands twice")
    return texts
