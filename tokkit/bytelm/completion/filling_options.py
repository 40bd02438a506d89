"""How gaps are filled: `FillingOptions`, for `infill` and `EditorSession`.

In a format that the model was trained on (`tokkit.bytelm.completion.infilling`), or by the
posterior over middles (`tokkit.bytelm.completion.posterior`), which needs none.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from tokkit.arguments import check_choice, check_kind
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.completion.completion import Unit
from tokkit.bytelm.completion.fim_context import RepositoryFiles
from tokkit.bytelm.completion.fim_formats import FimFormat, has_fim_format
from tokkit.bytelm.completion.fim_frame import Heal, check_heal
from tokkit.bytelm.completion.posterior import search_middles
from tokkit.bytelm.drawing.request import Request
from tokkit.errors import ArgumentError

Method = Literal["auto", "format", "posterior"]
METHODS: tuple[Method, ...] = ("auto", "format", "posterior")

_OF_POSTERIOR = (
    "method='posterior' takes temperature, seed and budget; leave out fim, heal, context, unit, "
    "stop, draft and the other sampling options, or pass method='format'"
)


def check_method(method: object) -> None:
    """Refuse what is no way to fill a gap.

    Raises:
        ArgumentError: the method does not exist.
    """
    check_choice("method", method, METHODS)


@dataclass(frozen=True, slots=True)
class FillingOptions:
    """How gaps are filled; see `infill`.

    Attributes:
        method: see there, as are the others.
        budget: of the posterior.
        fim: of a format, as are the next two.
        heal: see `Infilling`.
        context: see there.
    """

    method: Method = "auto"
    budget: int | None = None
    fim: str | FimFormat | None = None
    heal: Heal = "prefix"
    context: RepositoryFiles | None = None

    def __post_init__(self) -> None:
        """Check each option, and that what is about a format is not given with the posterior.

        Raises:
            ArgumentError: an option that does not exist, or that the method does not take.
        """
        check_method(self.method)
        check_heal(self.heal)
        check_kind(self.fim, (str, FimFormat, type(None)), "fim")
        check_kind(self.context, (RepositoryFiles, type(None)), "context")
        if self.method == "posterior" and self._of_format:
            raise ArgumentError(_OF_POSTERIOR)

    @property
    def _of_format(self) -> bool:
        return self.fim is not None or self.heal != "prefix" or self.context is not None

    def take_format(self, lm: ByteModel) -> bool:
        """Whether a model is asked in a format.

        Raises:
            ArgumentError: it is, and a budget was given.
        """
        asked = self.method != "posterior" and (
            self.method == "format" or self._of_format or has_format(lm)
        )
        if asked and self.budget is not None:
            raise ArgumentError("budget is about method='posterior'; pass that, or leave it out")
        return asked


def has_format(lm: ByteModel) -> bool:
    """Whether a model can be asked for a middle in a format that its tokenizer has."""
    if not isinstance(lm, ByteLM) or lm.encodings != "canonical":
        return False
    return has_fim_format(lm.token_lm.tokenizer)


def check_searched(request: Request, unit: Unit) -> None:
    """Refuse what a search for a middle does not heed.

    Raises:
        ArgumentError: more is asked for than a length, a temperature and a seed.
    """
    heeded = Request(
        request.prompt,
        max_bytes=request.max_bytes,
        seed=request.seed,
        temperature=request.temperature,
        speculate=request.speculate,
    )
    if request != heeded or unit != "byte":
        raise ArgumentError(_OF_POSTERIOR)


def search_middle(
    lm: ByteModel,
    request: Request,
    suffix: bytes,
    budget: int | None,
    progress: Callable[[int], object] | None = None,
) -> bytes:
    """A middle by `method="posterior"`.

    Args:
        lm: any.
        request: its prompt stands before the gap.
        suffix: after it.
        budget: see `search_middles`.
        progress: see there.

    Raises:
        ArgumentError, ModelError: see there.
    """
    middles = search_middles(
        lm,
        request.text,
        suffix,
        max_bytes=request.max_bytes,
        budget=budget,
        seed=request.seed,
        progress=progress,
    )
    return middles.draw(temperature=request.temperature, seed=request.seed)
