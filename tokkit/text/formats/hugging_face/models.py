"""The `model` of a Hugging Face tokenizer.json: vocabulary, merges, scores.

WordPiece in byte space: a token that starts a word holds the space before it (`b" word"`), a token
written with `##` holds just its characters. So concatenating tokens gives words with spaces.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, NoReturn, cast

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import (
    want_bool,
    want_index,
    want_int,
    want_list,
    want_number,
    want_object,
    want_str,
)
from tokkit.files.reading import MAX_TOKEN_BYTES
from tokkit.text.formats.merge_tables import drop_idle_merges, listed_merges
from tokkit.text.spec import Family, MergeTable, TokenKind, WordSpace

UNK_PENALTY = 10.0
"""How far below the worst piece an unknown character scores (`kUnkPenalty` of SentencePiece)."""


@dataclass
class HfModel:
    """A model, its tokens still spelled as in the file.

    Attributes:
        family: which algorithm.
        ids: spelling -> id.
        unk_id: id of the unknown token, if there is one.
        fuse_unk: whether unknown characters side by side are one token.
        byte_ids: byte -> id of its `<0xXX>` token, if the model falls back to bytes and has it.
        merges: BPE; pairs of spellings.
        ignore_merges: BPE.
        scores: Unigram; id -> log-probability.
        prefix: WordPiece and BPE; what continuing tokens start with; "" if there are none.
        suffix: BPE; what the last token of a word ends with, or "".
        word_space: BPE; on which side of a word its bytes hold a space.
        max_word_chars: WordPiece.
        where: for messages.
    """

    family: Family
    ids: dict[str, int]
    where: str
    unk_id: int | None = None
    fuse_unk: bool = False
    byte_ids: dict[int, int] = field(default_factory=dict[int, int])
    merges: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    ignore_merges: bool = False
    scores: list[float] = field(default_factory=list[float])
    prefix: str = ""
    suffix: str = ""
    word_space: WordSpace = "none"
    max_word_chars: int = 100

    def goes_on(self, text: str) -> bool:
        """Whether a token is marked as one that goes on with a word."""
        return bool(self.prefix) and text.startswith(self.prefix) and text != self.prefix

    def ends_word(self, text: str) -> bool:
        """Whether a token is marked as the last one of a word."""
        return bool(self.suffix) and text.endswith(self.suffix) and text != self.suffix

    def in_word(self, text: str) -> str:
        """A spelling without the marks of its place in a word (BPE)."""
        text = text[len(self.prefix) :] if self.goes_on(text) else text
        return text[: -len(self.suffix)] if self.ends_word(text) else text

    def with_space(self, data: bytes, text: str) -> bytes:
        """The bytes of a token (BPE), with the space beside its word if it stands there."""
        if self.word_space == "after":
            return data + b" " if self.ends_word(text) else data
        return data if self.goes_on(text) else b" " + data

    def bytes_of(self, text: str, mark: str) -> bytes | None:
        """The bytes that a spelling stands for; None if no text can produce it."""
        if mark and " " in text:
            return None
        if self.family == "wordpiece":
            if self.goes_on(text):
                return self.decoded(text[len(self.prefix) :], mark)
            return b" " + self.decoded(text, mark)
        return self.decoded(text, mark)

    def decoded(self, text: str, mark: str) -> bytes:
        """What the library's decoders make of a spelling, whether or not a text produces it."""
        return (text.replace(mark, " ") if mark else text).encode("utf-8")


def read_model(value: object, where: str) -> HfModel:
    """Read the `model` field.

    Raises:
        FormatError: damaged: a vocabulary that is empty, ids that are no numbers, an unknown token
            or byte tokens that are missing.
        UnsupportedError: a kind of model, or an option, that tokkit does not do.
    """
    node = want_object(value, where)
    kind = node.get("type") or _guess_kind(node)
    if kind == "BPE":
        return _read_bpe(node, where)
    if kind == "Unigram":
        return _read_unigram(node, where)
    if kind == "WordPiece":
        return _read_wordpiece(node, where)
    if kind == "WordLevel":
        return _read_wordlevel(node, where)
    raise UnsupportedError(
        f"{where}: a model of type {str(kind)[:60]!r}; tokkit reads BPE, Unigram, WordPiece and "
        "WordLevel"
    )


def _guess_kind(node: dict[str, object]) -> str | None:
    if "merges" in node:
        return "BPE"
    if isinstance(node.get("vocab"), list):
        return "Unigram"
    return "WordPiece" if "max_input_chars_per_word" in node else None


def _vocabulary(value: object, where: str) -> dict[str, int]:
    vocab = want_object(value, f"{where}.vocab")
    if not vocab:
        raise FormatError(f"{where}.vocab: the vocabulary is empty; expected at least one token")
    for text, token_id in vocab.items():
        if type(token_id) is not int:
            want_int(token_id, f"{where}.vocab[{text[:60]!r}]")
    return cast("dict[str, int]", vocab)


