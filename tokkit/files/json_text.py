"""Bounded JSON: strict, with a limit on nesting, no repeated keys, and typed access.

`json.loads` alone keeps the last of two equal keys, accepts NaN, and lets through lone
surrogates that no text can hold.
"""

from __future__ import annotations

import json
import re
from itertools import chain
from typing import Any, NoReturn, cast

from tokkit.errors import FormatError
from tokkit.files.reading import decode_utf8

MAX_NESTING = 64
_SURROGATE_ESCAPE = re.compile(rb"\\u[dD][89a-fA-F]")


def parse_json(data: bytes, where: str) -> object:
    """Parse one JSON document.

    Raises:
        FormatError: not UTF-8, not JSON, a key twice in one object, nested too deeply, a number
            that is not finite, or an escape that stands for half a character.
    """

    def object_from_pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            _refuse_repeated_key(pairs, where)
        return result

    def refuse_constant(name: str) -> NoReturn:
        raise FormatError(f"{where}: the number {name} is not JSON; expected a finite number")

    text = decode_utf8(data, where)
    try:
        document: object = json.loads(
            text, object_pairs_hook=object_from_pairs, parse_constant=refuse_constant
        )
    except FormatError:
        raise
    except RecursionError as error:
        raise FormatError(
            f"{where}: nested too deeply; expected at most {MAX_NESTING} levels"
        ) from error
    except ValueError as error:
        raise FormatError(
            f"{where}: not valid JSON ({error}); the file may be cut off: restore it, or download "
            "it again"
        ) from error
    _check_nesting(document, where)
    if _SURROGATE_ESCAPE.search(data):
        try:
            json.dumps(document, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError as error:
            raise FormatError(
                f"{where}: a \\u escape stands for half a character; expected whole characters"
            ) from error
    return document


def _refuse_repeated_key(pairs: list[tuple[str, Any]], where: str) -> NoReturn:
    seen: set[str] = set()
    for key, _ in pairs:
        if key in seen:
            raise FormatError(
                f"{where}: the key {key[:80]!r} stands twice in one object; expected it once"
            )
        seen.add(key)
    raise AssertionError("no key is repeated")


def _check_nesting(document: object, where: str) -> None:
    level: list[Any] = [document]
    for _ in range(MAX_NESTING + 1):
        dicts = [cast("dict[str, object]", node) for node in level if isinstance(node, dict)]
        lists = [cast("list[object]", node) for node in level if isinstance(node, list)]
        children = chain(chain.from_iterable(lists), *[node.values() for node in dicts])
        level = [child for child in children if type(child) in (dict, list)]
        if not level:
            return
    raise FormatError(f"{where}: nested more than {MAX_NESTING} levels deep")


def _refuse(value: object, expected: str, where: str) -> NoReturn:
    shown = "nothing" if value is None else f"{type(value).__name__} {repr(value)[:60]}"
    raise FormatError(f"{where}: got {shown}, expected {expected}")


def want_object(value: object, where: str) -> dict[str, object]:
    """`value` as an object; FormatError if it is anything else."""
    if not isinstance(value, dict):
        _refuse(value, "an object", where)
    return cast("dict[str, object]", value)


def want_list(value: object, where: str) -> list[object]:
    """`value` as a list; FormatError if it is anything else."""
    if not isinstance(value, list):
        _refuse(value, "a list", where)
    return cast("list[object]", value)


def want_str(value: object, where: str) -> str:
    """`value` as a string; FormatError if it is anything else."""
    if not isinstance(value, str):
        _refuse(value, "a string", where)
    return value


def want_int(value: object, where: str) -> int:
    """`value` as a whole number; FormatError if it is anything else (a boolean, a float)."""
    if not isinstance(value, int) or isinstance(value, bool):
        _refuse(value, "a whole number", where)
    return value


def want_index(value: object, where: str, size: int) -> int:
    """`value` as a whole number from 0 to `size - 1`; FormatError if it is anything else."""
    number = want_int(value, where)
    if not 0 <= number < size:
        raise FormatError(f"{where}: {number} is out of range; expected 0 to {size - 1:,}")
    return number


def want_number(value: object, where: str) -> float:
    """`value` as a float; FormatError if it is not a number that a float holds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        _refuse(value, "a number", where)
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if number in (float("inf"), float("-inf")):
        _refuse(value, "a finite number", where)
    return number


def want_bool(value: object, where: str, *, default: bool) -> bool:
    """`value` as a boolean, `default` where it is absent; FormatError if it is anything else."""
    if value is None:
        return default
    if not isinstance(value, bool):
        _refuse(value, "true or false", where)
    return value
