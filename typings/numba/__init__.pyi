# numba ships no types. To pyright a compiled function has the type of the function it compiles.
from collections.abc import Callable
from typing import Any, TypeVar, overload

_F = TypeVar("_F", bound=Callable[..., Any])

@overload
def njit(function: _F, /) -> _F: ...
@overload
def njit(
    *,
    cache: bool = ...,
    nogil: bool = ...,
    inline: str = ...,
    boundscheck: bool = ...,
    fastmath: bool | set[str] = ...,
) -> Callable[[_F], _F]: ...
def __getattr__(name: str) -> Any: ...  # pyright: ignore[reportIncompleteStub]
