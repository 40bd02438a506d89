"""Texts behind canonical sequences, read off the automaton one character at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tokkit.text.canonical.prefix_stage import PrefixConfig
from tokkit.text.regex.boundaries import Composite
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

_KNOWN = 0x250  # characters below it stand for their classes

Step = tuple[str, bool | None, bool | None]
"""A character that is read, whether it is one of a literal, and whether a cut precedes it; None:
either."""


class Witnesses:
    """Finds them for one tokenizer.

    Its tokens are literals, or have one piece each (family "bytes").
    """

    def __init__(self, toy: TextTokenizer) -> None:
        self._toy = toy
        self._chars = toy.pretokenizer.boundaries.chars
        self._spelt = {char for token in range(toy.vocab_size) for char, *_ in self._steps(token)}
        points = [*range(_KNOWN), *map(ord, self._spelt)]
        self._char_of = {self._symbol(chr(point)): chr(point) for point in points}
        self._dropped: dict[Composite, list[tuple[Composite, str]]] = {}
        self._read: dict[tuple[Composite, Step], list[Composite]] = {}

    def find(self, ids: Sequence[int], *, whole: bool) -> bytes | None:
        """A text that should encode to `ids` (`whole`), or to something that begins so."""
        wanted = [step for token in ids for step in self._steps(token)]
        start: tuple[Composite, int] = ((None,) * len(self._chars._stages), 0)
        texts: dict[tuple[Composite, int], str] = {start: ""}
        queue = list(texts)
        for place in queue:  # the queue grows while it is walked
            composite, n_read = place
            if n_read >= len(wanted) and self._can_end(composite):
                return texts[place].encode()
            if n_read < len(wanted):
                steps = [wanted[n_read]]
            else:
                steps = [] if whole else self._beyond(first=n_read == len(wanted))
            found = [(new, n_read, char) for new, char in self._after_dropped(composite)]
            for step in steps:
                read = min(n_read + 1, len(wanted) + 1)
                found += [(new, read, step[0]) for new in self._after_read(composite, step)]
            for new, read, char in found:
                if (new, read) not in texts:
                    is_put = PrefixConfig.PUT in new  # by the tokenizer: the text does not hold it
                    texts[new, read] = texts[place] + ("" if is_put else char)
                    queue.append((new, read))
        return None

    def _symbol(self, char: str) -> int:
        return int(self._chars.alphabet.class_of[ord(char)])

    def _steps(self, token: int) -> Iterator[Step]:
        literal = self._toy.spec.kinds[token] == TokenKind.LITERAL
        for k, char in enumerate(self._toy.token_bytes(token).decode()):
            # Text tokens do not tell where the cuts between them are.
            yield char, literal, (k == 0 if literal else None)

    def _beyond(self, *, first: bool) -> list[Step]:
        """Whatever may follow; a literal that was complete does not go on (`first`)."""
        kinds = [(False, None), (True, True)] if first else [(None, None)]
        return [(char, literal, border) for char in self._spelt for literal, border in kinds]

    def _can_end(self, composite: Composite) -> bool:
        pairs = zip(self._chars._stages, composite, strict=True)
        return all(config is None or stage.can_end(config) for stage, config in pairs)

    def _after_read(self, composite: Composite, step: Step) -> list[Composite]:
        known = self._read.get((composite, step))
        if known is None:
            char, literal, border = step
            ways = self._chars._ways(composite, self._symbol(char), len(self._chars._stages))
            known = self._read[composite, step] = [
                new
                for new, cut in ways
                if literal in (None, self._chars._in_literal(new)) and border in (None, cut)
            ]
        return known

    def _after_dropped(self, composite: Composite) -> list[tuple[Composite, str]]:
        known = self._dropped.get(composite)
        if known is None:
            known = self._dropped[composite] = [
                (new, char)
                for k in self._chars._dropping
                if self._chars._may_end_after(composite, k)
                for symbol, char in self._char_of.items()
                for new in self._chars._drop(composite, k, symbol)
            ]
        return known
