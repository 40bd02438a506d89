"""The prompt formats of models that fill in the middle, as one table.

A format is a template: control tokens around the text before the gap and the text after it. Two
orders are in use (Bavarian et al., "Efficient Training of Language Models to Fill in the Middle",
2022, section 3): PSM, where the middle is a text of its own after a last control token, and SPM,
where the middle goes on with the prefix. `fim_formats.toml` has them, with their sources.

An order that no source tells is not guessed: where the names of a tokenizer fit formats of both
orders, `fim=` must say which.

In all of them the dummy prefix of a tokenizer that has one belongs to the prefix alone. What else
ends a text for the model (`TokenLM.eos_ids`) ends a middle in every format.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from tokkit.arguments import check_choice, check_kind, refuse_single_text
from tokkit.bytelm.completion.fim_context import FileTemplates, marker_ids
from tokkit.errors import ArgumentError
from tokkit.files.shipped import shipped_table
from tokkit.text.tokenizer import TextTokenizer

_PREFIX, _SUFFIX = "{prefix}", "{suffix}"


@dataclass(frozen=True)
class FimIds:
    """The control tokens of a format as ids of one tokenizer.

    Attributes:
        first: before the part that comes first.
        between: between the parts.
        last: after the second part; empty where the middle goes on with it.
        ends: ids that end a middle.
    """

    first: tuple[int, ...]
    between: tuple[int, ...]
    last: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True)
class FimFormat:
    """How a model wants to be asked for a middle.

    Attributes:
        name: for messages and for `fim=`.
        template: control tokens with `{prefix}` and `{suffix}` once each. If it ends with
            `{prefix}`, the middle goes on with the prefix; otherwise it ends with a control token.
        ends: control tokens that end a middle. The first must be in the vocabulary; others count
            where they are.
        files: how other files of a repository are shown, or None where no source tells.
    """

    name: str
    template: str
    ends: Sequence[str]
    files: FileTemplates | None = None

    def __post_init__(self) -> None:
        """Check the template.

        Raises:
            ArgumentError: a part is missing or doubled, control tokens are missing, or nothing ends
                a middle.
        """
        check_kind(self.name, str, "name")
        check_kind(self.template, str, "template")
        refuse_single_text(self.ends, "ends")
        for end in self.ends:
            check_kind(end, str, "each of ends")
        check_kind(self.files, (FileTemplates, type(None)), "files")
        wrong = f"the template {self.template!r} of {self.name!r}"
        if self.template.count(_PREFIX) != 1 or self.template.count(_SUFFIX) != 1:
            raise ArgumentError(f"{wrong} must hold {_PREFIX} and {_SUFFIX} once each")
        first, between, last = self._markers
        if not first or not between or (not last and self.order == "PSM"):
            raise ArgumentError(
                f"{wrong} must have control tokens before each part, and after {_SUFFIX} if that "
                "comes last"
            )
        if not self.ends:
            raise ArgumentError(
                f"{self.name!r} needs at least one control token that ends a middle"
            )

    @property
    def order(self) -> Literal["PSM", "SPM"]:
        """Which part comes first: the prefix (PSM) or the suffix (SPM)."""
        template = self.template
        return "PSM" if template.index(_PREFIX) < template.index(_SUFFIX) else "SPM"

    @property
    def contiguous(self) -> bool:
        """Whether the middle goes on with the prefix, as one text."""
        return self.template.endswith(_PREFIX)

    @property
    def _markers(self) -> tuple[str, str, str]:
        one, two = (_PREFIX, _SUFFIX) if self.order == "PSM" else (_SUFFIX, _PREFIX)
        first, _, rest = self.template.partition(one)
        between, _, last = rest.partition(two)
        return first, between, last

    @property
    def marker_names(self) -> frozenset[str]:
        """The control tokens around the parts, in no order."""
        return frozenset(self._markers)

    def ids(self, tokenizer: TextTokenizer) -> FimIds:
        """The control tokens as ids.

        Raises:
            ArgumentError: the tokenizer lacks one of them.
        """
        check_kind(tokenizer, TextTokenizer, "tokenizer", "load one with load_tokenizer")
        first, between, last = (self._marker_ids(text, tokenizer) for text in self._markers)
        special = tokenizer.special_tokens
        if self.ends[0] not in special:
            raise ArgumentError(_missing(self, self.ends[0], tokenizer))
        ends = tuple(special[text] for text in self.ends if text in special)
        return FimIds(first, between, last, ends)

    def _marker_ids(self, text: str, tokenizer: TextTokenizer) -> tuple[int, ...]:
        ids = marker_ids(text, tokenizer)
        if ids is None:
            raise ArgumentError(_missing(self, text, tokenizer))
        return ids


def _missing(fim: FimFormat, text: str, tokenizer: TextTokenizer) -> str:
    return (
        f"{tokenizer.name} has no special token {text!r}, which the FIM format {fim.name!r} needs; "
        "pass another fim=, or a tokenizer that goes with it"
    )


def _known_format(name: str, said: Mapping[str, Any]) -> FimFormat:
    files, shown = said.get("files"), None
    if files is not None:
        repository, file, opening = map(
            tuple, (files[k] for k in ("repository", "file", "opening"))
        )
        shown = FileTemplates(repository, file, opening, files.get("before_prefix", ""))
    return FimFormat(name, said["template"], tuple(said["ends"]), shown)


_TABLE = shipped_table("fim_formats.toml", "tokkit.bytelm.completion")
FIM_FORMATS = {name: _known_format(name, said) for name, said in _TABLE.items()}
"""By name; the first that fits a tokenizer is its format."""


def find_fim_format(tokenizer: TextTokenizer) -> FimFormat:
    """The format whose control tokens a tokenizer has.

    That the tokenizer has them does not mean that every model with this tokenizer was trained on
    them: a model for chat may share the vocabulary of its code model.

    Raises:
        ArgumentError: none, or two that put the same control tokens in another order.
    """
    fitting = [fim for fim in FIM_FORMATS.values() if _fits(fim, tokenizer)]
    if not fitting:
        raise ArgumentError(
            f"{tokenizer.name} has the special tokens of no known FIM format "
            f"({', '.join(FIM_FORMATS)}){_alike(tokenizer)}: use a model that was trained to fill "
            "in the middle, or pass fim=FimFormat(...) with its template"
        )
    first = fitting[0]
    for other in fitting[1:]:
        if other.marker_names == first.marker_names and other.order != first.order:
            raise ArgumentError(
                f"{tokenizer.name} has {', '.join(sorted(first.marker_names))}, whose order the "
                f"names do not tell: pass fim={first.name!r} ({first.order}: {first.template}) or "
                f"fim={other.name!r} ({other.order}: {other.template}), as the model was trained"
            )
    return first


def has_fim_format(tokenizer: TextTokenizer) -> bool:
    """Whether a tokenizer has the control tokens of a known format, or of several."""
    return any(_fits(fim, tokenizer) for fim in FIM_FORMATS.values())


def _fits(fim: FimFormat, tokenizer: TextTokenizer) -> bool:
    try:
        fim.ids(tokenizer)
    except ArgumentError:
        return False
    return True


def _alike(tokenizer: TextTokenizer) -> str:
    """Control tokens that look as if they were of a format, for a message."""
    words = ("fim", "prefix", "suffix", "middle")
    found = [name for name in tokenizer.special_tokens if any(w in name.lower() for w in words)]
    return f", though {', '.join(found[:6])} look like one" if found else ""


def resolve_fim_format(fim: str | FimFormat | None, tokenizer: TextTokenizer) -> FimFormat:
    """A format by name, as it is, or (None) found by `find_fim_format`.

    Raises:
        ArgumentError: no such name, or the tokenizer lacks its tokens.
    """
    if fim is None:
        return find_fim_format(tokenizer)
    if isinstance(fim, str):
        check_choice("fim", fim, FIM_FORMATS)
        fim = FIM_FORMATS[fim]
    check_kind(fim, FimFormat, "fim", "pass the name of a format, or None")
    fim.ids(tokenizer)
    return fim
