"""Texts that come and go under one model, all of them in the same passes: `Batch`.

`generate_batch` takes all prompts at once and returns when all are done. A server cannot wait: here
texts are added and dropped at any time, each with options of its own, and every `step` runs each
token model once for all of them. What they have in common is computed once, and what was seen
before is remembered as long as there is room.

Memory is counted in tokens that the caches of a model hold, for texts that are drawn and for what
is remembered. A text is admitted when what it may need is free; for that, what is remembered is
forgotten, the least recently used first.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from tokkit.arguments import as_bytes, check_flags, check_kind, check_whole
from tokkit.bytelm.batch.counted_tokens import TokenCounter, count_tokens
from tokkit.bytelm.batch.opening import Opener
from tokkit.bytelm.batch.prefixes import Prefixes
from tokkit.bytelm.batch.sharing import (
    is_independent_of_pieces,
    with_shared_sessions,
)
from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.batch.task import Handle, Task
from tokkit.bytelm.byte_model import ByteModel, check_model
from tokkit.bytelm.drawing.draw import Finish
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.drawing.together import evaluate_together
from tokkit.bytelm.token_models.shared_session import SharedSession
from tokkit.errors import ArgumentError, ModelError, TokkitError
from tokkit.text.tokenizer import TextTokenizer

_MARKERS = 16
"""Control tokens of a FIM prompt, at most."""


@dataclass(frozen=True, kw_only=True)
class BatchOptions:
    """How a `Batch` shares its model.

    Attributes:
        max_running: texts that are drawn at the same time; the others wait.
        max_prefixes: states of earlier texts that are remembered.
        max_proposed: contexts that all texts together propose for a step (`Request.speculate`). So
            many tokens, but no more than an eighth, are kept free while a text may propose some,
            and nothing that is remembered is forgotten for proposals.
        pieces_a_step: pieces of prompts (of `PIECE` bytes) that are read in one step.
        newest_first: which of the waiting texts is admitted next.
        tokenizer: whose tokens count (`max_tokens` of `add`, `Handle.token_ends`); None: those of
            the first token model.
    """

    max_running: int = 32
    max_prefixes: int = 64
    max_proposed: int = 512
    pieces_a_step: int = 2
    newest_first: bool = False
    tokenizer: TextTokenizer | None = None

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ArgumentError: one is out of range.
        """
        check_whole("max_running", self.max_running, 1)
        check_whole("max_prefixes", self.max_prefixes, 0)
        check_whole("max_proposed", self.max_proposed, 0)
        check_whole("pieces_a_step", self.pieces_a_step, 1)
        check_flags(newest_first=self.newest_first)
        check_kind(self.tokenizer, (TextTokenizer, type(None)), "tokenizer")


