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
from collections.abc import Callable
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, get_args

import numpy as np
from numpy.typing import NDArray

from tokkit.errors import ArgumentError, FormatError
from tokkit.files.json_text import (
    parse_json,
    want_bool,
    want_index,
    want_int,
    want_list,
    want_number,
    want_object,
    want_str,
)
from tokkit.files.reading import MAX_TOKEN_BYTES, MAX_VOCAB_SIZE, check_token_sizes
from tokkit.files.writing import whole_file
from tokkit.text.formats.normalizer_json import normalizer_from_json, normalizer_to_json
from tokkit.text.normalizers import MAX_PATTERN_CHARS
from tokkit.text.spec import (
    AddedToken,
    Behavior,
    Dialect,
    Family,
    MergeTable,
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
_FLAGS = ("continuing", "word_final")
_NEEDS = {"bpe": _MERGES, "unigram": ("scores",), "wordpiece": ("continuing",),
          "word_bpe": _MERGES}  # fmt: skip
_LATER: dict[str, object] = {
    "unk_id": None, "fuse_unk": False, "unmarked_ids": [], "word_space": "none",
    "prefix_alone": False, "n_unlisted": 0, "also_model": [],
}  # fmt: skip
"""Fields that files of earlier versions lack, and what these files mean by that."""

_TOKEN_FLAGS = ("normalized", "lstrip", "rstrip", "single_word")

_Arrays = dict[str, np.ndarray[Any, Any]]
_Kinds = NDArray[np.uint8]


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
        found |= {f"merge_{name}": column for name, column in vars(spec.merges).items()}
    return {
        name: np.ascontiguousarray(found[name], dtype=dtype)
        for name, dtype in _ARRAYS.items()
        if found.get(name) is not None
    }


def _fields_of(spec: TokenizerSpec) -> dict[str, object]:
    values = {name: field.write(getattr(spec, name)) for name, field in _FIELDS.items()}
    return values | {"n_unlisted": len(spec.unlisted)}


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
    odd = sorted(set(fields) ^ {*_FIELDS, *_LATER})
    if odd:
        text = ", ".join(odd)[:200]
        raise FormatError(f"{where}: fields missing or unknown: {text}; it needs another tokkit")
    family = _one_of(fields["family"], Family, f"{where}: family")
    spelled = _tokens(arrays, where)
    n_unlisted = want_int(fields["n_unlisted"], f"{where}: n_unlisted")
    if not 0 <= n_unlisted < len(spelled) or (n_unlisted and family != "word_bpe"):
        raise FormatError(f"{where}: n_unlisted is {n_unlisted:,}; expected some of the tokens")
    size = len(spelled) - n_unlisted
    _check_arrays(arrays, family, size, n_unlisted, where)
    kinds = arrays["kinds"]
    return TokenizerSpec(
        token_bytes=spelled[:size],
        unlisted=spelled[size:],
        kinds=kinds,
        merges=MergeTable(*(arrays[name] for name in _MERGES)) if "merge_left" in arrays else None,
        scores=arrays.get("scores"),
        **{name: arrays[name].astype(np.bool_) for name in _FLAGS if name in arrays},
        **{
            name: field.read(fields[name], f"{where}: {name}", kinds)
            for name, field in _FIELDS.items()
        },
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
    check_token_sizes(lengths.tolist(), where, least=0)
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
    for name in ("kinds", "scores", *_FLAGS):
        expected = size + n_unlisted if name in _FLAGS else size
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
    for name in _FLAGS:
        if name in arrays and arrays[name].max() > 1:
            raise FormatError(f"{where}: {name} holds {arrays[name].max()}; expected 0, 1")


# -- the fields of the header ----------------------------------------------------------------


def _splits(value: object, where: str, _: _Kinds) -> tuple[SplitRule, ...]:
    nodes = want_list(value, where)
    if len(nodes) > MAX_SPLITS:
        raise FormatError(f"{where}: {len(nodes)} rules; expected at most {MAX_SPLITS}")
    return tuple(
        SplitRule(
            _text(node.get("pattern"), MAX_PATTERN_CHARS, f"{where}.pattern"),
            _one_of(node.get("behavior"), Behavior, f"{where}.behavior"),
            _flag(node.get("invert"), f"{where}.invert"),
            _one_of(node.get("dialect"), Dialect, f"{where}.dialect"),
            _text(node.get("space", " "), 1, f"{where}.space"),
            want_bool(node.get("sees_bytes"), f"{where}.sees_bytes", default=False),
        )
        for node in (want_object(entry, where) for entry in nodes)
    )


def _text(value: object, most: int, where: str) -> str:
    text = want_str(value, where)
    if not 0 < len(text) <= most:
        raise FormatError(f"{where}: {len(text):,} characters; expected 1 to {most:,}")
    return text


def _flag(value: object, where: str, _: object = None) -> bool:
    if value is None:
        raise FormatError(f"{where}: got nothing; expected true or false")
    return want_bool(value, where, default=False)


def _one_of(value: object, kind: Any, where: str) -> Any:
    text = want_str(value, where)
    if text not in get_args(kind):
        raise FormatError(f"{where}: {text[:80]!r}; expected one of {', '.join(get_args(kind))}")
    return text


def _unk_id(value: object, where: str, kinds: _Kinds) -> int | None:
    if value is None:
        return None
    token = want_index(value, where, len(kinds))
    if kinds[token] not in (TokenKind.SPECIAL, TokenKind.UNUSED):
        raise FormatError(f"{where}: {token} has bytes; expected an id without any")
    return token


def _ids(value: object, where: str, kinds: _Kinds) -> tuple[int, ...]:
    return tuple(want_index(entry, where, len(kinds)) for entry in want_list(value, where))


def _ids_by_text(value: object, where: str, kinds: _Kinds) -> dict[str, int]:
    table = want_object(value, where)
    if "" in table:
        raise FormatError(f"{where}: holds the empty text")
    return {text: want_index(token, where, len(kinds)) for text, token in table.items()}


def _added_tokens(value: object, where: str, kinds: _Kinds) -> tuple[AddedToken, ...]:
    tokens: list[AddedToken] = []
    for i, entry in enumerate(want_list(value, where)):
        place = f"{where}[{i}]"
        node = want_object(entry, place)
        if not {"content", "id"} <= set(node) <= {"content", "id", *_TOKEN_FLAGS}:
            raise FormatError(f"{place}: the keys {list(node)!r:.200}; expected an added token")
        content = want_str(node["content"], f"{place}.content")
        if not 0 < len(content.encode(errors="surrogatepass")) <= MAX_TOKEN_BYTES:
            raise FormatError(
                f"{place}: {len(content):,} characters; expected 1 to {MAX_TOKEN_BYTES:,} bytes"
            )
        flags = {flag: want_bool(node.get(flag), place, default=False) for flag in _TOKEN_FLAGS}
        token = want_index(node["id"], f"{place}.id", len(kinds))
        if kinds[token] in (TokenKind.UNUSED, TokenKind.BYTE):
            raise FormatError(f"{place}: {token} is {TokenKind(kinds[token]).name}")
        tokens.append(AddedToken(content, token, **flags))
    return tuple(tokens)


def _runtime_ids(value: object, where: str, kinds: _Kinds) -> dict[int, int]:
    table: dict[int, int] = {}
    for entry in want_list(value, where):
        pair = want_list(entry, where)
        if len(pair) != 2:
            raise FormatError(f"{where}: an entry of {len(pair)}; expected two ids")
        token = want_index(pair[0], where, len(kinds))
        table[token] = want_index(pair[1], where, MAX_VOCAB_SIZE)
    return table


@dataclass(frozen=True)
class _Field:
    """How a field of the spec is written, and read: from its value, for messages, for `kinds`."""

    write: Callable[[Any], object]
    read: Callable[[object, str, _Kinds], Any]


def _as_it_is(value: object) -> object:
    return value


def _choice(kind: Any) -> _Field:
    return _Field(_as_it_is, lambda value, where, _: _one_of(value, kind, where))


_FLAG = _Field(_as_it_is, _flag)
_IDS = _Field(lambda ids: list(map(int, ids)), _ids)
_NORMALIZER = _Field(
    lambda normalizer: None if normalizer is None else normalizer_to_json(normalizer),
    lambda value, where, _: None if value is None else normalizer_from_json(value, where),
)
_FIELDS = {
    "name": _Field(_as_it_is, lambda value, where, _: want_str(value, where)),
    "family": _choice(Family),
    "special_tokens": _Field(lambda ids: {text: int(i) for text, i in ids.items()}, _ids_by_text),
    "ignore_merges": _FLAG,
    "char_units": _FLAG,
    "unk_score": _Field(float, lambda value, where, _: want_number(value, where)),
    "float32_paths": _FLAG,
    "max_word_chars": _Field(
        _as_it_is, lambda value, where, _: want_index(value, where, MAX_WORD_CHARS)
    ),
    "normalizer": _NORMALIZER,
    "renaming": _NORMALIZER,
    "splits": _Field(lambda rules: list(map(asdict, rules)), _splits),
    "prefix_space": _choice(PrefixSpace),
    "prefix_unit": _choice(PrefixUnit),
    "prefix_alone": _FLAG,
    "added_tokens": _Field(lambda tokens: list(map(_added_token_to_json, tokens)), _added_tokens),
    "bos_ids": _IDS,
    "eos_ids": _IDS,
    "runtime_ids": _Field(lambda ids: [[int(a), int(b)] for a, b in ids.items()], _runtime_ids),
    "unmarked_ids": _IDS,
    "also_model": _IDS,
    "unk_id": _Field(lambda token: None if token is None else int(token), _unk_id),
    "fuse_unk": _FLAG,
    "word_space": _choice(WordSpace),
}
"""In the order of the file."""
