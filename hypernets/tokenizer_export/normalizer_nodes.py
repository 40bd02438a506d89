r"""The `normalizer` of a tokenizer.json, from a spec's normalizers and the space before a text.

The inverse of `tokkit.text.formats.hugging_face.normalizers`. Byte space has spaces where the
library has marks (U+2581), so the marks are made here again: by a `Replace` where they are a step
of the normalizer, by `Metaspace` where the spec makes them after the added tokens are cut out.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, cast

from tokkit.hypernets.tokenizer_export.nodes import Node, replace_node, replace_pattern_node
from tokkit.hypernets.tokenizer_export.refusal import refused
from tokkit.text.normalizers import (
    Chain,
    LibraryNormalizer,
    Lowercase,
    PrependText,
    ReplaceText,
    SpaceMark,
    SqueezeSpaces,
    WordsBySpace,
)
from tokkit.text.sentencepiece_normalizer import MARK, SentencePieceNormalizer
from tokkit.text.spec import Normalizer, TokenizerSpec

_SQUEEZE = r"\A +| +\z| +(?= )"
_SQUEEZE_MARKED = r"\A +|[ \x{2581}]+\z| +(?= )"
"""SentencePiece looks at the end of a text once its spaces are marks, and so drops marks there."""


@dataclass
class NormalizerNodes:
    """What a normalizer amounts to in a tokenizer.json.

    Attributes:
        steps: nodes of the `normalizer`.
        mark: what tokens hold in place of a space, or "".
        metaspace: `prepend_scheme` of a Metaspace that begins the pretokenizer, or "" for none.
        words_by_space: white space parts words before that Metaspace.
        byte_prefix: ByteLevel puts a space before a text that does not begin with one.
    """

    steps: list[Node] = field(default_factory=list[Node])
    mark: str = ""
    metaspace: str = ""
    words_by_space: bool = False
    byte_prefix: bool = False


def normalizer_nodes(spec: TokenizerSpec, *, byte_level: bool) -> NormalizerNodes:
    """The nodes of a spec's normalizers.

    Args:
        spec: the tokenizer.
        byte_level: whether its model works on the GPT-2 byte alphabet.

    Raises:
        UnsupportedError: a step that the `tokenizers` library does not do in the same way.
    """
    made = NormalizerNodes()
    for step in _steps(spec.normalizer):
        _add(made, step, spec)
    for step in _steps(spec.renaming):
        if isinstance(step, WordsBySpace):
            made.words_by_space, made.mark = True, step.mark
        elif isinstance(step, SpaceMark):
            made.metaspace, made.mark = "never", step.mark
        else:
            raise refused(spec, f"does {step.name!r} after the added tokens are cut out")
    if made.words_by_space and spec.prefix_space != "unless_space":
        raise refused(spec, "cuts words at white space and puts no space before them")
    _add_prefix(made, spec, byte_level=byte_level)
    return made


def _steps(normalizer: Normalizer | None) -> list[Normalizer]:
    if normalizer is None:
        return []
    if isinstance(normalizer, Chain):
        return [step for part in normalizer.steps for step in _steps(part)]
    return [normalizer]


def _add(made: NormalizerNodes, step: Normalizer, spec: TokenizerSpec) -> None:
    if made.words_by_space and not isinstance(step, SpaceMark):
        raise refused(spec, f"does {step.name!r} after its words are parted")
    match step:
        case LibraryNormalizer():
            made.steps.append(_library_node(step))
        case Lowercase():
            made.steps.append(_library_node(step.inner))
        case ReplaceText(old, new):
            made.steps.append(replace_node(old, new))
        case PrependText(prefix):
            made.steps.append({"type": "Prepend", "prepend": prefix})
        case SpaceMark(mark):
            made.mark = mark
            if not made.words_by_space:
                made.steps.append(replace_node(" ", mark))
        case SqueezeSpaces():
            made.steps.append(replace_pattern_node(_SQUEEZE, ""))
        case WordsBySpace(mark):
            made.words_by_space, made.mark = True, mark
        case SentencePieceNormalizer():
            _add_sentencepiece(made, step, spec)
        case _:
            raise refused(
                spec,
                f"normalises by {step.name!r} ({type(step).__name__})",
            )


def _library_node(step: LibraryNormalizer) -> Node:
    state: Any = cast(Any, step.step).__getstate__()
    return json.loads(state)


def _add_sentencepiece(
    made: NormalizerNodes, step: SentencePieceNormalizer, spec: TokenizerSpec
) -> None:
    if step.mapping:
        raise refused(
            spec,
            f"normalises by a table of {len(step.mapping):,} entries (precompiled_charsmap), which "
            "SentencePiece applies by the longest entry, and the tokenizers library by grapheme",
        )
    if step.suffix:
        raise refused(spec, "puts a space after a text (treat_whitespace_as_suffix)")
    if step.squeeze:
        blank = [symbol for symbol in step.symbols if " " in symbol or MARK in symbol]
        if blank:
            raise refused(
                spec, f"drops repeated spaces (remove_extra_whitespaces) but not in {blank[0]!r}"
            )
        pattern = _SQUEEZE_MARKED if step.marked else _SQUEEZE
        made.steps.append(replace_pattern_node(pattern, ""))
    if step.marked:
        made.mark = MARK
        made.steps.append(replace_node(" ", MARK))


def _add_prefix(made: NormalizerNodes, spec: TokenizerSpec, *, byte_level: bool) -> None:
    """The space before a text: by the normalizer if always, else by the pretokenizer."""
    if spec.prefix_alone:
        raise refused(spec, "puts a space before a text of which its normalizer leaves nothing")
    if spec.prefix_space == "never":
        return
    unit = spec.prefix_unit
    if spec.prefix_space == "always" and unit == "normalized":
        made.steps.append({"type": "Prepend", "prepend": made.mark or " "})
    elif spec.prefix_space == "unless_space" and unit != "normalized" and made.mark:
        made.metaspace = "first" if unit == "first_stretch" else "always"
    elif spec.prefix_space == "unless_space" and unit == "stretch" and byte_level:
        made.byte_prefix = True
    else:
        raise refused(spec, f"puts a space before a text {spec.prefix_space!r} ({unit})")
