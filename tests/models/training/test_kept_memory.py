"""Memory that is freed stays for the next step, and goes back to the system in the end."""

from __future__ import annotations

import os
import resource
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from tokkit.freed_memory import give_back_freed_memory, has_glibc
from tokkit.models.training import kept_memory
from tokkit.models.training.kept_memory import freed_memory_kept

N_BYTES = 1 << 27
Run = Callable[[Callable[[], None]], None]

pytestmark = pytest.mark.skipif(not has_glibc(), reason="other allocators keep memory")


@pytest.fixture(scope="module")
def fresh() -> Iterator[Run]:
    """Runs a function in a process whose heap has no room that other tests have left."""
    with ProcessPoolExecutor(
        1, get_context("spawn"), initializer=forget_options_of_the_user
    ) as pool:
        yield lambda work: pool.submit(work).result()


def forget_options_of_the_user() -> None:
    for name in kept_memory._OF_THE_USER:
        os.environ.pop(name, None)


def held() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def pages_mapped(n_bytes: int, times: int) -> int:
    """By the system, for memory that is taken and freed several times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(n_bytes, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def keep_and_give_back() -> None:
    before = held()
    with freed_memory_kept():
        np.ones(N_BYTES, dtype=np.uint8)
        assert held() - before > N_BYTES // 2
    assert held() - before < N_BYTES // 2
    np.ones(N_BYTES, dtype=np.uint8)
    assert held() - before < N_BYTES // 2


def give_back_what_lies_between() -> None:
    before = held()
    with freed_memory_kept():
        freed = np.ones(N_BYTES, dtype=np.uint8)
        above = np.ones(N_BYTES // 4, dtype=np.uint8)
        del freed
        assert held() - before > N_BYTES
        give_back_freed_memory()
        assert held() - before < N_BYTES
        assert above.all()


def map_tensors_of_later_passes() -> None:
    with freed_memory_kept():
        pass
    pages_mapped(1 << 21, 1)
    assert pages_mapped(1 << 21, 20) < 20 * (1 << 21) // resource.getpagesize() // 4


def end_one_of_two() -> None:
    before = held()
    with freed_memory_kept():
        with suppress(ZeroDivisionError), freed_memory_kept():
            raise ZeroDivisionError
        np.ones(N_BYTES, dtype=np.uint8)
        assert held() - before > N_BYTES // 2
    assert held() - before < N_BYTES // 2


def keep_options_of_the_user() -> None:
    os.environ["MALLOC_TRIM_THRESHOLD_"] = "131072"
    before = held()
    with freed_memory_kept():
        np.ones(N_BYTES, dtype=np.uint8)
        assert held() - before < N_BYTES // 2
    forget_options_of_the_user()


def test_freed_memory_is_kept_and_then_given_back(fresh: Run) -> None:
    fresh(keep_and_give_back)


def test_what_is_free_between_others_is_given_back_within_a_training(fresh: Run) -> None:
    fresh(give_back_what_lies_between)


def test_later_passes_of_a_model_do_not_map_their_tensors_anew(fresh: Run) -> None:
    fresh(map_tensors_of_later_passes)


def test_the_last_of_several_trainings_gives_memory_back(fresh: Run) -> None:
    fresh(end_one_of_two)


def test_options_of_the_user_stay(fresh: Run) -> None:
    fresh(keep_options_of_the_user)
