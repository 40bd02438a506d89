"""Arguments that several entries share: checked, and brought into one shape, in one way."""

from __future__ import annotations

import math
import operator
import os
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Union, cast, get_args, get_origin, get_type_hints

from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES = 1 << 30
"""What one call may be asked to write, at most."""
MAX_THREADS = 4096
"""Of one process."""
_MAX_NAMED = 64
_N_NEAREST = 8
_BITS = 64
"""Of whole numbers of configurations."""


def refuse_unknown(given: Iterable[str], known: Sequence[str], *, what: str = "option") -> None:
    """Refuse names that do not exist, and say which do.

    Args:
        given: what the caller wrote.
        known: all that there are, in the order to be told.
        what: they are, for the message.

    Raises:
        ArgumentError: one of them does not exist.
    """
    unknown = sorted(set(given) - set(known))
    if unknown:
        close = get_close_matches(unknown[0], known, n=1)
        guess = f" (did you mean {close[0]!r}?)" if close else ""
        shown, more = known, ""
        if len(known) > _MAX_NAMED:
            shown = get_close_matches(unknown[0], known, n=_N_NEAREST, cutoff=0.0)
            more = f" or {len(known) - len(shown)} others"
        raise ArgumentError(
            f"unknown {what} {unknown[0]!r}{guess}, expected one of {', '.join(shown)}{more}"
        )


def refuse_single_text(texts: object, name: str) -> None:
    """Refuse one text where several are meant: its characters would be taken for texts.

    Raises:
        ArgumentError: `texts` is a `str`, `bytes` or mapping, or nothing to go through.
    """
    check_kind(texts, Iterable, name, "pass a list")
    if isinstance(texts, (str, bytes, bytearray, Mapping)):
        raise ArgumentError(
            f"{name} is a single {type(cast(object, texts)).__name__}, expected a sequence; put it "
            "in a list"
        )


def as_items(values: object, name: str, hint: str = "") -> list[Any]:
    """The items of a sequence that is no text, or of an array along its first axis.

    Args:
        values: what the caller gave.
        name: of the argument.
        hint: as of `check_kind`.

    Raises:
        ArgumentError: it is something else.
    """
    # by its protocol, which tensors have, too; neither library need be there
    is_array = hasattr(values, "__array__") and bool(getattr(values, "shape", ()))
    if isinstance(values, str | bytes | bytearray) or not (
        isinstance(values, Sequence) or is_array
    ):
        raise ArgumentError(
            f"{name} must be a list or an array of several, got {type(values).__name__} "
            f"({_shown(values)}){hint and f'; {hint}'}"
        )
    return list(cast("Iterable[Any]", values))


def as_seeds(seeds: object, n: int, of: str) -> list[int]:
    """A seed for each of several things, as random generators take them.

    Args:
        seeds: whole numbers from 0 and below 2^63.
        n: how many there are of what they are of.
        of: what that is, for messages.

    Raises:
        ArgumentError: something else, or another number of them.
    """
    found = [
        check_whole("a seed", each, 0, (1 << 63) - 1)
        for each in as_items(seeds, "seeds", "pass one for each in a list")
    ]
    if len(found) != n:
        raise ArgumentError(f"{len(found)} seeds for {n} {of}")
    return found


def as_ids(ids: object, name: str, *, ordered: bool = True) -> tuple[int, ...]:
    """Ids as whole numbers, such as those of NumPy.

    Args:
        ids: what the caller gave.
        name: of the argument.
        ordered: whether their order tells something, so that they can be no set.

    Raises:
        ArgumentError: something else, or a single id.
    """
    several: Any = ids
    try:
        is_text = isinstance(several, bytes | bytearray | memoryview | Mapping)
        if is_text or (ordered and isinstance(several, set | frozenset)):
            raise TypeError("no sequence of numbers")
        items = tuple(several)
        if _is_truth(several) or bool in set(map(type, items)):
            raise TypeError("a truth value")
        return tuple(map(operator.index, items))
    except TypeError:
        raise ArgumentError(
            f"{name} must be a sequence of whole numbers, got {_shown(ids)}; put an id in a list"
        ) from None


