"""What a dialect is: routes, and how it tells an error."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tokkit.serve.endpoint import ErrorBody, Handler


@dataclass(frozen=True)
class Dialect:
    """How one kind of client asks.

    Attributes:
        name: for messages.
        routes: (method, path) -> what answers.
        error_body: the JSON of a refusal.
    """

    name: str
    routes: Mapping[tuple[str, str], Handler]
    error_body: ErrorBody
