"""`leaf`: Numba's compiler for the small kernels of an inner loop, which allocate no arrays.

Numba counts the references to every array that a function takes out of a tuple or hands on, with a
call and an atomic instruction each time; in the inner loops of an encoder that costs more than the
work does (the cutter of pretokenizers is twice as fast without). The caller of a kernel holds all
arrays until the kernel returns, so one that allocates none needs no counts. And a tuple of arrays
is passed as all of its pointers and shapes, some fifty words, so leaves are inlined into callers.

`_nrt` is an option that Numba does not promise to keep: where it is unknown, `leaf` is `njit`.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from tokkit.kernels.caching import njit

_F = TypeVar("_F", bound=Callable[..., Any])


def leaf(function: _F) -> _F:
    """Compile a kernel that neither allocates arrays or lists nor calls a leaf that does.

    A leaf may call kernels that allocate for themselves and return numbers (`beside_leaves`).
    """
    return _compile(function, forceinline=True, _nrt=False)


def beside_leaves(function: _F) -> _F:
    """Compile an ordinary kernel that a leaf calls.

    It has to say that it counts references: otherwise it would take over the leaf's settings if it
    happened to be compiled for the leaf's sake.
    """
    return _compile(function, _nrt=True)


def _compile(function: _F, **options: bool) -> _F:
    compiler: Any = njit
    try:
        return compiler(cache=True, nogil=True, **options)(function)
    except KeyError:  # "Unrecognized options"
        return compiler(cache=True, nogil=True)(function)
