"""The options of drawing a text, which every subcommand that draws one shares."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from tokkit.arguments import MAX_BYTES
from tokkit.cli.declarations import option
from tokkit.cli.option_types import Checked, Real, Whole
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.bytelm.drawing.request import Request

_OF_BEAMS = ("max_bytes", "stop", "pattern", "utf8")


def _check_stop(text: str) -> None:
    from tokkit.bytelm.drawing.stopping import check_stops

    check_stops([os.fsencode(text)], whole_characters=False)


def _check_pattern(text: str) -> None:
    from tokkit.bytelm.drawing.patterns import Matches

    Matches(text)


@dataclass(frozen=True)
class Sampling:
    """The options of `generate`."""

    PANEL: ClassVar[str] = "Sampling"

    max_bytes: Annotated[
        int,
        option("stop after so many", Whole(0, most=MAX_BYTES), "N"),
    ] = 256
    temperature: Annotated[
        float,
        option("0 takes the most probable byte each time", Real(0), "T"),
    ] = 1.0
    top_k: Annotated[
        int | None,
        option("only the K most probable bytes", Whole(1), "K"),
    ] = None
    top_p: Annotated[
        float,
        option(
            "nucleus: the smallest set of bytes with at least this mass", Real(most=1, above=0), "P"
        ),
    ] = 1.0
    min_p: Annotated[
        float,
        option("no byte below this share of the most probable one", Real(0, 1), "P"),
    ] = 0.0
    seed: Annotated[
        int | None,
        option("for the same text again", Whole(0), "N"),
    ] = None
    stop: Annotated[
        list[str] | None,
        option("stop before TEXT; repeatable", Checked(_check_stop), "TEXT"),
    ] = None
    repetition_penalty: Annotated[
        float,
        option(
            "for each byte that makes a repeat longer than --repetition-length", Real(0), "NATS"
        ),
    ] = 0.0
    repetition_length: Annotated[
        int,
        option("repeats up to this length are free", Whole(1), "BYTES"),
    ] = 16
    no_repeat_ngram: Annotated[
        int | None,
        option("no string of this length twice", Whole(1), "BYTES"),
    ] = None
    utf8: Annotated[
        bool,
        option("only valid UTF-8, whole characters"),
    ] = False
    pattern: Annotated[
        str | None,
        option(
            "the whole continuation must match; needs the constrained extra",
            Checked(_check_pattern),
            "REGEX",
        ),
    ] = None

    def keywords(self) -> dict[str, Any]:
        """Keyword arguments of `stream` and `generate`."""
        options = {field.name: getattr(self, field.name) for field in fields(self)}
        options["valid_utf8"] = options.pop("utf8")
        options["stop"] = tuple(os.fsencode(text) for text in self.stop or ())
        return options

    def request(self, prompt: bytes) -> Request:
        """What is asked for, which refuses options that exclude each other.

        Raises:
            ArgumentError: there are some.
        """
        from tokkit.bytelm.drawing.request import Request

        return Request(prompt, **self.keywords())

    def refuse(self, names: Sequence[str], why: str) -> None:
        """Refuse options that do not fit another.

        Raises:
            ArgumentError: one of them was given.
        """
        for field in fields(self):
            if field.name in names and getattr(self, field.name) != field.default:
                raise ArgumentError(
                    f"--{field.name.replace('_', '-')} {why}; leave one of them out"
                )

    def beam_keywords(self) -> dict[str, Any]:
        """Keyword arguments of `beam_search`, but for those about the beams.

        Raises:
            ArgumentError: an option that only sampling has was given.
        """
        others = [field.name for field in fields(self) if field.name not in _OF_BEAMS]
        self.refuse(others, "is about sampling, and --beams does not sample")
        kept = ("max_bytes", "stop", "pattern", "valid_utf8")
        return {name: value for name, value in self.keywords().items() if name in kept}