class Batch:
    """Texts that are drawn side by side, from one model or an ensemble.

    Each speculates at its own pace (`Request.speculate`), and each is, byte for byte, what
    `generate` (or `infill`) gives for its request alone, but for the rounding of the model, which
    may differ between batches. A step is one call of each token model for all requests without a
    suffix; those with one share another.

    Not thread-safe.
    """

    def __init__(
        self, lm: ByteModel, *, max_tokens: int = 1 << 15, options: BatchOptions | None = None
    ) -> None:
        """Open the model; evaluates the start of a text.

        Args:
            lm: any byte-level model.
            max_tokens: what the cache of each token model holds at most, at least 256. A model that
                has no tokens counts bytes, for each text anew.
            options: how the model is shared.

        Raises:
            ArgumentError: no byte-level model, or an option out of range.
        """
        check_model(lm)
        check_whole("max_tokens", max_tokens, 256)
        check_kind(options, (BatchOptions, type(None)), "options")
        self._options = options or BatchOptions()
        self._max_tokens = max_tokens
        counting = self._options.tokenizer
        self._counter = None if counting is None else TokenCounter(counting)
        self._most_proposed = min(self._options.max_proposed, max_tokens // 8)
        self._sessions: dict[int, SharedSession] = {}
        self._model = with_shared_sessions(lm, self._sessions)
        self._prefixes = Prefixes(self._options.max_prefixes)
        self._opener = Opener(
            self._model, self._prefixes, in_pieces=is_independent_of_pieces(self._model)
        )
        singles = self._opener.root.stands_on
        self._has_others = any(not isinstance(s.cache, SharedSession) for s in singles)
        self._waiting: deque[Task] = deque()
        self._running: dict[Handle, Task] = {}

    @property
    def n_waiting(self) -> int:
        """Texts that are not admitted yet."""
        return len(self._waiting)

    @property
    def n_running(self) -> int:
        """Texts whose prompt is read or that are drawn."""
        return len(self._running)

    @property
    def n_tokens(self) -> int:
        """Tokens that are held now, of the token model that holds the most."""
        held = max((session.n_nodes for session in self._sessions.values()), default=0)
        if self._has_others:
            texts = sum(len(task.read_text) for task in self._running.values())
            held = max(held, self._prefixes.n_bytes + texts)
        return held

    @property
    def tokens_reused(self) -> int:
        """Tokens of prompts that were not computed again, so far."""
        return self._opener.tokens_reused

    def add(
        self,
        request: Request,
        *,
        max_tokens: int | None = None,
        keep_logprobs: bool = False,
        keep_rows: bool = False,
        surroundings: Surroundings | None = None,
    ) -> Handle:
        """Ask for a text; it begins in one of the next steps.

        Args:
            request: what is asked. With a `suffix` it is a middle, as `infill` gives it.
            max_tokens: end after so many tokens of the first token model in `lm`, or of
                `BatchOptions.tokenizer`: where the text is sure to have them, whatever would
                follow. `max_bytes` holds, too.
            keep_logprobs: keep the log-probabilities of all bytes in `Handle.logprobs`, for which
                a pass is made before each byte that was not proposed; without, a byte is drawn
                without a pass where a pass could not change it, as `generate` does.
            keep_rows: keep the distributions of all bytes (2 kB each) in `Handle.rows`, and
                log-probabilities.
            surroundings: what stands around the text.

        Raises:
            ArgumentError: a request that no limit lets in, an unusable pattern, a pattern or a
                context and a suffix, or no suffix and what begins a gap or stands before it.
            MissingExtraError: a pattern, and llguidance is not installed.
        """
        check_kind(request, Request, "request")
        if max_tokens is not None:
            check_whole("max_tokens", max_tokens, 1)
        check_flags(keep_logprobs=keep_logprobs, keep_rows=keep_rows)
        if request.suffix is not None and request.pattern is not None:
            raise ArgumentError("pattern goes with no suffix; leave out one of them")
        check_kind(surroundings, (Surroundings, type(None)), "surroundings")
        given = surroundings or Surroundings()
        if request.suffix is None and given.begins:
            raise ArgumentError("begins is of a gap; pass a suffix, or let the prompt end with it")
        if request.suffix is None and given.files is not None:
            raise ArgumentError("files are of a gap; pass a suffix, or put them in the prompt")
        if request.suffix is not None and given.context:
            raise ArgumentError("context goes with no suffix; leave out one of them")
        handle = Handle(request, given, max_tokens, keep_logprobs or keep_rows, keep_rows)
        n_prompt = self.count(request, given)
        task = Task(self._model.name, handle, n_prompt, self._counter)
        needed = self._needed([task])
        if needed > self._max_tokens:
            raise ArgumentError(
                f"the request may need {needed:,} tokens of cache, more than the "
                f"{self._max_tokens:,} that there are; ask for less, or raise max_tokens of the "
                "batch"
            )
        self._waiting.append(task)
        return handle

    def drop(self, handle: Handle) -> None:
        """Forget a text, whether it waits or is drawn; what is over stays as it is."""
        check_kind(handle, Handle, "handle", "pass what add returned")
        task = self._running.pop(handle, None)
        if task is not None:
            task.close()
        self._waiting = deque(task for task in self._waiting if task.handle is not handle)

    def end(self, handle: Handle) -> bytes:
        """End a text now, as if it had reached its length; the bytes that were held back.

        Nothing of one that is over, or that has not begun.
        """
        task = self._running.get(handle)
        self.drop(handle)
        if task is None:
            handle.finish = handle.finish or "length"
            return b""
        return task.end()

    def step(self) -> list[tuple[Handle, bytes, Finish | None]]:
        """Draw at least a symbol of each text, and read some of the prompts that have come.

        Returns:
            For each text that has something new: its handle, the bytes that are now certain, and
            once, as the last, why it has ended. A text that ends by an error says so in
            `Handle.error`, and does not disturb the others.
        """
        self._admit()
        failed = self._evaluate()
        news: list[tuple[Handle, bytes, Finish | None]] = []
        for task in list(self._running.values()):
            data = b""
            try:
                if task in failed:
                    raise failed[task]
                if not task.reading:
                    data = task.advance()
            except TokkitError as error:
                task.fail(error)
            finish = task.handle.finish
            if finish is not None:
                del self._running[task.handle]
                self._remember(task)
            if data or finish is not None:
                news.append((task.handle, data, finish))
        return news + self._make_room()

    def count(self, request: Request, surroundings: Surroundings | None = None) -> int:
        """Tokens of all that a text is given, of the token model that needs the most."""
        given = surroundings or Surroundings()
        parts = [request.text, as_bytes(request.suffix or b""), given.begins]
        if given.files is not None:
            parts += [as_bytes(text) for pair in given.files.files.items() for text in pair]
        sizes = [
            sum(count_tokens(part, session.token_lm.tokenizer) for part in parts)
            for session in self._sessions.values()
        ]
        if self._has_others:
            sizes.append(sum(map(len, parts)))
        return max(sizes) + len(given.context) + (_MARKERS if request.suffix is not None else 0)

    def _needed(self, tasks: Sequence[Task]) -> int:
        """Tokens that texts may still add, at most, proposals for them included."""
        proposed = self._most_proposed if any(task.speculates for task in tasks) else 0
        return sum(task.to_come for task in tasks) + proposed

    def _admit(self) -> None:
        """Let waiting texts in while what they may need is free, or can be forgotten."""
        while self._waiting and len(self._running) < self._options.max_running:
            task = self._waiting[-1 if self._options.newest_first else 0]
            promised = self._needed([*self._running.values(), task])
            while self._prefixes and self.n_tokens + promised > self._max_tokens:
                self._prefixes.forget_oldest()
            if self._running and self.n_tokens + promised > self._max_tokens:
                return
            self._waiting.pop() if self._options.newest_first else self._waiting.popleft()
            self._running[task.handle] = task

    def _evaluate(self) -> dict[Task, TokkitError]:
        """Read pieces of prompts, and run each token model once for all; the prompts refused."""
        failed: dict[Task, TokkitError] = {}
        drawn = [task for task in self._running.values() if task.needs_pass]
        for task in drawn:
            task.prepare(1 / len(drawn), self._most_proposed // len(drawn))
        states = [task.state for task in drawn if task.state is not None]
        pieces = self._options.pieces_a_step
        for task in self._running.values():
            if task.reading and pieces > 0:
                pieces -= 1
                try:
                    state = task.read(self._opener)
                except TokkitError as error:
                    failed[task] = error
                    continue
                pieces += not task.reading  # that was no piece, but the end of the last one
                states += [] if state is None else [state]
        with suppress(TokkitError):  # the text that it is about finds out by itself
            evaluate_together(states)
        return failed

    def _remember(self, task: Task) -> None:
        """Keep where a plain text has ended: a chat, or an editor, goes on from there."""
        handle = task.handle
        is_plain = handle.request.suffix is None and not handle.surroundings.context
        if task.state is None or not is_plain or handle.finish == "error":
            return
        if task.state.is_evaluated:
            self._opener.remember(task.read_text, task.state)
        else:  # it came here by bytes that were drawn
            self._opener.keep(task.read_text, task.state)

    def _make_room(self) -> list[tuple[Handle, bytes, Finish | None]]:
        """Hold no more than is permitted, should the estimate of a text have been too low."""
        over: list[tuple[Handle, bytes, Finish | None]] = []
        while self.n_tokens > self._max_tokens and (self._prefixes or self._running):
            if self._prefixes:
                self._prefixes.forget_oldest()
                continue
            handle, task = self._running.popitem()
            task.fail(ModelError(f"the text needs more than {self._max_tokens:,} tokens of cache"))
            over.append((handle, b"", handle.finish))
            del task
        return over
