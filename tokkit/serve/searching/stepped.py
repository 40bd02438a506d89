"""Work of the library that is one long call, done a pass of a model at a time: `in_steps`.

The engine's thread must look after its clients between passes. So such work runs in a thread of its
own that stands still at each pass until the engine lets it go on; the two never run at the same
time, and no model is ever used by both.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from collections.abc import Set as AbstractSet
from threading import Semaphore, Thread, current_thread
from typing import Generic, TypeVar
from weakref import WeakSet

from tokkit.bytelm.batch.sharing import with_shared_sessions
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.token_models.protocol import LogProbs, Node, TokenLM
from tokkit.bytelm.token_models.shared_session import SharedSession
from tokkit.serve.served import token_models

T = TypeVar("T")
PIECE = 256
"""Tokens that are read in one pass, at most."""


class _CancelledError(BaseException):
    """Nobody waits for the work any more."""


class _Baton(Generic[T]):
    """Passed between the engine's thread and that of the work."""

    def __init__(self, work: Callable[[], T]) -> None:
        self._work = work
        self._may_go, self._has_stopped = Semaphore(0), Semaphore(0)
        self._thread = Thread(target=self._run, name="tokkit-errand", daemon=True)
        self._is_cancelled = self.is_done = False
        self.results: list[T] = []
        self.error: BaseException | None = None

    def _run(self) -> None:
        try:
            self.results.append(self._work())
        except BaseException as error:
            self.error = error
        self.is_done = True
        self._has_stopped.release()

    def pause(self) -> None:
        """Of the work: stand still until the engine says so."""
        if current_thread() is self._thread:  # members of an ensemble have threads of their own
            self._has_stopped.release()
            self._may_go.acquire()
            if self._is_cancelled:
                raise _CancelledError

    def step(self) -> None:
        """Of the engine: let the work go on to its next pass, or to its end."""
        if self._thread.ident is None:
            self._thread.start()
        else:
            self._may_go.release()
        self._has_stopped.acquire()

    def cancel(self) -> None:
        """Of the engine: end the work where it stands."""
        self._is_cancelled = True
        while self._thread.ident is not None and not self.is_done:
            self.step()


class PausingSession(SharedSession):
    """A session that pauses before each pass, and makes several of a long one."""

    def __init__(self, token_lm: TokenLM, pause: Callable[[], None]) -> None:
        """Open a session of a model.

        Args:
            token_lm: any.
            pause: called before each pass.
        """
        super().__init__(token_lm)
        self._pause = pause
        self._read: WeakSet[Node] = WeakSet()

    def logprobs(self, nodes: Sequence[Node]) -> LogProbs:
        """See `Session.logprobs`."""
        self._read_before(nodes)
        self._pause()
        return super().logprobs(nodes)

    def logits(self, nodes: Sequence[Node]) -> LogProbs:
        """See `Session.logits`."""
        self._read_before(nodes)
        self._pause()
        return super().logits(nodes)

    def logits_in_passing(self, nodes: Sequence[Node], leaves: AbstractSet[Node]) -> LogProbs:
        """See `Session.logits_in_passing`."""
        self._read_before(nodes)
        self._pause()
        return super().logits_in_passing(nodes, leaves)

    def _read_before(self, nodes: Sequence[Node]) -> None:
        """Evaluate what long contexts have before them, a piece at a time."""
        for node in nodes:
            due: list[Node] = []
            for each in node.lineage():
                if each in self._read:
                    break
                if each.depth and each.depth % PIECE == 0 and each is not node:
                    due.append(each)
            for each in reversed(due):
                self._pause()
                super().logits([each])
                self._read.add(each)


def in_steps(model: ByteModel, work: Callable[[ByteModel], T]) -> Generator[None, None, T]:
    """What work returns; it yields before each pass of the model.

    Args:
        model: that the work asks; one without tokens is asked without pauses.
        work: of a model with the same law.

    Raises:
        Exception: what the work raises.
    """
    paused: list[ByteModel] = []
    baton: _Baton[T] = _Baton(lambda: work(paused[0]))
    sessions: dict[int, SharedSession] = {
        id(lm.token_lm): PausingSession(lm.token_lm, baton.pause) for lm in token_models(model)
    }
    paused.append(with_shared_sessions(model, sessions))
    try:
        while True:
            baton.step()
            if baton.is_done:
                break
            yield
    finally:
        baton.cancel()
    if baton.error is not None:
        raise baton.error
    return baton.results[0]
