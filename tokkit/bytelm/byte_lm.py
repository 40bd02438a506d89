"""`ByteLM`: a language model over tokens, looked through as a distribution over bytes.

The default semantics is *canonical*: the token model with every next token masked out that no
canonical encoding could continue with, and renormalised. It gives no mass to sequences that the
tokenizer never produces; the Byte-Token Representation Lemma (Phan et al., ICLR 2025) then holds
exactly, and so does the chain rule. The other one, `encodings="all"`, is the pushforward of the
unmodified model; see `tokkit.bytelm.encodings.all_encodings_state`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from typing import Any, Literal, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from tokkit.arguments import (
    as_bytes,
    as_ids,
    check_kind,
    check_name,
    check_real,
    check_whole,
    refuse_single_text,
)
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.drawing.together import evaluate_together
from tokkit.bytelm.encodings.all_encodings_state import DEFAULT_BEAM, AllEncodingsState
from tokkit.bytelm.encodings.canonical_state import CoverState
from tokkit.bytelm.encodings.context_limit import context_limit, too_long
from tokkit.bytelm.encodings.evaluation import rows_in_calls
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.text_view import characters
from tokkit.bytelm.token_models.protocol import (
    Node,
    Session,
    TokenLM,
    open_session,
    unknown_id,
)
from tokkit.bytelm.token_models.shared_session import SharedSession
from tokkit.bytelm.windows import cut_windows
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.text.chat.chat import Chat, Message
from tokkit.text.of_text import refuse_other_signals
from tokkit.text.tokenizer import TextTokenizer

Encodings = Literal["canonical", "all"]
DEFAULT_REPLY = 4096
"""Bytes of a reply to a chat, at most."""


def check_semantics(
    encodings: object, tolerance: object, beam: object, bound: object = None
) -> None:
    """Check the options of `ByteLM`, before a model is loaded for it.

    Raises:
        ArgumentError: one does not exist or is out of range.
    """
    if encodings not in ("canonical", "all"):
        raise ArgumentError(f"encodings must be 'canonical' or 'all', got {encodings!r}")
    if beam is not None and encodings != "all":
        raise ArgumentError(
            f"beam={beam} belongs to encodings='all'; canonical encodings need no beam, and "
            "drop heads by tolerance"
        )
    if beam is not None:
        check_whole("beam", beam, 1)
    if not 0 <= check_real("tolerance", tolerance) < 1:
        raise ArgumentError(f"tolerance must be at least 0 and below 1, got {tolerance}")
    if bound is None:
        return
    if encodings != "all":
        raise ArgumentError(
            f"bound={bound} belongs to encodings='all'; canonical encodings are exact"
        )
    if not 0 < check_real("bound", bound) < 1:
        raise ArgumentError(f"bound must lie between 0 and 1, got {bound}")
    if tolerance:
        raise ArgumentError(
            f"bound={bound} and tolerance={tolerance} exclude each other: what the tolerance drops "
            "no wider beam brings back"
        )


LMState: TypeAlias = CoverState | AllEncodingsState
"""What `ByteLM.open` returns: the first with `encodings="canonical"`, the other with `"all"`."""


class ByteLM(ByteModel):
    """The byte-level distribution of a token model, canonical or summed over all encodings.

    Args of the constructor:
        token_lm: any `TokenLM`.
        encodings: `"canonical"`, or `"all"` (see the module).
        tolerance: at each step, drop the lightest heads as long as they hold at most this share
            of the mass together; `dropped_mass` of the state bounds the effect. 0 is exact, up to
            the beam of `"all"`, which drops only heads that have not been evaluated.
        beam: of `"all"` only: a head is evaluated if it is among so many that carry the most mass
            (8). The states carry certified bounds on what that leaves out.
        bound: of `"all"` only: `next_byte_bound` of a state, the share of the mass that may be left
            out, is at most this wherever it is asked: the text is gone through again with beams
            twice as wide each time, up to 4,096, and refused where that is not enough. None: the
            beam stays as it is, however wide its bound.
        name: for tables; default: the tokenizer's.
    """

    def __init__(
        self,
        token_lm: TokenLM,
        *,
        encodings: Encodings = "canonical",
        tolerance: float = 0.0,
        beam: int | None = None,
        bound: float | None = None,
        name: str | None = None,
    ) -> None:
        """Look through `token_lm`.

        Raises:
            ArgumentError: an option that does not exist or is out of range.
            ModelError: the model does not fit its tokenizer.
        """
        check_semantics(encodings, tolerance, beam, bound)
        check_name(name)
        if not hasattr(token_lm, "tokenizer"):
            raise ArgumentError(
                f"expected a token model, got {type(token_lm).__name__} ({token_lm!r:.60}); load "
                "one with load_lm, which returns a ByteLM"
            )
        refuse_other_signals(token_lm.tokenizer)
        self.token_lm = token_lm
        self.name = name or getattr(token_lm, "name", None) or token_lm.tokenizer.name
        self.encodings: Encodings = encodings
        self._beam = DEFAULT_BEAM if beam is None else beam
        self._bound = bound
        self._tolerance = tolerance
        self._vocabulary = ByteVocabulary(token_lm)
        self._given = token_lm.tokenizer.dummy_prefix
        self._session: SharedSession | None = None

    def __repr__(self) -> str:
        """Name, semantics and size of the vocabulary."""
        return (
            f"{type(self).__name__}({self.name!r}, {self.encodings} encodings, "
            f"{self.tokenizer.vocab_size} ids)"
        )

    def __copy__(self) -> Self:
        twin = object.__new__(type(self))
        vars(twin).update(vars(self))
        return twin

    def __getstate__(self) -> dict[str, Any]:
        """For pickles and deep copies: tables are made anew, for caches belong to a process."""
        return vars(self) | {"_vocabulary": self._vocabulary.end_ids, "_session": None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        end_ids = state["_vocabulary"]
        self._vocabulary = ByteVocabulary(self.token_lm)
        self._vocabulary.end_ids = end_ids

    @property
    def tokenizer(self) -> TextTokenizer:
        """The tokenizer of the token model."""
        return self.token_lm.tokenizer

    def to(self, *args: Any, **options: Any) -> Self:
        """Move or convert the model in place, and return this object; see `TransformersLM.to`.

        Raises:
            UnsupportedError: a model that cannot be moved.
        """
        move = getattr(self.token_lm, "to", None)
        if move is None:
            raise UnsupportedError(
                f"{self.name}: a {type(self.token_lm).__name__} stays where it is; only models of "
                "transformers are moved"
            )
        move(*args, **options)
        return self

    def open(self, prefix: str | bytes = b"") -> LMState:
        """A state after `prefix`, with a cache of its own."""
        return self.open_after((), prefix)

    def open_after(self, context: Iterable[int], prefix: str | bytes = b"") -> LMState:
        """A state of a text that begins with `prefix`, after ids that are a condition.

        Args:
            context: ids that are not part of the text, special tokens among them: the frame of a
                chat or of a fill-in-the-middle prompt. They follow BOS where the model has one,
                cost nothing, and the text begins afresh after them.
            prefix: the beginning of the text. With a context there is no dummy prefix.

        Raises:
            EncodingError: an id outside the vocabulary.
        """
        session = self._session or open_session(self.token_lm)
        start = session.root
        for token in as_ids(context, "context"):
            self.token_lm.tokenizer.token_bytes(token)
            start = session.extend(start, token)
        given = self._given if start is session.root else b""
        return self._open(as_bytes(prefix), session, start, given)

    def _open(self, prefix: bytes, session: Session, start: Node, given: bytes) -> LMState:
        if self.encodings == "all":
            state = AllEncodingsState(
                self.token_lm.tokenizer,
                self._vocabulary,
                session,
                start,
                beam=self._beam,
                tolerance=self._tolerance,
                given=given,
                bound=self._bound,
            )
        else:
            state = CoverState(
                self._vocabulary, session, start, tolerance=self._tolerance, given=given
            )
        state.push(prefix)
        return state

    def _joint_logprob(self, data: bytes, prefix: bytes, end: bool) -> float:
        """See `ByteModel.logprob`.

        Evaluates all positions, as `byte_logprobs` does, so that the chain rule holds to rounding
        in float64 even where the model itself runs in float32.
        """
        tallies = self.open(prefix).tallies(data)
        before, after = tallies[0].log_total, tallies[-1].log_total
        if after == -np.inf:
            return -np.inf
        return after - before + (float(tallies[-1].logprobs()[END]) if end else 0.0)

    @property
    def law(self) -> object:
        """See `ByteModel.law`."""
        law = self._vocabulary.law, self._tolerance
        return (*law, self._beam, self._bound) if self.encodings == "all" else law

    def sharing(self, session: SharedSession) -> Self:
        """The same model, whose texts all grow in one session.

        Args:
            session: of this token model.
        """
        twin = copy(self)
        twin._session = session
        return twin

    @property
    def session(self) -> SharedSession | None:
        """The session that its texts share, if they do: see `sharing`."""
        return self._session

    @property
    def tolerance(self) -> float:
        """The share of the mass that may be dropped at each step."""
        return self._tolerance

    @property
    def beam(self) -> int:
        """Heads that are evaluated at each step, of `encodings="all"`."""
        return self._beam

    @property
    def bound(self) -> float | None:
        """The share of the mass that may be left out, of `encodings="all"`."""
        return self._bound

    @property
    def vocabulary(self) -> ByteVocabulary:
        """The sorted tokens and the canonical automaton, which all states share."""
        return self._vocabulary

    def with_end_ids(self, end_ids: Iterable[int]) -> Self:
        """The same model with other ids pooled into end of text, in place of `TokenLM.eos_ids`.

        Raises:
            EncodingError: an id outside the vocabulary.
        """
        ends = sorted(set(as_ids(end_ids, "end_ids", ordered=False)))
        for token in ends:
            self.token_lm.tokenizer.token_bytes(token)
        twin = copy(self)
        twin._vocabulary = copy(self._vocabulary)
        twin._vocabulary.end_ids = np.array(ends, dtype=np.int64)
        return twin

    def with_tolerance(self, tolerance: float) -> Self:
        """The same model with another tolerance.

        Raises:
            ArgumentError: out of range.
        """
        check_semantics(self.encodings, tolerance, None, self._bound)
        twin = copy(self)
        twin._tolerance = tolerance
        return twin

    def open_chat(self, chat: Chat) -> tuple[Self, LMState]:
        """Where the model replies to a chat.

        What stands in the messages' contents is text, whatever it spells: control tokens are those
        of the template alone. The last words of the template (`assistant`, a line break) are the
        beginning of the text that the model goes on with.

        Args:
            chat: messages for the template that came with the tokenizer, or for another.

        Returns:
            The model, for which a reply ends where the template ends one; and its state there.

        Raises:
            UnsupportedError: no template, or contents that cannot be told from control.
            FormatError: the template is damaged, or refuses the messages.
        """
        from tokkit.text.chat.prompt import chat_prompt, end_of_turn

        check_kind(chat, Chat, "chat", "pass Chat([{'role': 'user', 'content': ...}])")
        prompt = chat_prompt(self.tokenizer, chat)
        end = end_of_turn(self.tokenizer, chat, prompt)
        ends = self._vocabulary.end_ids.tolist()
        model = self if end is None else self.with_end_ids([*ends, end])
        before = tuple(getattr(self.token_lm, "bos_ids", ()))  # which the model adds itself
        ids = prompt.ids
        ids = ids[len(before) :] if before and ids[: len(before)] == before else ids
        return model, model.open_after(ids, prompt.text)

    def stream_chat(
        self,
        messages: Sequence[Message] | Chat,
        *,
        max_bytes: int = DEFAULT_REPLY,
        tools: Sequence[Any] | None = None,
        template: str | None = None,
        **options: Any,
    ) -> Iterator[str]:
        """Reply to a chat, character by character.

        Args:
            messages: `[{"role": "user", "content": "..."}, ...]`, or a `Chat`.
            max_bytes: of the reply, at most.
            tools: see `Chat`.
            template: see `Chat`.
            **options: of `ByteModel.stream`; `valid_utf8` is True by default.

        Raises:
            ArgumentError, MissingExtraError, ModelError: see `ByteModel.stream`.
            UnsupportedError, FormatError: see `open_chat`.
        """
        given = messages if isinstance(messages, Chat) else Chat(messages, tools, template)
        model, state = self.open_chat(given)
        options.setdefault("valid_utf8", True)
        return characters(model.stream(b"", max_bytes=max_bytes, state=state, **options))

    def chat(
        self,
        messages: Sequence[Message] | Chat,
        *,
        max_bytes: int = DEFAULT_REPLY,
        tools: Sequence[Any] | None = None,
        template: str | None = None,
        **options: Any,
    ) -> str:
        """Reply to a chat; see `stream_chat`."""
        return "".join(
            self.stream_chat(
                messages, max_bytes=max_bytes, tools=tools, template=template, **options
            )
        )

    def open_batch(self, prefixes: Sequence[str | bytes]) -> list[LMState]:
        """States after several prefixes that share one cache and are evaluated together."""
        refuse_single_text(prefixes, "prefixes")
        session = open_session(self.token_lm)
        states = [
            self._open(as_bytes(prefix), session, session.root, self._given) for prefix in prefixes
        ]
        evaluate_together(states)
        return states

    def token_logprob(
        self, data: str | bytes, *, window: int | None = None, stride: int | None = None
    ) -> float:
        """Log-probability, nats, of the canonical tokenization of `data` under the token model.

        Neither masked nor summed over anything: what is usually reported for a token model. It
        says that the text is these tokens so far, and that the last one ends with `data`.

        Args:
            data: the text.
            window: see `logprob`. A token belongs to the window in which it begins, and is given
                the tokens before it that begin in the window, too.
            stride: see `logprob`.

        Raises:
            ArgumentError: a window or stride out of range.
            EncodingError: the vocabulary cannot express `data`.
            ModelError: more tokens than the model reads, and no window.
        """
        data = as_bytes(data)
        if window is None and stride is None:
            ids = self.token_lm.tokenizer.encode(data, normalize=False)
            return float(self.ids_logprobs(ids).sum())
        encoding = self.token_lm.tokenizer.encode_with_offsets(data, normalize=False)
        ids, begins = encoding.ids.tolist(), encoding.starts
        total = 0.0
        for places in cut_windows(data, window, stride):
            first, start, stop = np.searchsorted(begins, places).tolist()
            if places[-1] == len(data):
                stop = len(ids)
            total += float(self.ids_logprobs(ids[first:stop], start - first).sum())
        return total

    def ids_logprobs(self, ids: Sequence[int], n_given: int = 0) -> NDArray[np.float64]:
        """float64 (len(ids) - n_given,), nats: each id under the token model, given those before.

        Args:
            ids: of a text, BOS not among them.
            n_given: so many at their beginning are a condition.

        Raises:
            ArgumentError: something else than ids, or more given ones than there are.
            EncodingError: an id outside the vocabulary.
            ModelError: more ids than the model reads, or it returned NaN.
        """
        ids, size = list(as_ids(ids, "ids")), self.tokenizer.vocab_size
        check_whole("n_given", n_given, 0, len(ids))
        if ids and not 0 <= min(ids) <= max(ids) < size:
            raise unknown_id(min(ids) if min(ids) < 0 else max(ids), size)
        limit = context_limit(self.token_lm)
        if limit is not None and len(ids) - 1 > limit:
            raise too_long(self.token_lm, len(ids))
        session = open_session(self.token_lm)
        if not ids:
            return np.zeros(0)
        nodes = session.path(session.root, ids[:-1])
        found: list[NDArray[np.float64]] = [np.zeros(0)]
        steps = list(zip(nodes, ids, strict=True))[n_given:]

        def ask(chunk: Sequence[tuple[Node, int]]) -> NDArray[np.floating[Any]]:
            return session.logprobs([node for node, _ in chunk])

        for chunk, rows in rows_in_calls(self._vocabulary, session, ask, steps):
            chosen = [token for _, token in chunk]
            found.append(rows[np.arange(len(chosen)), chosen].astype(np.float64))
        logprobs = np.concatenate(found)
        if np.isnan(logprobs).any():
            raise ModelError(f"{self.name} returned NaN log-probabilities; check its weights")
        return logprobs