def _unknown(node: dict[str, object], ids: dict[str, int], where: str) -> int | None:
    name = node.get("unk_token")
    if name is None:
        return None
    text = want_str(name, f"{where}.unk_token")
    if text not in ids:
        raise FormatError(
            f"{where}: the unknown token {text[:60]!r} is not in the vocabulary, so unknown text "
            "would be dropped; add it or set unk_token to null"
        )
    return ids[text]


def _byte_ids(
    node: dict[str, object], ids: dict[str, int], where: str, *, unknown_takes_over: bool = False
) -> dict[int, int]:
    if not want_bool(node.get("byte_fallback"), f"{where}.byte_fallback", default=False):
        return {}
    found = {byte: ids.get(f"<0x{byte:02X}>", -1) for byte in range(256)}
    missing = [byte for byte, token_id in found.items() if token_id < 0 and _is_needed(byte, ids)]
    if missing and not unknown_takes_over:
        raise FormatError(
            f"{where}: byte_fallback, but {len(missing)} of the 256 byte tokens are missing, "
            f"the first is <0x{missing[0]:02X}>; text would be dropped"
        )
    return {byte: token_id for byte, token_id in found.items() if token_id >= 0}


def _is_needed(byte: int, ids: dict[str, int]) -> bool:
    """Whether a text may have to be spelled by this byte: its character may lack a token."""
    if byte < 0x80:
        return chr(byte) not in ids and not (byte == 0x20 and "\u2581" in ids)
    return byte not in (0xC0, 0xC1) and byte < 0xF5  # which no UTF-8 holds


def _read_bpe(node: dict[str, object], where: str) -> HfModel:
    if node.get("dropout"):
        raise UnsupportedError(f"{where}: dropout {node['dropout']!r}, so encoding is random")
    prefix, suffix = (
        want_str(node.get(option) or "", f"{where}.{option}")
        for option in ("continuing_subword_prefix", "end_of_word_suffix")
    )
    for option in ("byte_fallback", "ignore_merges"):
        if (prefix or suffix) and node.get(option):
            raise UnsupportedError(
                f"{where}: {option} with continuing_subword_prefix or end_of_word_suffix, where "
                "the library takes the marks of a word for text"
            )
    ids = _vocabulary(node.get("vocab"), where)
    return HfModel(
        "word_bpe" if prefix or suffix else "bpe",
        ids,
        where,
        prefix=prefix,
        suffix=suffix,
        unk_id=_unknown(node, ids, where),
        fuse_unk=want_bool(node.get("fuse_unk"), f"{where}.fuse_unk", default=False),
        byte_ids=_byte_ids(node, ids, where),
        ignore_merges=want_bool(node.get("ignore_merges"), where, default=False),
        merges=_merge_pairs(want_list(node.get("merges"), f"{where}.merges"), where),
    )


def _merge_pairs(items: list[object], where: str) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for item in items:
        parts: Any = item.split(" ") if isinstance(item, str) else item
        if not isinstance(parts, list) or len(parts) != 2:  # pyright: ignore[reportUnknownArgumentType]
            _refuse_merge(item, len(pairs), where)
        left, right = cast("list[Any]", parts)
        if type(left) is not str or type(right) is not str or not left or not right:
            _refuse_merge(item, len(pairs), where)
        pairs.append((left, right))
    return pairs


def drop_merges_of(model: HfModel, kinds: NDArray[np.uint8]) -> None:
    """Drop the merges that name DECODE_ONLY tokens, which no text has to begin with."""
    odd = {text for text, i in model.ids.items() if kinds[i] == TokenKind.DECODE_ONLY}
    if odd:
        model.merges = [
            (left, right)
            for left, right in model.merges
            if odd.isdisjoint((left, right, left + right[len(model.prefix) :]))
        ]


def word_fields(model: HfModel, size: int) -> dict[str, Any]:
    """The spec's fields of a BPE whose tokens are marked for their place in a word.

    As in the library, a merge joins the left side to the right one without as many characters as
    the prefix has. Merges whose left side ends a word, or whose right side begins one, never fire.

    Raises:
        FormatError: a merge whose sides or whose result the vocabulary does not hold.
        UnsupportedError: a merge that builds a mark from characters, so that one token stands for
            two things.
    """
    pairs: list[tuple[str, str]] = []
    for left, right in model.merges:
        result = left + right[len(model.prefix) :]
        if model.ends_word(left) or (model.prefix and not model.goes_on(right)):
            continue
        if model.ends_word(result) != model.ends_word(right) or (
            model.goes_on(result) != model.goes_on(left)
        ):
            raise UnsupportedError(
                f"{model.where}.merges: {left[:40]!r} and {right[:40]!r} make {result[:40]!r}, "
                "whose mark comes from the text of a word"
            )
        pairs.append((left, right))
    flags = np.zeros((2, size), dtype=np.bool_)
    for text, token_id in model.ids.items():
        flags[:, token_id] = model.goes_on(text), model.ends_word(text)
    return {
        "merges": listed_merges(
            pairs, model.ids, f"{model.where}.merges", marked=len(model.prefix)
        ),
        "continuing": flags[0] if model.prefix else None,
        "word_final": flags[1] if model.suffix else None,
        "word_space": model.word_space,
    }


