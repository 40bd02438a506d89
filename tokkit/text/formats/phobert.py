"""PhoBERT's `bpe.codes` (fastBPE: two halves and a count a line) with `vocab.txt` (token, count).

The codes write the last piece of a word with `</w>`, the vocabulary all others with `@@`. Ids 0 to
3 are control tokens, the vocabulary follows. Merges make pieces on the way that no id stands for:
they are the `unlisted` ones of the spec, and what ends up as one is unknown. Source:
`transformers`, `models/phobert/tokenization_phobert.py`.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.reading import MAX_VOCAB_SIZE, check_token_sizes, decode_utf8
from tokkit.text.formats.hugging_face.special_ids import token_text
from tokkit.text.formats.merge_tables import table_of
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind

_END, _GOES_ON = "</w>", "@@"
_CONTROLS = {"bos_token": "<s>", "pad_token": "<pad>", "eos_token": "</s>", "unk_token": "<unk>"}
_MASK = "<mask>"
# What Python's `re` takes for white space: Unicode's, and four separators of ASCII.
_WORDS = SplitRule(r"[^\s\x1c-\x1f]+\n?", "removed", invert=True, dialect="rust")

_Piece = tuple[str, bool]
"""The text of a piece, and whether it ends a word."""


def read_phobert(
    codes: bytes, vocab: bytes, name: str, config: Mapping[str, object] | None = None
) -> TokenizerSpec:
    """Read both files.

    Args:
        codes: `bpe.codes`.
        vocab: `vocab.txt`.
        name: for messages.
        config: tokenizer_config.json beside them.

    Raises:
        FormatError: damaged: a line of another form, a token twice, too many or too long tokens.
        UnsupportedError: a piece of text that is spelled as a token that goes on (`a@@`).
    """
    config = config or {}
    names = [token_text(config.get(role)) or text for role, text in _CONTROLS.items()]
    specials = {text: i for i, text in enumerate(names)}
    if len(specials) < len(names):
        raise FormatError(f"{name}: tokenizer_config.json names one control token for two roles")
    ids = _read_vocab(vocab, name, specials)
    specials[token_text(config.get("mask_token")) or _MASK] = len(specials) + len(ids)
    size = len(specials) + len(ids)
    merges = _read_codes(codes, name)
    pieces = dict(ids)
    for left, right in merges:
        for piece in (left, right, (left[0] + right[0], right[1])):
            _check_spelling(piece, ids, name)
            pieces.setdefault(piece, size + len(pieces) - len(ids))
    check_token_sizes([len(text.encode()) for text, _ in pieces], name, least=0)
    if len(pieces) > MAX_VOCAB_SIZE:
        raise FormatError(f"{name}: {len(pieces):,} pieces; expected at most {MAX_VOCAB_SIZE:,}")
    spelled = [b""] * (size + len(pieces) - len(ids))
    final = np.zeros(len(spelled), dtype=np.bool_)
    for (text, ends), number in pieces.items():
        spelled[number] = text.encode() + b" " * ends
        final[number] = ends
    kinds = np.full(size, TokenKind.NORMAL, dtype=np.uint8)
    kinds[list(specials.values())] = TokenKind.SPECIAL
    return TokenizerSpec(
        name=name,
        family="word_bpe",
        token_bytes=tuple(spelled[:size]),
        unlisted=tuple(spelled[size:]),
        kinds=kinds,
        special_tokens=specials,
        merges=table_of(
            [pieces[left] for left, _ in merges],
            [pieces[right] for _, right in merges],
            [pieces[left[0] + right[0], right[1]] for left, right in merges],
            np.array(list(merges.values()), dtype=np.int64),
        ),
        char_units=True,
        word_final=final,
        word_space="after",
        splits=(_WORDS,),
        bos_ids=(specials[names[0]],),
        eos_ids=(specials[names[2]],),
        unk_id=specials[names[3]],
    )


def _read_vocab(data: bytes, name: str, specials: Mapping[str, int]) -> dict[_Piece, int]:
    ids: dict[_Piece, int] = {}
    lines = decode_utf8(data, f"{name}: vocab.txt").splitlines()
    for number, line in enumerate(lines, start=1):
        text, _, count = line.strip().rpartition(" ")
        piece = _piece_of(text)
        if not text or not count or text in specials or piece in ids:
            raise FormatError(
                f"{name}: vocab.txt: line {number}: {line[:60]!r}; expected a token and its count, "
                "each token once and no control token"
            )
        ids[piece] = len(specials) + len(ids)
    if not ids:
        raise FormatError(f"{name}: vocab.txt holds no tokens")
    return ids


def _piece_of(token: str) -> _Piece:
    """What a token of the vocabulary stands for."""
    if token.endswith(_GOES_ON) and token != _GOES_ON:
        return token.removesuffix(_GOES_ON), False
    return token, True


def _read_codes(data: bytes, name: str) -> dict[tuple[_Piece, _Piece], int]:
    """Both halves of each merge -> its rank; of two lines for one pair the later counts."""
    merges: dict[tuple[_Piece, _Piece], int] = {}
    lines = decode_utf8(data, name).split("\n")
    for rank, line in enumerate(lines[:-1] if not lines[-1] else lines):
        parts = line.split()
        if len(parts) != 3 or not parts[2].isdecimal():
            raise FormatError(
                f"{name}: line {rank + 1}: {line[:60]!r}; expected two pieces and a count"
            )
        left, right = parts[0], parts[1]
        ends = right.endswith(_END) and right != _END
        if left.endswith(_END) and left != _END:
            continue  # a word goes on behind its end: this never fires
        merges[(left, False), (right.removesuffix(_END) if ends else right, ends)] = rank
    if not merges:
        raise FormatError(f"{name}: no merges; expected lines of two pieces and a count")
    return merges


def _check_spelling(piece: _Piece, ids: Mapping[_Piece, int], name: str) -> None:
    text, ends = piece
    if ends and (text.removesuffix(_GOES_ON), False) in ids and text.endswith(_GOES_ON):
        raise UnsupportedError(
            f"{name}: merges make {text[:40]!r} at the end of a word, which the vocabulary takes "
            "for a piece that goes on"
        )
    if not ends and text.endswith(_END):
        raise UnsupportedError(f"{name}: merges make the mark {_END!r} from the text of a word")
