"""`leaf`: Numba's compiler for the small kernels of an inner loop, which allocate no arrays.

Numba counts the references to every array that a function takes out of a tuple or hands on, with a
call and an atomic instruction each time; in the inner loops of an encoder that costs more than the
work does (the cutter of pretokenizers is twice as fast without). The caller of a kernel holds all
arrays until the kernel returns, so one that allocates none needs no counts. And a tuple of arrays
is passed as all of its pointers and shapes, some fifty words, so leaves are inlined into callers.

`_nrt` is an option that Numba does not promise to keep: where it is unknown, `leaf` is `njit`.
"""

# pyright: basic

from collections.abc import Callable
from typing import Any, TypeVar

from numba import njit

_F = TypeVar("_F", bound=Callable[..., Any])


def leaf(function: _F) -> _F:
    """Compile a kernel that neither allocates arrays or lists nor calls a leaf that does.

    A leaf may call ordinary kernels that allocate for themselves and return numbers.
    """
    compiler: Any = njit
    try:
        return compiler(cache=True, nogil=True, forceinline=True, _nrt=False)(function)
    except KeyError:  # "Unrecognized options"
        return compiler(cache=True, nogil=True)(function)