def _refuse_merge(item: object, position: int, where: str) -> NoReturn:
    raise FormatError(
        f"{where}.merges[{position}]: got {repr(item)[:80]}; "
        "expected two tokens that are not empty, as 'a b' or ['a', 'b']"
    )


def read_bpe_merges(model: HfModel, token_bytes: Sequence[bytes], *, chars: bool) -> MergeTable:
    """The merge table, without entries that can never fire.

    Args:
        model: a BPE model.
        token_bytes: bytes of each id.
        chars: whether merges start from characters; else from bytes.
    """
    table = listed_merges(model.merges, model.ids, f"{model.where}.merges")
    results: list[int] = np.flatnonzero(np.bincount(table.result, minlength=1) > 1).tolist()
    atoms: dict[Any, int] = {**model.ids}
    spelled: Any = {token_id: text for text, token_id in model.ids.items()}
    if not chars:
        atoms = {data[0]: i for i, data in enumerate(token_bytes) if len(data) == 1}
        spelled = token_bytes
    units = {token: [atoms.get(unit, -1) for unit in spelled[token]] for token in results}
    known = {token: ids for token, ids in units.items() if min(ids, default=-1) >= 0}
    return drop_idle_merges(table, known, list(map(len, token_bytes)))


def _read_unigram(node: dict[str, object], where: str) -> HfModel:
    entries = want_list(node.get("vocab"), f"{where}.vocab")
    if not entries:
        raise FormatError(f"{where}.vocab: the vocabulary is empty; expected at least one piece")
    ids: dict[str, int] = {}
    scores: list[float] = []
    for i, entry in enumerate(entries):
        pair = want_list(entry, f"{where}.vocab[{i}]")
        if len(pair) != 2:
            raise FormatError(f"{where}.vocab[{i}]: expected a piece and its score")
        piece = want_str(pair[0], f"{where}.vocab[{i}]")
        if ids.setdefault(piece, i) != i:
            raise FormatError(f"{where}.vocab[{i}]: the piece {piece[:60]!r} stands twice")
        scores.append(want_number(pair[1], f"{where}.vocab[{i}]"))
    unk = node.get("unk_id")
    unk_id = None if unk is None else want_index(unk, f"{where}.unk_id", len(scores))
    # BPE of the library would put the unknown token behind the bytes of later characters.
    byte_ids = _byte_ids(node, ids, where, unknown_takes_over=unk_id is not None)
    return HfModel(
        "unigram", ids, where, unk_id=unk_id, fuse_unk=True, byte_ids=byte_ids, scores=scores
    )


def unigram_fields(model: HfModel, size: int) -> dict[str, Any]:
    """The spec's Unigram fields; ids beyond the model score 0 and are never looked at."""
    scores = np.zeros(size, dtype=np.float64)
    scores[: len(model.scores)] = model.scores
    return {"scores": scores, "unk_score": min(model.scores) - UNK_PENALTY}


def _read_wordpiece(node: dict[str, object], where: str) -> HfModel:
    ids = _vocabulary(node.get("vocab"), where)
    prefix = want_str(node.get("continuing_subword_prefix", "##"), where)
    longest = want_int(node.get("max_input_chars_per_word", 100), f"{where}.max_input_chars")
    if not prefix or longest < 1:
        raise FormatError(f"{where}: prefix {prefix!r} and at most {longest} characters a word")
    unk_id = _unknown({"unk_token": node.get("unk_token", "[UNK]")}, ids, where)
    return HfModel("wordpiece", ids, where, unk_id=unk_id, prefix=prefix, max_word_chars=longest)


def _read_wordlevel(node: dict[str, object], where: str) -> HfModel:
    """One token a word: WordPiece without anything that continues a word."""
    ids = _vocabulary(node.get("vocab"), where)
    unknown = want_str(node.get("unk_token", "<unk>"), f"{where}.unk_token")
    return HfModel("wordpiece", ids, where, unk_id=ids.get(unknown), max_word_chars=MAX_TOKEN_BYTES)


def wordpiece_fields(model: HfModel, size: int) -> dict[str, Any]:
    """The spec's WordPiece fields."""
    continuing = np.zeros(size, dtype=np.bool_)
    for text, token_id in model.ids.items():
        continuing[token_id] = model.goes_on(text)
    return {"continuing": continuing, "max_word_chars": model.max_word_chars}