def check_kind(value: object, kind: type | tuple[type, ...], name: str, hint: str = "") -> None:
    """Refuse a value of another type than the one that was meant.

    Args:
        value: what the caller gave.
        kind: what it must be.
        name: of the argument.
        hint: what the caller may have meant, or where to get one.

    Raises:
        ArgumentError: it is something else.
    """
    if not isinstance(value, kind):
        kinds = kind if isinstance(kind, tuple) else (kind,)
        expected = " or ".join(each.__name__ for each in kinds)
        raise ArgumentError(
            f"{name} must be {expected}, got {type(value).__name__} ({_shown(value)})"
            + (hint and f"; {hint}")
        )


def _shown(value: object) -> str:
    """The beginning of how a value is written, in one line: of a network there are many."""
    try:
        written = repr(value)
    except ValueError:  # a number of more digits than Python writes
        written = f"a number of type {type(value).__name__} that is too long to show"
    return f"{' '.join(written.split()):.60}"


def as_array(value: object, name: str) -> NDArray[Any]:
    """Numbers as one array of the type that they have, which is still to be checked.

    Raises:
        ArgumentError: they make none: sequences of different lengths, a tensor on a GPU.
    """
    import numpy as np

    try:
        return np.asarray(value)
    except (TypeError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())
        raise ArgumentError(
            f"{name} must be one array, got {_shown(value)} ({reason:.200})"
        ) from None


def as_plain(value: Any) -> Any:
    """Numbers of NumPy as those of Python, in mappings and sequences too, so that JSON takes them.

    >>> as_plain({"a": (1, 2.5), "b": None})
    {'a': (1, 2.5), 'b': None}
    """
    if isinstance(value, Mapping):
        found = cast("Mapping[Any, Any]", value)
        return {key: as_plain(each) for key, each in found.items()}
    if isinstance(value, list | tuple):
        several = [as_plain(each) for each in cast("Sequence[Any]", value)]
        return tuple(several) if isinstance(value, tuple) else several
    number = getattr(value, "item", None)
    return number() if callable(number) else value


def settle_fields(config: Any) -> None:
    """Bring fields of a frozen dataclass to the types that they are declared with, as saving does.

    A flag becomes True or False, a whole number an `int`, a number a float, a list a tuple, each of
    whatever library it was: what was saved and is read again, as JSON, is then what was there
    before, and what is computed of it does not overflow.

    Raises:
        ArgumentError: a value that is of no such type.
    """
    kinds: dict[str, Any] = get_type_hints(cast("type[Any]", type(config)))
    for each in fields(config):
        value = _settled(each.name, getattr(config, each.name), kinds[each.name])
        object.__setattr__(config, each.name, value)


def _settled(name: str, value: Any, kind: Any) -> Any:
    """A value of a field as its type has it."""
    origin, inner = get_origin(kind), get_args(kind)
    if origin in (Union, types.UnionType):
        (some,) = (each for each in inner if each is not types.NoneType)
        return None if value is None else _settled(name, value, some)
    if origin is tuple:
        check_kind(value, (tuple, list), name)
        return tuple(_settled(f"each of {name}", each, inner[0]) for each in value)
    if kind is bool:
        check_flags(**{name: value})
        return bool(value)
    if kind is int:
        number = check_whole(name, value)
        if number.bit_length() >= _BITS:
            raise ArgumentError(f"{name} must fit into {_BITS} bits, got {_shown(value)}")
        return number
    if kind is float:
        return check_real(name, value)
    if origin is Literal:
        check_choice(name, value, inner)
    else:
        check_kind(value, kind, name)
    return value


