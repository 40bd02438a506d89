"""`njit`, for kernels whose compiled code is kept: Numba's, with a key of all their sources.

Numba keeps compiled code beside the source (or in `NUMBA_CACHE_DIR`, or in the user's cache where
neither can be written), and takes it for fresh as long as the kernel's own file is. But kernels
are inlined into each other, so that another version of one file, after an upgrade or an edit,
would go on running inside the old code of another. Here the names of the cached files hold a digest
of all files of kernels and of the versions of what compiles them: code of other versions is never
looked at, and processes of several versions do not overwrite each other's.
"""

import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any, TypeVar

import llvmlite
import numba
from numba.core.caching import CompileResultCacheImpl, FunctionCache

_DIGITS = 16

_F = TypeVar("_F", bound=Callable[..., Any])


@cache
def sources_digest() -> str:
    """Hexadecimal digest of the kernels' sources and their compiler, as they were when imported."""
    digest = hashlib.sha256(f"{numba.__version__} {llvmlite.__version__}".encode())
    for name, content in _sources(resources.files("tokkit.kernels")):
        digest.update(f" {name} {len(content)} ".encode() + content)
    return digest.hexdigest()[:_DIGITS]


def _sources(folder: Traversable, parents: str = "") -> Iterator[tuple[str, bytes]]:
    """Path within the folder and content of each source below it, always in the same order."""
    for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
        path = parents + entry.name
        if entry.is_dir():
            yield from _sources(entry, f"{path}/")
        elif path.endswith(".py"):
            yield path, entry.read_bytes()


class _Implementation(CompileResultCacheImpl):
    def get_filename_base(self, fullname: str, abiflags: str) -> str:
        return f"{super().get_filename_base(fullname, abiflags)}-{sources_digest()}"


class _Cache(FunctionCache):
    _impl_class = _Implementation


def njit(*, cache: bool = False, **options: Any) -> Callable[[_F], _F]:
    """As `numba.njit`, with options; a cached kernel depends on the sources of all of them."""

    def decorate(function: _F) -> _F:
        compiled: Any = numba.njit(**options)(function)
        if cache and compiled is not function:  # the same where NUMBA_DISABLE_JIT is set
            compiled._cache = _Cache(function)
        return compiled

    return decorate
