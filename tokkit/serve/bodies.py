"""The body of a request: read within bounds, and its fields, checked one by one: `Fields`.

Unknown fields are ignored, and null stands for a field that is not there, as clients expect.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import msgspec

from tokkit.serve.refusals import RefusalError, unsupported

Receive = Callable[[], Awaitable[Any]]
MAX_STOPS = 64
MAX_STOP_BYTES = 4096
MAX_SEED = (1 << 64) - 1


class ClientGoneError(Exception):
    """The client has left before it had said all."""


async def read_body(
    receive: Receive, announced: str | None, *, max_bytes: int, seconds: float
) -> bytes:
    """The whole body of a request.

    Args:
        receive: of ASGI.
        announced: its `Content-Length`, if there is one.
        max_bytes: of it.
        seconds: that the client may take.

    Raises:
        RefusalError: it is too long, or comes too slowly.
        ClientGoneError: the client has left.
    """
    too_long = RefusalError(
        413, f"the request has more than {max_bytes:,} bytes; send less", code="too_large"
    )
    if announced is not None and (not announced.isdecimal() or int(announced[:20]) > max_bytes):
        raise too_long
    body = bytearray()
    try:
        async with asyncio.timeout(seconds):
            while True:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise ClientGoneError
                body += message.get("body", b"")
                if len(body) > max_bytes:
                    raise too_long
                if not message.get("more_body", False):
                    return bytes(body)
    except TimeoutError:
        raise RefusalError(
            408, f"the request took more than {seconds:g} seconds to arrive", code="timeout"
        ) from None


def as_fields(body: bytes) -> Fields:
    """A JSON object.

    Raises:
        RefusalError: it is none: damaged, too deeply nested, or with numbers that no float holds.
    """
    try:
        value = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, ValueError) as error:
        raise RefusalError(
            400, f"the body is no valid JSON: {error}", code="invalid_json"
        ) from None
    except RecursionError:
        raise RefusalError(400, "the body is nested too deeply", code="invalid_json") from None
    if not isinstance(value, dict):
        raise RefusalError(400, "the body must be a JSON object", code="invalid_json")
    return Fields(cast("dict[str, Any]", value))


class Fields:
    """The fields of a JSON object, each asked for by its name and type."""

    def __init__(self, values: Mapping[str, Any], path: str = "") -> None:
        """Take an object.

        Args:
            values: of its fields.
            path: before their names, in messages.
        """
        self._values = {name: value for name, value in values.items() if value is not None}
        self._path = path

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def get(self, name: str) -> Any:
        """What a field says; None where it is not there."""
        return self._values.get(name)

    def wrong(self, name: str, expected: str) -> RefusalError:
        """The refusal of a field that says something else than it should."""
        full = self._path + name
        if name not in self._values:
            return RefusalError(400, f"{full} is missing; it must be {expected}", param=full)
        shown = repr(self._values[name])
        shown = shown if len(shown) <= 60 else shown[:57] + "..."
        return RefusalError(400, f"{full} must be {expected}, got {shown}", param=full)

    def text(self, name: str, default: str = "") -> str:
        """A string.

        Raises:
            RefusalError: something else.
        """
        value = self._values.get(name, default)
        if not isinstance(value, str):
            raise self.wrong(name, "a string")
        return value

    def flag(self, name: str, default: bool = False) -> bool:
        """True or false.

        Raises:
            RefusalError: something else.
        """
        value = self._values.get(name, default)
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def whole(self, name: str, default: int, least: int, most: int) -> int:
        """A whole number within bounds.

        Raises:
            RefusalError: something else.
        """
        value = self._values.get(name, default)
        if isinstance(value, float) and value.is_integer():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}")
        return value

    def real(self, name: str, default: float, least: float, most: float) -> float:
        """A number within bounds.

        Raises:
            RefusalError: something else.
        """
        value = self._values.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise self.wrong(name, "a number")
        if not least <= value <= most:
            raise self.wrong(name, f"a number from {least:g} to {most:g}")
        return float(value)

    def seed(self, *names: str) -> int | None:
        """The seed of the first field that has one; those below 0 mean none.

        Raises:
            RefusalError: no whole number.
        """
        for name in names:
            if name in self._values:
                seed = self.whole(name, 0, -(1 << 63), MAX_SEED)
                return seed if seed >= 0 and seed != (1 << 32) - 1 else None
        return None

    def stops(self, name: str = "stop") -> tuple[str, ...]:
        """A string or several.

        Raises:
            RefusalError: something else, an empty string, or too many.
        """
        value = self._values.get(name, [])
        several = [value] if isinstance(value, str) else value
        if not isinstance(several, list):
            raise self.wrong(name, "a string or a list of strings")
        texts = cast("list[Any]", several)
        if not all(isinstance(text, str) and text for text in texts):
            raise self.wrong(name, "strings, none of them empty")
        if len(texts) > MAX_STOPS or sum(map(len, texts)) > MAX_STOP_BYTES:
            raise self.wrong(name, f"at most {MAX_STOPS} strings of {MAX_STOP_BYTES} characters")
        return tuple(texts)

    def object(self, name: str) -> Fields:
        """An object; empty where there is none.

        Raises:
            RefusalError: something else.
        """
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Fields(cast("dict[str, Any]", value), f"{self._path}{name}.")

    def objects(self, name: str) -> list[Fields]:
        """A list of objects.

        Raises:
            RefusalError: something else.
        """
        value = self._values.get(name, [])
        if not isinstance(value, list):
            raise self.wrong(name, "a list of objects")
        found: list[Fields] = []
        for k, each in enumerate(cast("list[Any]", value)):
            if not isinstance(each, dict):
                raise self.wrong(name, "a list of objects")
            found.append(Fields(cast("dict[str, Any]", each), f"{self._path}{name}[{k}]."))
        return found

    def refuse(self, why: str, neutral: Mapping[str, Sequence[Any]]) -> None:
        """Refuse fields that would change the answer and are not heeded.

        Args:
            why: they are not.
            neutral: of each field, the values that change nothing.

        Raises:
            RefusalError: a field has another value.
        """
        for name, values in neutral.items():
            value = self._values.get(name)
            if value is not None and all(value != each for each in values):
                raise unsupported(self._path + name, why)
