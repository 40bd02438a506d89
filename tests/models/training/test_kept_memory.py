"""Memory that is freed stays for the next step, and goes back to the system in the end."""

from __future__ import annotations

import platform
import resource
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
from tokkit.freed_memory import give_back_freed_memory
from tokkit.models.training import kept_memory
from tokkit.models.training.kept_memory import freed_memory_kept

N_BYTES = 1 << 27

pytestmark = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other allocators keep memory"
)


@pytest.fixture(autouse=True)
def no_options_of_the_user(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in kept_memory._OF_THE_USER:
        monkeypatch.delenv(name, raising=False)


def held() -> int:
    """Bytes of memory that this process has."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


def pages_mapped(n_bytes: int, times: int) -> int:
    """By the system, for memory that is taken and freed several times."""
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(times):
        np.ones(n_bytes, dtype=np.uint8)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before


def test_freed_memory_is_kept_and_then_given_back() -> None:
    before = held()
    with freed_memory_kept():
        np.ones(N_BYTES, dtype=np.uint8)
        assert held() - before > N_BYTES // 2
    assert held() - before < N_BYTES // 2
    np.ones(N_BYTES, dtype=np.uint8)
    assert held() - before < N_BYTES // 2


def test_what_is_free_between_others_is_given_back_within_a_training() -> None:
    before = held()
    with freed_memory_kept():
        freed = np.ones(N_BYTES, dtype=np.uint8)
        above = np.ones(N_BYTES // 4, dtype=np.uint8)
        del freed
        assert held() - before > N_BYTES
        give_back_freed_memory()
        assert held() - before < N_BYTES
        assert above.all()


def test_later_passes_of_a_model_do_not_map_their_tensors_anew() -> None:
    with freed_memory_kept():
        pass
    pages_mapped(1 << 21, 1)
    assert pages_mapped(1 << 21, 20) < 20 * (1 << 21) // resource.getpagesize() // 4


def test_the_last_of_several_trainings_gives_memory_back() -> None:
    before = held()
    with freed_memory_kept():
        with pytest.raises(ZeroDivisionError), freed_memory_kept():
            raise ZeroDivisionError
        np.ones(N_BYTES, dtype=np.uint8)
        assert held() - before > N_BYTES // 2
    assert held() - before < N_BYTES // 2


def test_options_of_the_user_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MALLOC_TRIM_THRESHOLD_", "131072")
    before = held()
    with freed_memory_kept():
        np.ones(N_BYTES, dtype=np.uint8)
        assert held() - before < N_BYTES // 2
