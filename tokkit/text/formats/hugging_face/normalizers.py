"""The `normalizer` of a Hugging Face tokenizer.json, brought into byte space.

Two things that files write as normalizers are none here, because tokens have had their U+2581
turned into spaces: `Replace(" " -> "▁")` disappears, and `Prepend("▁")` becomes `prefix_space`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_bool, want_list, want_object, want_str
from tokkit.text.formats.sentencepiece import charsmap
from tokkit.text.normal_forms import NORMAL_FORMS
from tokkit.text.normalizers import (
    MAX_GROWTH,
    PrependText,
    ReplaceText,
    library_normalizer,
    replace_pattern,
)
from tokkit.text.spec import Normalizer, PrefixSpace

MARK = "\u2581"
_UNCHANGING = {*NORMAL_FORMS, "Lowercase"}


@dataclass
class Growth:
    """How many times longer the replacements of a file can make a text, together.

    Attributes:
        factor: a bound, of those so far.
    """

    factor: float = 1.0

    def by(self, factor: float, where: str) -> None:
        """Count one more replacement.

        Raises:
            FormatError: they can make a text more than `MAX_GROWTH` times longer.
        """
        self.factor *= max(1.0, factor)
        if self.factor > MAX_GROWTH:
            raise FormatError(
                f"{where}: the replacements up to here can make a text {self.factor:,.0f} times "
                f"longer; expected at most {MAX_GROWTH:.0f}. Use a file without such a chain"
            )


@dataclass
class NormalizerPlan:
    """What the normalizers of a file amount to.

    Attributes:
        steps: normalizers to apply, in order.
        prefix_space: whether a space is put before the text.
        prefix_at: where in `steps` that happens.
        marked: whether spaces have become U+2581 before the pretokenizer looks at the text.
        marked_at: where in `steps` that happens.
        makes_spaces: whether a later step may make spaces again, which are no marks.
        may_empty: whether a replacement after the space was put may leave nothing of the text.
        byte_level: whether the text is written in the GPT-2 byte alphabet in the end.
        growth: of a text by the file's own replacements.
    """

    steps: list[Normalizer] = field(default_factory=list[Normalizer])
    prefix_space: PrefixSpace = "never"
    prefix_at: int = 0
    marked: bool = False
    marked_at: int = 0
    makes_spaces: bool = False
    may_empty: bool = False
    byte_level: bool = False
    growth: Growth = field(default_factory=Growth)

    def put_space_as_step(self) -> None:
        """Put the space at its place among the steps.

        For what one space before the finished text cannot say: the steps after it may leave none of
        the text, or another space is put before stretches of it.
        """
        self.steps.insert(self.prefix_at, PrependText(" "))
        self.prefix_space = "unless_space"

    def keep_marks(self) -> None:
        """Let marks be characters like any other, beside spaces, as they are to the library."""
        self.steps.insert(self.marked_at, ReplaceText(" ", MARK))
        if self.prefix_space == "always":
            self.steps.insert(self.prefix_at, PrependText(MARK))
        self.marked, self.prefix_space = False, "never"


def read_normalizer(value: object, where: str) -> NormalizerPlan:
    """Read the `normalizer` field.

    Raises:
        FormatError: damaged, or able to make a text more than 64 times longer.
        UnsupportedError: a kind that tokkit does not have, or one that would see U+2581.
    """
    plan = NormalizerPlan()
    if value is not None:
        _add(plan, want_object(value, where), where)
    if plan.prefix_space != "never" and not plan.marked:
        # A mark that is none to the normaliser: it may become one by the pretokenizer.
        plan.steps.insert(plan.prefix_at, PrependText(MARK))
        plan.prefix_space = "never"
    if plan.prefix_space == "always" and plan.may_empty and not plan.makes_spaces:
        plan.put_space_as_step()
    return plan


def _add(plan: NormalizerPlan, node: dict[str, object], where: str) -> None:
    kind = want_str(node.get("type"), f"{where}.type")
    where = f"{where} ({kind})"
    if kind == "Sequence":
        for child in want_list(node.get("normalizers"), where):
            _add(plan, want_object(child, where), where)
        return
    if plan.byte_level:
        raise UnsupportedError(f"{where}: it stands after ByteLevel and would see single bytes")
    if kind == "ByteLevel":
        plan.byte_level = True
        return
    if (plan.marked or plan.prefix_space != "never") and kind not in (*_UNCHANGING, "Replace"):
        raise UnsupportedError(f"{where}: runs after spaces have become '▁'; tokkit does not do it")
    if kind in _UNCHANGING or kind in ("StripAccents", "Nmt"):
        plan.steps.append(library_normalizer(kind))
        plan.makes_spaces |= plan.marked and kind in ("NFKC", "NFKD")
    elif kind == "Strip":
        left = want_bool(node.get("strip_left"), where, default=True)
        right = want_bool(node.get("strip_right"), where, default=True)
        plan.steps.append(library_normalizer("Strip", left=left, right=right))
    elif kind == "BertNormalizer":
        plan.steps.append(_bert(node, where))
    elif kind == "Replace":
        _add_replace(plan, node, where)
    elif kind == "Prepend":
        _add_prepend(plan, want_str(node.get("prepend"), where), where)
    elif kind == "Precompiled":
        _add_charsmap(plan, node, where)
    else:
        raise UnsupportedError(f"{where}: tokkit has no normalizer of this kind")


def _bert(node: dict[str, object], where: str) -> Normalizer:
    lowercase = want_bool(node.get("lowercase"), where, default=True)
    return library_normalizer(
        "BertNormalizer",
        clean_text=want_bool(node.get("clean_text"), where, default=True),
        handle_chinese_chars=want_bool(node.get("handle_chinese_chars"), where, default=True),
        strip_accents=want_bool(node.get("strip_accents"), where, default=lowercase),
        lowercase=lowercase,
    )


def _add_replace(plan: NormalizerPlan, node: dict[str, object], where: str) -> None:
    pattern = want_object(node.get("pattern"), f"{where}.pattern")
    content = want_str(node.get("content"), f"{where}.content")
    if "String" in pattern:
        old = want_str(pattern["String"], f"{where}.pattern")
        if not old:
            raise FormatError(f"{where}: replaces the empty string; expected a pattern")
        if (old, content) == (" ", MARK):
            plan.marked, plan.marked_at = True, len(plan.steps)
            return
        step: Normalizer = ReplaceText(old, content)
        factor = len(content.encode()) / len(old.encode())
    else:
        source = want_str(pattern.get("Regex"), f"{where}.pattern")
        old, step = source, replace_pattern(source, content, where)
        factor = len(content.encode()) + 1.0
    if plan.marked and (" " in old or MARK in old or "\\" in old or MARK in content):
        raise UnsupportedError(f"{where}: a replacement that sees '▁' in place of spaces")
    if plan.prefix_space != "never" and not plan.marked:
        raise UnsupportedError(f"{where}: {old!r} -> {content!r} between Prepend and the marks")
    plan.makes_spaces |= plan.marked and " " in content
    plan.may_empty |= plan.prefix_space != "never" and not content
    plan.growth.by(factor, where)
    plan.steps.append(step)


def _add_prepend(plan: NormalizerPlan, prefix: str, where: str) -> None:
    if prefix == MARK and not plan.marked and plan.prefix_space == "never":
        plan.prefix_space, plan.prefix_at = "always", len(plan.steps)
        return
    if len(prefix) > 64 or MARK in prefix or plan.marked:
        raise UnsupportedError(f"{where}: prepends {prefix[:80]!r}")
    plan.steps.append(PrependText(prefix))


def _add_charsmap(plan: NormalizerPlan, node: dict[str, object], where: str) -> None:
    text = node.get("precompiled_charsmap")
    if text is None:
        return
    try:
        blob = base64.b64decode(want_str(text, where), validate=True)
    except (binascii.Error, ValueError) as error:
        raise FormatError(f"{where}: precompiled_charsmap is not base64 ({error})") from error
    # The library applies it by grapheme, unlike SentencePiece: so it runs, after our check.
    plan.growth.by(charsmap.growth(charsmap.read_charsmap(blob, where)), where)
    plan.steps.append(library_normalizer("Precompiled", blob))