def check_path(path: object, name: str, hint: str = "") -> Path:
    """A path that the system can be asked for.

    Args:
        path: what the caller gave.
        name: of the argument.
        hint: where to get one.

    Raises:
        ArgumentError: it is no path, or holds characters that no path can hold.
    """
    check_kind(path, (str, os.PathLike), name, hint)
    try:
        found = Path(cast("str | os.PathLike[str]", path))
        if b"\0" in os.fsencode(found):
            raise ValueError("a null character")
    except (TypeError, ValueError) as error:  # of bytes, or a lone surrogate
        raise ArgumentError(f"{name} is no path: {path!r:.60} ({error})") from None
    return found


def check_name(name: object) -> None:
    """A name for tables and messages, or None for the default.

    Raises:
        ArgumentError: something else.
    """
    check_kind(name, (str, type(None)), "name")


def check_functions(**functions: object) -> None:
    """Functions to be called, or None.

    Raises:
        ArgumentError: one is something else.
    """
    for name, value in functions.items():
        if value is not None and not callable(value):
            raise ArgumentError(f"{name} must be a function, got {value!r:.60}")


def check_flags(**flags: object) -> None:
    """Values that are True or False, or equal to one of them; a word would count as True.

    Raises:
        ArgumentError: one is something else.
    """
    for name, value in flags.items():
        try:
            is_flag = value in (0, 1)
        except (TypeError, ValueError, RuntimeError):  # of several numbers
            is_flag = False
        if not is_flag:
            raise ArgumentError(f"{name} must be True or False, got {_shown(value)}")


def check_choice(name: str, value: object, known: Iterable[object]) -> None:
    """One of some words, or None where that is among them.

    Raises:
        ArgumentError: it is none of them.
    """
    some = list(known)
    if not isinstance(value, str | None) or value not in some:
        shown = ", ".join(map(repr, some))
        raise ArgumentError(f"{name} must be one of {shown}, got {_shown(value)}")


def check_whole(name: str, value: object, least: int | None = None, most: int | None = None) -> int:
    """A whole number within bounds, such as those of NumPy.

    Raises:
        ArgumentError: it is none, or out of bounds.
    """
    number = _whole(value)
    is_low = number is not None and least is not None and number < least
    is_high = number is not None and most is not None and number > most
    if number is None or is_low or is_high:
        bounds = "" if least is None else f" of at least {least}"
        bounds = bounds if most is None else f" from {least} to {most}"
        raise ArgumentError(f"{name} must be a whole number{bounds}, got {_shown(value)}")
    return number


def _whole(value: Any) -> int | None:
    try:
        return None if _is_truth(value) else operator.index(value)
    except TypeError:
        return None


def _is_truth(value: object) -> bool:
    """Whether it is a truth value, or an array or a tensor of such, which would count as 0 or 1."""
    return isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")


def check_real(name: str, value: object) -> float:
    """A finite number.

    Raises:
        ArgumentError: it is none.
    """
    try:
        number = float(value)  # pyright: ignore[reportArgumentType]  # callers without types
    except (TypeError, ValueError, RuntimeError, OverflowError):
        number = math.nan
    is_text = isinstance(value, str | bytes | bytearray) or _is_array_of_text(value)
    if is_text or _is_truth(value) or not math.isfinite(number):
        raise ArgumentError(f"{name} must be a finite number, got {_shown(value)}")
    return number


def _is_array_of_text(value: object) -> bool:
    return getattr(getattr(value, "dtype", None), "kind", "") in ("U", "S")


def as_bytes(data: str | bytes) -> bytes:
    """Bytes as they are, `str` as UTF-8.

    Raises:
        ArgumentError: neither, or a `str` with lone surrogates.
    """
    if isinstance(data, bytes):
        return data
    if isinstance(data, str):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers without types
        try:
            return data.encode()
        except UnicodeEncodeError as error:
            raise ArgumentError(
                f"the text holds a lone surrogate at character {error.start}; pass bytes instead"
            ) from None
    raise ArgumentError(f"expected bytes or str, got {type(data).__name__}")


def say_nothing(*_: object) -> None:
    """In the place of a `progress` that was not given."""
