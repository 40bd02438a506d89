"""How far to look ahead while a text is drawn: `SpeculationOptions`."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.arguments import check_flags, check_real, check_whole
from tokkit.errors import ArgumentError

MAX_ROWS = 512
"""The largest `SpeculationOptions.max_rows`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpeculationOptions:
    """What may be proposed. No choice changes a text (see `ByteModel.stream`).

    Attributes:
        max_rows: contexts that a pass evaluates ahead at most, 0 to 512.
        repeats: whether what followed an earlier occurrence of the last bytes is proposed, too.
        row_cost: what a further context adds to a pass with one, as a share of it, at least 0; a
            byte is proposed if it is likely enough for that. None measures it as the model runs,
            and stops proposing where that does not pay.
    """

    max_rows: int = 48
    repeats: bool = True
    row_cost: float | None = None

    def __post_init__(self) -> None:
        """Check every field.

        Raises:
            ArgumentError: one is of the wrong kind, or out of range.
        """
        object.__setattr__(self, "max_rows", check_whole("max_rows", self.max_rows, 0, MAX_ROWS))
        check_flags(repeats=self.repeats)
        if self.row_cost is not None and check_real("row_cost", self.row_cost) < 0:
            raise ArgumentError(f"row_cost must be 0 or more, got {self.row_cost}")


def as_options(speculate: object) -> SpeculationOptions | None:
    """What `speculate=` means; None for nothing.

    Raises:
        ArgumentError: neither a bool nor options.
    """
    if isinstance(speculate, SpeculationOptions):
        return speculate if speculate.max_rows else None
    if not isinstance(speculate, bool):
        raise ArgumentError(
            f"speculate must be True, False or SpeculationOptions, got {speculate!r:.60}"
        )
    return SpeculationOptions() if speculate else None
