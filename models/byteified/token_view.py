"""What a token model says of the next byte after the tokens that are settled: `TokenView`.

One pass of the backbone a settled token gives a hidden state and the probabilities of all tokens
there. Of the token that is being spelled behind it two things are known exactly:

- the shares of the next byte, if the token goes on beyond the bytes that are there, and
- the odds that one has ended among them.

What follows an ended token is for the decoder to say; the exact sum (`tokkit.ByteLM`) runs the
backbone once more for each such ending.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol, cast

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import N_SYMBOLS
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.evaluation import evaluate
from tokkit.bytelm.encodings.heads import Head, Stem
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import Node, Session
from tokkit.errors import UnsupportedError
from tokkit.models.byteified.settling import Place, place_of

LONGEST_SUFFIX = 16
"""Bytes of the tokens that a text is looked up to end with, at most."""


class StateSession(Protocol):
    """A session that gives hidden states, too."""

    def states(self, nodes: Sequence[Node]) -> torch.Tensor:
        """Float (len(nodes), width): what the output head is given."""
        ...


@dataclass(frozen=True, eq=False)
class Settled:
    """What the token model says after the settled tokens.

    Attributes:
        stem: them.
        state: float (width,), what the output head is given.
        shares: float (n,), of the sorted tokens.
        symbols: float64 (257,), probabilities of the first byte of the next token; the last of end
            of text.
    """

    stem: Stem
    state: NDArray[np.floating[Any]]
    shares: NDArray[np.floating[Any]]
    symbols: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reading:
    """What has been read of a text; a value.

    Attributes:
        cover: its heads, which are never evaluated.
        recent: its last bytes.
        settled: what the model says after the settled tokens; None where nothing was asked.
    """

    cover: Cover
    recent: bytes
    settled: Settled | None


@dataclass(frozen=True, eq=False)
class TokenView:
    """The token model at n places of a text.

    Attributes:
        states: float (n_settled, width), after the settled tokens.
        settled: int64 (n,), which of them stands at each place.
        depths: int64 (n,), bytes behind the settled tokens.
        shares: float64 (n, 257), of the next symbol if the token goes on; 0 where none can. Where
            the depth is 0, they are all there is to know, and the last is of end of text.
        ended: float64 (n,), the share of those tokens that may have ended, of them and of those
            that go on.
        suffixes: int64 (n,), the longest token that the text ends with; the number of ids where
            there is none.
    """

    states: NDArray[np.floating[Any]]
    settled: NDArray[np.int64]
    depths: NDArray[np.int64]
    shares: NDArray[np.float64]
    ended: NDArray[np.float64]
    suffixes: NDArray[np.int64]

    def __len__(self) -> int:
        """How many places there are."""
        return len(self.depths)


class TokenReader:
    """Reads texts with a token model, a pass for each token that is settled."""

    def __init__(self, lm: ByteLM) -> None:
        """Look through a token model.

        Raises:
            UnsupportedError: it gives no hidden states, or needs something before each text.
        """
        session = lm.token_lm.session() if hasattr(lm.token_lm, "session") else None  # type: ignore[attr-defined]
        if not hasattr(session, "states"):
            raise UnsupportedError(
                f"{lm.name}: no hidden states can be had of it; byteify a model of transformers "
                "with attention that is evaluated as a tree (way='tree')"
            )
        if lm.token_lm.tokenizer.dummy_prefix:
            raise UnsupportedError(
                f"{lm.name}: its tokenizer puts {lm.token_lm.tokenizer.dummy_prefix!r} before each "
                "text; byteify a model whose tokenizer does not"
            )
        self._session = cast(Session, session)
        self._vocabulary = ByteVocabulary(lm.token_lm)
        spelled = lm.token_lm.tokenizer.spec.token_bytes
        self.n_ids = self._vocabulary.vocab_size
        self._id_of = {
            spelled[token]: token
            for token in reversed(self._vocabulary.order.tolist())
            if len(spelled[token]) <= LONGEST_SUFFIX
        }

    @cached_property
    def width(self) -> int:
        """Of the hidden states."""
        return cast(StateSession, self._session).states([self._session.root]).shape[1]

    @property
    def held_bytes(self) -> NDArray[np.bool_]:
        """Bool (257,): bytes that some token holds, and end of text where there is an id of it."""
        held = np.zeros(N_SYMBOLS, dtype=np.bool_)
        held[self._vocabulary.trie.data] = True
        held[-1] = len(self._vocabulary.end_ids) > 0
        return held

    def can_write(self, data: bytes) -> bool:
        """Whether the tokens can spell a text."""
        return self._vocabulary.first_missing(data) is None

    def start(self) -> Reading:
        """Nothing has been read."""
        return Reading(Cover(self._vocabulary, self._session, self._session.root), b"", None)

    def read(
        self, readings: Sequence[Reading], data: Sequence[bytes], *, first: bool = False
    ) -> tuple[list[Reading], list[TokenView]]:
        """Read on, in few passes for all of them.

        Args:
            readings: of texts.
            data: what follows each.
            first: whether the place before the first byte is wanted, too.

        Returns:
            The readings of the longer texts, and of each the places after each byte of `data`.
        """
        covers = [reading.cover.fork() for reading in readings]
        places = [
            [place_of(cover)] * first + list(_places(cover, text))
            for cover, text in zip(covers, data, strict=True)
        ]
        found = self._evaluated(readings, places)
        views: list[TokenView] = []
        later: list[Reading] = []
        for reading, cover, text, each in zip(readings, covers, data, places, strict=True):
            recent = reading.recent + text
            views.append(self._view(each, found, recent))
            last = each[-1] if each else None
            settled = reading.settled if last is None else found.get(last.stem)
            later.append(Reading(cover, recent[-LONGEST_SUFFIX:], settled))
        return later, views

    def _evaluated(
        self, readings: Sequence[Reading], places: Sequence[Sequence[Place | None]]
    ) -> dict[Stem, Settled]:
        """What the model says after all settled tokens of some places, each once."""
        found = {
            reading.settled.stem: reading.settled
            for reading in readings
            if reading.settled is not None
        }
        wanted = {
            place.stem: Head(place.stem, None, 0.0)
            for each in places
            for place in each
            if place is not None and place.stem not in found
        }
        if not wanted:
            return found
        probes = list(wanted.values())
        states = cast(StateSession, self._session).states([probe.node for probe in probes])
        rows = dict(zip(probes, states.cpu().numpy(), strict=True))
        for probe in evaluate(self._vocabulary, self._session, probes, {}):
            assert probe.weights is not None
            shares = probe.weights / probe.weights.dtype.type(probe.total)
            found[probe.stem] = Settled(probe.stem, rows[probe], shares, probe.symbols)
        return found

    def _view(
        self,
        places: Sequence[Place | None],
        found: dict[Stem, Settled],
        text: bytes,
    ) -> TokenView:
        """The view of some places, at the end of a text of which the last bytes are given."""
        n = len(places)
        stems = dict.fromkeys(place.stem for place in places if place is not None)
        numbers = {stem: number for number, stem in enumerate(stems)}
        known = [found[stem] for stem in stems]
        view = TokenView(
            np.stack([each.state for each in known] or [np.zeros(self.width, np.float32)]),
            np.zeros(n, np.int64),
            np.zeros(n, np.int64),
            np.zeros((n, N_SYMBOLS)),
            np.zeros(n),
            np.array([self._suffix(text[: len(text) - k]) for k in reversed(range(n))], np.int64),
        )
        for row, place in enumerate(places):
            if place is not None:
                view.settled[row] = numbers[place.stem]
                view.depths[row] = place.depth
                view.shares[row], view.ended[row] = self._shares(place, found[place.stem])
        return view

    def _shares(self, place: Place, settled: Settled) -> tuple[NDArray[np.float64], float]:
        """Shares of the next symbol if the token goes on, and that of tokens that ended."""
        if place.depth == 0:
            total = settled.symbols.sum()
            return settled.symbols / (total if total > 0 else 1.0), 0.0
        going = settled.shares[place.low : place.high]
        sums = self._vocabulary.symbol_sums(place.low, place.depth, going)
        total = float(sums.sum())
        ended = float(settled.shares[list(place.ended)].sum()) if place.ended else 0.0
        if total <= 0:
            return np.zeros(N_SYMBOLS), 1.0
        return sums / total, ended / (ended + total)

    def _suffix(self, text: bytes) -> int:
        """The longest token that a text ends with."""
        for length in range(min(len(text), LONGEST_SUFFIX), 0, -1):
            token = self._id_of.get(text[-length:])
            if token is not None:
                return token
        return self.n_ids


def _places(cover: Cover, text: bytes) -> Iterator[Place | None]:
    """Where a text stands after each of more bytes."""
    for byte in text:
        cover.push(bytes([byte]))
        yield place_of(cover)
