"""Ctrl-C ends a command wherever it falls; no test here depends on how fast a machine is."""

from __future__ import annotations

import ctypes
import gc
import signal
import sys
import threading
import weakref
from collections.abc import Callable, Generator
from contextlib import suppress
from typing import Any

import pytest

import tokkit
from tokkit import cli
from tokkit.cli import interruptions

pytestmark = pytest.mark.usefixtures("sigint_raises", "hook_is_put_back")


@pytest.fixture
def hook_is_put_back() -> Generator[None]:
    hook = sys.unraisablehook
    yield
    assert sys.unraisablehook is hook
    assert signal.getsignal(signal.SIGINT) in (signal.default_int_handler, signal.SIG_IGN)


def press() -> None:
    signal.raise_signal(signal.SIGINT)


class OnTheWayOut:
    """Is interrupted as it goes."""

    def __del__(self) -> None:
        press()


class Attributes:
    """Is interrupted as an attribute is looked for."""

    def __getattr__(self, name: str) -> Any:
        press()
        raise AttributeError(name)


def in_a_finaliser() -> None:
    OnTheWayOut()


def in_a_cycle() -> None:
    first: Any = OnTheWayOut()
    first.itself = first
    del first
    gc.collect()


def in_a_callback_of_a_weak_reference() -> None:
    each: Any = OnTheWayOut.__new__(type("Plain", (), {}))
    watched = weakref.ref(each, lambda _: press())
    del each
    assert watched() is None


def in_a_callback_from_c() -> None:
    ctypes.CFUNCTYPE(None)(press)()


def below_c_that_drops_errors() -> None:
    ask = ctypes.pythonapi.PyObject_HasAttrString
    ask.argtypes = [ctypes.py_object, ctypes.c_char_p]
    assert not ask(Attributes(), b"anything")


def below_code_that_drops_everything() -> None:
    with suppress(BaseException):
        press()


def twice() -> None:
    in_a_finaliser()
    below_code_that_drops_everything()


def raised_in_a_finaliser_by_hand() -> None:
    class Raises:
        def __del__(self) -> None:
            raise KeyboardInterrupt

    Raises()


PLACES = (
    in_a_finaliser,
    in_a_cycle,
    in_a_callback_of_a_weak_reference,
    in_a_callback_from_c,
    below_c_that_drops_errors,
    below_code_that_drops_everything,
    twice,
    raised_in_a_finaliser_by_hand,
)


def run_with(monkeypatch: pytest.MonkeyPatch, work: Callable[[], object]) -> int:
    """The exit code of a command whose work this is."""
    monkeypatch.setitem(vars(tokkit), "load_tokenizer", lambda *_, **__: work())
    monkeypatch.setattr("tokkit.cli.option_types.Source.check", lambda *_: None)
    return cli.main(["tokenize", "any", "--text", "x"])


@pytest.mark.parametrize("fall", PLACES)
def test_it_ends_what_goes_on(
    fall: Callable[[], object], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    def work() -> None:
        fall()
        assert not threading.Event().wait(600)
        raise AssertionError("it was lost")

    assert run_with(monkeypatch, work) == 130
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("fall", PLACES)
def test_what_ends_before_it_comes_again_is_interrupted_too(
    fall: Callable[[], object], monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    from tests.cli.fake_models import FakeTokenizer

    monkeypatch.setattr(interruptions, "_SOON", 600.0)

    def work() -> FakeTokenizer:
        fall()
        return FakeTokenizer()

    assert run_with(monkeypatch, work) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_one_that_is_handled_does_not_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """While it is on its way, or something holds it, as a group of threads does."""
    monkeypatch.setattr(interruptions._Watch, "repeat", lambda _: pytest.fail("it came again"))

    def work() -> None:
        held: list[BaseException] = []
        try:
            press()
        except KeyboardInterrupt as error:
            held.append(error)
        gc.collect()
        try:
            raise held.pop()
        finally:
            gc.collect()

    assert run_with(monkeypatch, work) == 130


def test_where_it_is_ignored_it_stays_so(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.cli.fake_models import FakeTokenizer

    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def work() -> FakeTokenizer:
        press()
        return FakeTokenizer()

    assert run_with(monkeypatch, work) == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN


def test_outside_the_main_thread_nothing_changes() -> None:
    codes: list[int] = []
    thread = threading.Thread(target=lambda: codes.append(cli.main(["tokenize", "no/such"])))
    thread.start()
    thread.join()
    assert codes == [2]


def test_other_errors_of_finalisers_are_told_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tests.cli.fake_models import FakeTokenizer

    told: list[type[BaseException]] = []

    class Wrong:
        def __del__(self) -> None:
            raise ValueError("wrong")

    def work() -> FakeTokenizer:
        Wrong()
        return FakeTokenizer()

    with monkeypatch.context() as patch:
        patch.setattr(sys, "unraisablehook", lambda dropped: told.append(dropped.exc_type))
        assert run_with(patch, work) == 0
    assert told == [ValueError]
