"""tokkit's own file: a `TokenizerSpec`, whole, as data.

    8 bytes     `TOKKITv2`: what the file is, and the version of this layout
    8 bytes     n, the length of the header (uint64, little-endian)
    n bytes     the header, JSON: the fields of the spec that are no arrays, under "spec", and the
                number of entries of each array, under "arrays"
    the rest    the arrays, one after the other in the order of `_ARRAYS`, little-endian

Every other format leaves something to be inferred (merges from ranks, control tokens from their
spelling, a pattern from a name); this one holds what was inferred, so that reading it back gives
the same spec. Nothing in it is executed, and a reader checks it as it checks any other file.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, FormatError
from tokkit.files.json_text import (
    parse_json,
    want_bool,
    want_int,
    want_list,
    want_number,
    want_object,
    want_str,
)
from tokkit.files.reading import MAX_TOKEN_BYTES, MAX_VOCAB_BYTES, MAX_VOCAB_SIZE
from tokkit.files.writing import whole_file
from tokkit.text.formats.normalizer_json import normalizer_from_json, normalizer_to_json
from tokkit.text.normalizers import MAX_PATTERN_CHARS
from tokkit.text.spec import (
    AddedToken,
    Behavior,
    Dialect,
    Family,
    MergeTable,
    Normalizer,
    PrefixSpace,
    PrefixUnit,
    SplitRule,
    TokenizerSpec,
    TokenKind,
    WordSpace,
)

FILE_NAME = "tokenizer.tokkit"
MAGIC = b"TOKKITv2"
MAX_SPLITS = 64
MAX_WORD_CHARS = 1 << 20

_ARRAYS = {
    "token_lengths": "<i4",
    "token_bytes": "u1",
    "kinds": "u1",
    "merge_left": "<i4",
    "merge_right": "<i4",
    "merge_result": "<i4",
    "merge_rank": "<i4",
    "scores": "<f8",
    "continuing": "u1",
    "word_final": "u1",
}
_MERGES = ("merge_left", "merge_right", "merge_result", "merge_rank")
_NEEDS = {"bpe": _MERGES, "unigram": ("scores",), "wordpiece": ("continuing",),
          "word_bpe": _MERGES}  # fmt: skip
_FIELDS = {
    "name", "family", "special_tokens", "ignore_merges", "char_units", "unk_score",
    "float32_paths", "max_word_chars", "normalizer", "renaming", "splits", "prefix_space",
    "prefix_unit", "added_tokens", "bos_ids", "eos_ids", "runtime_ids",
}  # fmt: skip
_LATER: dict[str, object] = {
    "unk_id": None, "fuse_unk": False, "unmarked_ids": [], "word_space": "none",
    "prefix_alone": False, "n_unlisted": 0, "also_model": [],
}  # fmt: skip
"""Fields that files of earlier versions lack, and what these files mean by that."""

_TOKEN_FLAGS = ("normalized", "lstrip", "rstrip", "single_word")

_Arrays = dict[str, np.ndarray[Any, Any]]


# -- writing ---------------------------------------------------------------------------------


def spec_to_bytes(spec: TokenizerSpec) -> bytes:
    """The content of the file.

    Raises:
        ArgumentError: a text that is not Unicode, or a number that is not finite.
        UnsupportedError: a normalizer of a class that the format has no name for.
    """
    arrays = _arrays_of(spec)
    header = {
        "spec": _fields_of(spec),
        "arrays": {name: len(array) for name, array in arrays.items()},
    }
    try:
        text = json.dumps(header, ensure_ascii=False, allow_nan=False).encode()
    except ValueError as error:
        raise ArgumentError(f"{spec.name!r} cannot be saved: {error}") from error
    parts = [MAGIC, len(text).to_bytes(8, "little"), text]
    return b"".join([*parts, *(array.tobytes() for array in arrays.values())])


def write_spec(spec: TokenizerSpec, folder: Path) -> Path:
    """Write `FILE_NAME` into `folder`, which is made; the file is there whole or not at all.

    Raises:
        ArgumentError, UnsupportedError: as `spec_to_bytes`.
        OSError: the folder or the file cannot be written.
    """
    data = spec_to_bytes(spec)
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / FILE_NAME
    with whole_file(path) as stream:
        stream.write(data)
    return path


def _arrays_of(spec: TokenizerSpec) -> _Arrays:
    spelled = spec.token_bytes + spec.unlisted
    found: dict[str, Any] = {
        "token_lengths": np.fromiter(map(len, spelled), dtype=np.int32, count=len(spelled)),
        "token_bytes": np.frombuffer(b"".join(spelled), dtype=np.uint8),
        "kinds": spec.kinds,
        "scores": spec.scores,
        "continuing": spec.continuing,
        "word_final": spec.word_final,
    }
    if spec.merges is not None:
        table = spec.merges
        columns = (table.left, table.right, table.result, table.rank)
        found |= dict(zip(_MERGES, columns, strict=True))
    return {
        name: np.ascontiguousarray(found[name], dtype=dtype)
        for name, dtype in _ARRAYS.items()
        if found.get(name) is not None
    }


def _fields_of(spec: TokenizerSpec) -> dict[str, object]:
    return {
        "name": spec.name,
        "family": spec.family,
        "special_tokens": {text: int(token) for text, token in spec.special_tokens.items()},
        "ignore_merges": spec.ignore_merges,
        "char_units": spec.char_units,
        "unk_score": float(spec.unk_score),
        "float32_paths": spec.float32_paths,
        "max_word_chars": spec.max_word_chars,
        "normalizer": _normalizer_to_json(spec.normalizer),
        "renaming": _normalizer_to_json(spec.renaming),
        "splits": [
            {
                "pattern": rule.pattern,
                "behavior": rule.behavior,
                "invert": rule.invert,
                "dialect": rule.dialect,
                "space": rule.space,
                "sees_bytes": rule.sees_bytes,
            }
            for rule in spec.splits
        ],
        "prefix_space": spec.prefix_space,
        "prefix_unit": spec.prefix_unit,
        "prefix_alone": spec.prefix_alone,
        "added_tokens": [_added_token_to_json(token) for token in spec.added_tokens],
        "bos_ids": list(map(int, spec.bos_ids)),
        "eos_ids": list(map(int, spec.eos_ids)),
        "runtime_ids": [[int(a), int(b)] for a, b in spec.runtime_ids.items()],
        "unmarked_ids": list(map(int, spec.unmarked_ids)),
        "also_model": list(map(int, spec.also_model)),
        "unk_id": None if spec.unk_id is None else int(spec.unk_id),
        "fuse_unk": spec.fuse_unk,
        "word_space": spec.word_space,
        "n_unlisted": len(spec.unlisted),
    }


def _normalizer_to_json(normalizer: Normalizer | None) -> dict[str, object] | None:
    return None if normalizer is None else normalizer_to_json(normalizer)


def _added_token_to_json(token: AddedToken) -> dict[str, object]:
    flags = {flag: True for flag in _TOKEN_FLAGS if getattr(token, flag)}
    return {"content": token.content, "id": int(token.id), **flags}


# -- reading ---------------------------------------------------------------------------------


def read_tokkit(data: bytes, where: str) -> TokenizerSpec:
    """Read the content of the file.

    Raises:
        FormatError: damaged: another version, wrong lengths, ids out of range, unknown keys.
        UnsupportedError: a normalizer that tokkit does not run.
    """
    header, start = _header(data, where)
    arrays = _read_arrays(data, start, header.get("arrays"), where)
    fields = _LATER | want_object(header.get("spec"), f"{where}: spec")
    if set(fields) != _FIELDS | set(_LATER):
        odd = ", ".join(sorted(set(fields) ^ (_FIELDS | set(_LATER))))[:200]
        raise FormatError(f"{where}: fields missing or unknown: {odd}; it needs another tokkit")
    family = _one_of(fields["family"], get_args(Family), f"{where}: family")
    spelled = _tokens(arrays, where)
    n_unlisted = want_int(fields["n_unlisted"], f"{where}: n_unlisted")
    if not 0 <= n_unlisted < len(spelled) or (n_unlisted and family != "word_bpe"):
        raise FormatError(f"{where}: n_unlisted is {n_unlisted:,}; expected some of the tokens")
    size = len(spelled) - n_unlisted
    _check_arrays(arrays, family, size, n_unlisted, where)
    merges = None
    if "merge_left" in arrays:
        merges = MergeTable(*(arrays[name] for name in _MERGES))
    return TokenizerSpec(
        name=want_str(fields["name"], f"{where}: name"),
        family=cast("Family", family),
        token_bytes=spelled[:size],
        unlisted=spelled[size:],
        kinds=arrays["kinds"],
        special_tokens=_ids_by_text(fields, "special_tokens", size, where),
        merges=merges,
        ignore_merges=_flag(fields, "ignore_merges", where),
        char_units=_flag(fields, "char_units", where),
        scores=arrays.get("scores"),
        unk_score=want_number(fields["unk_score"], f"{where}: unk_score"),
        float32_paths=_flag(fields, "float32_paths", where),
        continuing=arrays["continuing"].astype(np.bool_) if "continuing" in arrays else None,
        word_final=arrays["word_final"].astype(np.bool_) if "word_final" in arrays else None,
        word_space=cast(
            "WordSpace",
            _one_of(fields["word_space"], get_args(WordSpace), f"{where}: word_space"),
        ),
        max_word_chars=_in_range(fields["max_word_chars"], MAX_WORD_CHARS, f"{where}: word"),
        normalizer=_normalizer(fields["normalizer"], f"{where}: normalizer"),
        renaming=_normalizer(fields["renaming"], f"{where}: renaming"),
        splits=_splits(fields["splits"], f"{where}: splits"),
        prefix_space=cast(
            "PrefixSpace",
            _one_of(fields["prefix_space"], get_args(PrefixSpace), f"{where}: prefix_space"),
        ),
        prefix_unit=cast(
            "PrefixUnit",
            _one_of(fields["prefix_unit"], get_args(PrefixUnit), f"{where}: prefix_unit"),
        ),
        added_tokens=_added_tokens(fields["added_tokens"], arrays["kinds"], where),
        bos_ids=_ids(fields["bos_ids"], size, f"{where}: bos_ids"),
        eos_ids=_ids(fields["eos_ids"], size, f"{where}: eos_ids"),
        runtime_ids=_runtime_ids(fields["runtime_ids"], size, f"{where}: runtime_ids"),
        prefix_alone=_flag(fields, "prefix_alone", where),
        unmarked_ids=_ids(fields["unmarked_ids"], size, f"{where}: unmarked_ids"),
        also_model=_ids(fields["also_model"], size, f"{where}: also_model"),
        unk_id=_unk_id(fields["unk_id"], arrays["kinds"], where),
        fuse_unk=_flag(fields, "fuse_unk", where),
    )


def _header(data: bytes, where: str) -> tuple[dict[str, object], int]:
    if data[: len(MAGIC)] != MAGIC:
        old = data.startswith(MAGIC[:-1])
        advice = "; it is of another version of tokkit: save the tokenizer again" if old else ""
        raise FormatError(f"{where}: begins with {data[:8]!r}; expected {MAGIC!r}{advice}")
    start = len(MAGIC) + 8
    stop = start + int.from_bytes(data[len(MAGIC) : start], "little")
    if stop > len(data):
        raise FormatError(
            f"{where}: its header should end at byte {stop:,}, but the file has {len(data):,}; "
            "it is truncated: save the tokenizer again"
        )
    return want_object(parse_json(data[start:stop], where), where), stop


def _read_arrays(data: bytes, start: int, counts: object, where: str) -> _Arrays:
    sizes = want_object(counts, f"{where}: arrays")
    unknown = [name for name in sizes if name not in _ARRAYS]
    if unknown or not {"token_lengths", "token_bytes", "kinds"} <= set(sizes):
        raise FormatError(
            f"{where}: the arrays {list(sizes)!r:.200}; expected those of a tokenizer"
        )
    arrays: _Arrays = {}
    for name, dtype in _ARRAYS.items():
        if name not in sizes:
            continue
        count = want_int(sizes[name], f"{where}: arrays.{name}")
        stop = start + count * np.dtype(dtype).itemsize
        if count < 0 or stop > len(data):
            raise FormatError(
                f"{where}: {name} has {count:,} entries, more than the file holds; "
                "it is damaged: save the tokenizer again"
            )
        native = np.dtype(dtype).newbyteorder("=")
        arrays[name] = np.frombuffer(data[start:stop], dtype=dtype).astype(native)
        start = stop
    if start != len(data):
        raise FormatError(f"{where}: {len(data) - start:,} bytes after the last array")
    return arrays


def _tokens(arrays: _Arrays, where: str) -> tuple[bytes, ...]:
    lengths, blob = arrays["token_lengths"], arrays["token_bytes"]
    if not 0 < len(lengths) <= MAX_VOCAB_SIZE:
        raise FormatError(f"{where}: {len(lengths):,} ids; expected 1 to {MAX_VOCAB_SIZE:,}")
    if lengths.min() < 0 or lengths.max() > MAX_TOKEN_BYTES or len(blob) > MAX_VOCAB_BYTES:
        raise FormatError(
            f"{where}: tokens of {lengths.min()} to {lengths.max()} bytes, {len(blob):,} in all; "
            f"expected 0 to {MAX_TOKEN_BYTES:,}, and at most {MAX_VOCAB_BYTES:,}"
        )
    ends = np.cumsum(lengths, dtype=np.int64)
    if ends[-1] != len(blob):
        raise FormatError(f"{where}: tokens of {ends[-1]:,} bytes in all, but {len(blob):,} stored")
    data = blob.tobytes()
    bounds = [0, *ends.tolist()]
    return tuple(data[a:b] for a, b in pairwise(bounds))


def _check_arrays(arrays: _Arrays, family: str, size: int, n_unlisted: int, where: str) -> None:
    missing = [name for name in _NEEDS.get(family, ()) if name not in arrays]
    if missing:
        raise FormatError(f"{where}: {family} without {', '.join(missing)}")
    merges = {len(arrays[name]) for name in _MERGES if name in arrays}
    if len(merges) > 1 or ("merge_left" in arrays) != (sum(n in arrays for n in _MERGES) == 4):
        raise FormatError(f"{where}: the columns of the merges differ in length")
    for name in ("kinds", "scores", "continuing", "word_final"):
        expected = size + n_unlisted if name in ("continuing", "word_final") else size
        if name in arrays and len(arrays[name]) != expected:
            raise FormatError(
                f"{where}: {name} has {len(arrays[name]):,} entries; expected {expected:,}"
            )
    kinds = arrays["kinds"]
    if kinds.max() > max(TokenKind):
        raise FormatError(f"{where}: a token of kind {kinds.max()}; expected 0 to {max(TokenKind)}")
    silent = np.isin(kinds, (TokenKind.SPECIAL, TokenKind.UNUSED))
    lengths = arrays["token_lengths"][:size]
    if lengths[silent].any():
        raise FormatError(f"{where}: a SPECIAL or UNUSED token has bytes; expected none")
    if not lengths[kinds == TokenKind.LITERAL].all():
        raise FormatError(f"{where}: a LITERAL token without bytes; expected the text it is")
    if "scores" in arrays and not np.isfinite(arrays["scores"]).all():
        raise FormatError(f"{where}: a score is not finite")
    for name in ("continuing", "word_final"):
        if name in arrays and arrays[name].max() > 1:
            raise FormatError(f"{where}: {name} holds {arrays[name].max()}; expected 0, 1")


def _normalizer(value: object, where: str) -> Normalizer | None:
    return None if value is None else normalizer_from_json(value, where)


def _splits(value: object, where: str) -> tuple[SplitRule, ...]:
    nodes = want_list(value, where)
    if len(nodes) > MAX_SPLITS:
        raise FormatError(f"{where}: {len(nodes)} rules; expected at most {MAX_SPLITS}")
    rules: list[SplitRule] = []
    for node in (want_object(entry, where) for entry in nodes):
        pattern = want_str(node.get("pattern"), f"{where}.pattern")
        if not 0 < len(pattern) <= MAX_PATTERN_CHARS:
            raise FormatError(
                f"{where}: a pattern of {len(pattern):,} characters; "
                f"expected 1 to {MAX_PATTERN_CHARS:,}"
            )
        behavior = _one_of(node.get("behavior"), get_args(Behavior), f"{where}.behavior")
        dialect = _one_of(node.get("dialect"), get_args(Dialect), f"{where}.dialect")
        rules.append(
            SplitRule(
                pattern,
                cast("Behavior", behavior),
                _flag(node, "invert", where),
                cast("Dialect", dialect),
                _character(node.get("space", " "), f"{where}.space"),
                want_bool(node.get("sees_bytes"), f"{where}.sees_bytes", default=False),
            )
        )
    return tuple(rules)


def _flag(node: Mapping[str, object], name: str, where: str) -> bool:
    if name not in node or node[name] is None:
        raise FormatError(f"{where}: no {name}; expected true or false")
    return want_bool(node[name], f"{where}: {name}", default=False)


def _character(value: object, where: str) -> str:
    text = want_str(value, where)
    if len(text) != 1:
        raise FormatError(f"{where}: {text[:80]!r}; expected one character")
    return text


def _one_of(value: object, expected: tuple[str, ...], where: str) -> str:
    text = want_str(value, where)
    if text not in expected:
        raise FormatError(f"{where}: {text[:80]!r}; expected one of {', '.join(expected)}")
    return text


def _in_range(value: object, size: int, where: str) -> int:
    number = want_int(value, where)
    if not 0 <= number < size:
        raise FormatError(f"{where}: {number} is out of range; expected 0 to {size - 1:,}")
    return number


def _unk_id(value: object, kinds: np.ndarray[Any, Any], where: str) -> int | None:
    if value is None:
        return None
    token = _in_range(value, len(kinds), f"{where}: unk_id")
    if kinds[token] not in (TokenKind.SPECIAL, TokenKind.UNUSED):
        raise FormatError(f"{where}: unk_id {token} has bytes; expected an id without any")
    return token


def _ids(value: object, size: int, where: str) -> tuple[int, ...]:
    return tuple(_in_range(entry, size, where) for entry in want_list(value, where))


def _ids_by_text(fields: Mapping[str, object], name: str, size: int, where: str) -> dict[str, int]:
    table = want_object(fields[name], f"{where}: {name}")
    if "" in table:
        raise FormatError(f"{where}: {name} holds the empty text")
    return {text: _in_range(token, size, f"{where}: {name}") for text, token in table.items()}


def _added_tokens(value: object, kinds: NDArray[np.uint8], where: str) -> tuple[AddedToken, ...]:
    tokens: list[AddedToken] = []
    for i, entry in enumerate(want_list(value, f"{where}: added_tokens")):
        place = f"{where}: added_tokens[{i}]"
        node = want_object(entry, place)
        if not {"content", "id"} <= set(node) <= {"content", "id", *_TOKEN_FLAGS}:
            raise FormatError(f"{place}: the keys {list(node)!r:.200}; expected an added token")
        content = want_str(node["content"], f"{place}.content")
        if not 0 < len(content.encode(errors="surrogatepass")) <= MAX_TOKEN_BYTES:
            raise FormatError(
                f"{place}: {len(content):,} characters; expected 1 to {MAX_TOKEN_BYTES:,} bytes"
            )
        flags = {flag: want_bool(node.get(flag), place, default=False) for flag in _TOKEN_FLAGS}
        token = _in_range(node["id"], len(kinds), f"{place}.id")
        if kinds[token] in (TokenKind.UNUSED, TokenKind.BYTE):
            raise FormatError(f"{place}: {token} is {TokenKind(kinds[token]).name}")
        tokens.append(AddedToken(content, token, **flags))
    return tuple(tokens)


def _runtime_ids(value: object, size: int, where: str) -> dict[int, int]:
    table: dict[int, int] = {}
    for entry in want_list(value, where):
        pair = want_list(entry, where)
        if len(pair) != 2:
            raise FormatError(f"{where}: an entry of {len(pair)}; expected two ids")
        table[_in_range(pair[0], size, where)] = _in_range(pair[1], MAX_VOCAB_SIZE, where)
    return table
