r"""All ways in which tokens complete the piece around a token, on one side (BPE).

A token that ends inside a character, or where the pretokenizer leaves no boundary, needs a token
after it; and likewise before it. After `b"\xc2"` may come `b"\xa4\xed"`, which again ends inside a
character, and so forth, until a piece may end. Steps are pairs that the merges keep apart, so that
what is found is an encoding within a piece; it is dropped as soon as the pretokenizer leaves the
characters so far in no piece (`contexts`), or no normalised text holds them (`images`).

The search is exhaustive, up to a limit: where it finds nothing, and ran into no limit, no text
produces the token.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tokkit.audit.vocabulary.reach.contexts import Context, Contexts, Symbols
from tokkit.audit.vocabulary.reach.fragments import Placement, placements
from tokkit.audit.vocabulary.reach.images import cannot_stand
from tokkit.audit.vocabulary.reach.neighbours import Neighbours
from tokkit.text.normalizers import whole_normalizer
from tokkit.text.tokenizer import TextTokenizer

MAX_STEPS = 4_000
MAX_FOUND = 64

ClassStrings = Callable[[list[Placement]], set[Symbols]]


@dataclass(frozen=True)
class Completions:
    """Spellings that complete a token on one side.

    Attributes:
        spellings: the token with what completes it; shortest first.
        exhaustive: whether there are no others.
    """

    spellings: tuple[bytes, ...]
    exhaustive: bool


class CompletionSearch:
    """Completes tokens of one tokenizer, whose contexts must be complete."""

    def __init__(
        self,
        tokenizer: TextTokenizer,
        contexts: Contexts,
        neighbours: Neighbours,
        class_strings: ClassStrings,
    ) -> None:
        assert contexts.complete
        self._spec = tokenizer.spec
        self._contexts = contexts
        self._neighbours = neighbours
        self._class_strings = class_strings

    def complete(self, token: int, *, forwards: bool) -> Completions | None:
        """What may stand beside a token until a piece may begin or end there.

        Args:
            token: a NORMAL token that is what its own bytes are encoded to within a piece.
            forwards: after it; otherwise before it.

        Returns:
            None if nothing is needed: a piece may begin or end with the token.
        """
        spelling = self._spec.token_bytes[token]
        ways = self._possible(spelling)
        if any(self._is_closed(way, forwards=forwards) for way in ways):
            return None
        queue = [(spelling, token, ways)]
        seen: set[tuple[frozenset[Symbols], int]] = set()
        found: list[bytes] = []
        exhaustive = True
        n_steps = 0
        for data, last, ways in queue:
            for other in self._beside(data, last, ways, forwards=forwards):
                n_steps += 1
                part = self._spec.token_bytes[other]
                grown = data + part if forwards else part + data
                longer = self._possible(grown)
                if any(self._is_closed(way, forwards=forwards) for way in longer):
                    found.append(grown)
                elif longer:
                    # What comes next depends on the last token and, for the pretokenizer, on the
                    # classes of the characters; the normaliser looks at the characters themselves.
                    key = (frozenset(self._class_strings(longer)), other)
                    if whole_normalizer(self._spec) is not None or key not in seen:
                        seen.add(key)
                        queue.append((grown, other, longer))
                if n_steps > MAX_STEPS or len(found) >= MAX_FOUND:
                    return Completions(tuple(found), exhaustive=False)
        return Completions(tuple(found), exhaustive)

    def _places(self, way: Placement) -> Iterator[Context]:
        for symbols in self._class_strings([way]):
            yield from self._contexts.places(symbols)

    def _is_closed(self, way: Placement, *, forwards: bool) -> bool:
        """Whether a piece may end (or begin) with what was placed."""
        if way.last if forwards else way.left:
            return False
        return any(place.ends if forwards else place.begins for place in self._places(way))

    def _beside(
        self, data: bytes, last: int, ways: list[Placement], *, forwards: bool
    ) -> list[int]:
        """Tokens that may follow (or precede) `last`, with which `data` ends (or begins)."""
        found: dict[int, None] = {}
        for way in ways:
            cut = way.last if forwards else way.left
            if cut is None:
                symbols = self._symbols_beside(way, forwards=forwards)
                found |= dict.fromkeys(
                    self._neighbours.whole_beside(last, symbols, forwards=forwards)
                )
                continue
            step = self._neighbours.inside_beside(last, data, cut, forwards=forwards)
            found |= dict.fromkeys(step)
        return list(found)

    def _symbols_beside(self, way: Placement, *, forwards: bool) -> frozenset[int]:
        """Classes of the characters that can go on with the piece on that side."""
        return frozenset(
            symbol
            for place in self._places(way)
            for symbol in self._contexts.symbols_beside(place, forwards=forwards)
        )

    def _possible(self, data: bytes) -> list[Placement]:
        """The placements of some bytes that a piece of a normalised text may have."""
        return [
            way
            for way in placements(data)
            if not cannot_stand(whole_normalizer(self._spec), way.whole)
            and next(self._places(way), None) is not None
        ]
