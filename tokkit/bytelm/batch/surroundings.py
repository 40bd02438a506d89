"""What a text of a batch is given beside its request: `Surroundings`."""

from __future__ import annotations

from dataclasses import dataclass

from tokkit.arguments import as_bytes, as_ids, check_choice, check_kind
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
        begins: what is written already in a gap, a condition: the middle goes on from there. Text
            is taken as UTF-8.
        heal: of a gap; see `Infilling`. Not `"both"`, whose middles are found as a whole.
    """

    context: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    files: RepositoryFiles | None = None
    begins: bytes = b""
    heal: Heal = "prefix"

    def __post_init__(self) -> None:
        """Check the types, and `heal`.

        Raises:
            ArgumentError: another type, `ends` and no `context`, or no way to heal a gap here.
        """
        for name in ("context", "ends"):
            object.__setattr__(self, name, as_ids(getattr(self, name), name))
        if self.ends and not self.context:
            raise ArgumentError("ends are those of a context; pass one, or leave ends out")
        check_kind(self.files, (RepositoryFiles, type(None)), "files")
        check_kind(self.begins, (str, bytes), "begins")
        object.__setattr__(self, "begins", as_bytes(self.begins))
        check_choice("heal of a text of a batch", self.heal, ("none", "prefix"))
