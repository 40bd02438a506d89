"""What a text of a batch is given beside its request: `Surroundings`."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.bytelm.completion.fim_frame import Heal
from tokkit.errors import ArgumentError


@dataclass(frozen=True, kw_only=True)
class Surroundings:
    """What stands around a text beside its prompt and its suffix.

    Attributes:
        context: ids before the text that are a condition, such as the frame of a chat; see
            `ByteLM.open_after`. Not with a suffix.
        ends: ids that end a text after `context`, beside those of the model.
        files: other files of the repository, shown before a gap; see `Infilling`.
        begins: what is written already in a gap, a condition: the middle goes on from there.
        heal: of a gap; see `Infilling`. Not `"both"`, whose middles are found as a whole.
    """

    context: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    files: RepositoryFiles | None = None
    begins: bytes = b""
    heal: Heal = "prefix"

    def __post_init__(self) -> None:
        """Check `heal`.

        Raises:
            ArgumentError: no way to heal a gap here.
        """
        if self.heal not in ("none", "prefix"):
            raise ArgumentError(f"heal must be 'none' or 'prefix' in a batch, got {self.heal!r}")
