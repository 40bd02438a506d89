"""The space that is put before a stretch of text, as a stage of `tokkit.text.regex.boundaries`.

It stands where `tokkit.text.stretches` puts the space: stages before it cut texts in which the
space is not there yet, and those after it see it like any other character. The automaton reads it
as one of the text, so that a space may be one that was put there, and an earlier stage then reads
nothing; it is verified that what follows begins a stretch.

Text that goes on where another one stopped has no space put before its beginning.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from typing import Any

from tokkit.text.regex.characters.charset import Alphabet
from tokkit.text.spec import TokenizerSpec


class PrefixConfig(Enum):
    """Where in a stretch the last character is."""

    PUT = 0
    """It is the space that was put before the stretch."""
    INSIDE = 1

    @property
    def is_match(self) -> bool:
        """False: it is text."""
        return False


class PrefixStage:
    """Where the spaces are.

    Attributes:
        is_literal: False: no token is cut out here.
        drops: False.
        space: the class of what is put.
    """

    is_literal = False
    drops = False

    def __init__(self, spec: TokenizerSpec, alphabet: Alphabet) -> None:
        """Take the rule; `alphabet` tells spaces apart."""
        self.space = int(alphabet.class_of[0x20])
        self._doubles_first = spec.prefix_space == "always"
        self._before_all = spec.prefix_unit != "first_stretch"

    def may_put(self, before: Sequence[Any], config: PrefixConfig | None) -> bool:
        """Whether the next character may be one that is put there.

        Args:
            before: the configurations of the stages before this one.
            config: that of this one.
        """
        if config is PrefixConfig.PUT:
            return False
        read = [each for each in before if each is not None]
        return not read or (self._before_all and not all(each.is_text for each in read))

    def follow(
        self, config: PrefixConfig | None, symbol: int, *, cut: bool, first: bool
    ) -> tuple[PrefixConfig, bool] | None:
        """Read a character of the text.

        Args:
            config: None before and between stretches.
            symbol: the character.
            cut: whether a stage before this one cuts before it.
            first: whether it is the first that these stages see.

        Returns:
            The configuration after it, and whether a stretch begins with it; None: it may not
            stand there.
        """
        is_space = symbol == self.space
        if config is PrefixConfig.PUT:
            is_missing = not is_space or (first and self._doubles_first)
            return (PrefixConfig.INSIDE, False) if cut and is_missing else None
        begins = cut or config is None
        if begins and self._before_all and not first and not is_space:
            return None
        return PrefixConfig.INSIDE, begins

    def can_end(self, config: PrefixConfig) -> bool:
        """Whether the stretch may end here: nothing is put before an empty one."""
        return config is not PrefixConfig.PUT
