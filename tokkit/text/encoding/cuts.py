"""Places at which any text may be cut, so that the ids of its parts are those of the whole.

A place is named by the characters beside it, the one before being ASCII. It is *safe* if, whatever
else the text holds,

- what the normaliser makes of the text on either side does not depend on the other side, and it
  keeps the two characters as they are;
- no added token holds the two side by side, or looks across the place (for white space or letters);
- one rule of the pretokenizer always cuts there, and those before it see no match on either side;
  or no rule matches anything there and no token of a BPE model holds the two side by side, so that
  no merge crosses the place (`tokkit.kernels.bpe.merge_forest`, lemma 1).

A rule always cuts between characters a and b if each state of its scanner that survives a stops at
b with a match that ends there, at the end of the text no less than at b, and a match or an empty
one begins with b (or a never stands in a gap). So no scan that passed a looks beyond b, and what
follows begins anew, as at the beginning of a text.
"""

from __future__ import annotations

from functools import cached_property, lru_cache
from itertools import chain, pairwise

import numpy as np
from numpy.typing import NDArray

from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.normal_forms import NORMAL_FORMS, composes
from tokkit.text.normalizers import Chain, LibraryNormalizer, Lowercase, ReplaceText, SpaceMark
from tokkit.text.pretokenizer import Pretokenizer
from tokkit.text.regex.split_stage import SplitStage
from tokkit.text.segment_models.vocabulary import bytes_side_by_side, pack
from tokkit.text.sentencepiece_normalizer import MARK, SentencePieceNormalizer
from tokkit.text.spec import AddedToken, Normalizer, TokenizerSpec
from tokkit.text.white_space import WHITE_SPACE

_LOCAL_STEPS = (*NORMAL_FORMS, "StripAccents", "BertNormalizer")
"""Steps of the `tokenizers` library that look at a character and the marks behind it."""
_ASCII = 0x80
_LOOKED_AT = 1 << 12
"""Bytes in which a place is looked for at once."""

_KEPT_PAIRS = 1 << 16
"""Pairs of characters of which it is remembered whether they are safe."""

Matrix = NDArray[np.bool_]


class SafeCuts:
    """Where the texts of one tokenizer may be cut."""

    def __init__(self, spec: TokenizerSpec, pretokenizer: Pretokenizer) -> None:
        """Take the tokenizer; its tables are read when a place is first asked for."""
        self._spec = spec
        self._pretokenizer = pretokenizer
        self._added = all_added_tokens(spec)
        self._is_safe = lru_cache(_KEPT_PAIRS)(self._find_whether_safe)

    @cached_property
    def exist(self) -> bool:
        """Whether there is any safe pair of ASCII characters."""
        return bool(self._of_ascii.any())

    def last(self, text: bytes, start: int = 0) -> int:
        """The last safe place in `text` behind `start`, or -1.

        A character that may not be there in full counts as none.
        """
        array = np.frombuffer(text, dtype=np.uint8)
        for stop in range(len(text), start + 1, -_LOOKED_AT):
            first = max(start, stop - _LOOKED_AT - 1)
            before, after = array[first : stop - 1], array[first + 1 : stop]
            beside_ascii = (before < _ASCII) & (after < _ASCII)
            safe = beside_ascii & self._of_ascii[before & 0x7F, after & 0x7F]
            safe |= (before < _ASCII) & (after >= 0xC2)
            for place in (np.flatnonzero(safe)[::-1] + first + 1).tolist():
                if text[place] < _ASCII or self.is_safe(text, place):
                    return place
        return -1

    def is_safe(self, text: bytes, place: int) -> bool:
        """Whether `text` may be cut before the character at `place`, which is neither end of it."""
        after = text[place : place + 4].decode(errors="surrogateescape")[0]
        if text[place - 1] >= _ASCII or 0xDC80 <= ord(after) < 0xDD00:
            return False
        return self._is_safe(chr(text[place - 1]), after)

    @cached_property
    def _of_ascii(self) -> Matrix:
        """Bool (128, 128): whether the place between two characters is safe."""
        chars = list(map(chr, range(_ASCII)))
        return np.array([[self._is_safe(a, b) for b in chars] for a in chars], dtype=np.bool_)

    def _find_whether_safe(self, before: str, after: str) -> bool:
        return (
            self._is_cut(before, after)
            and not (before in WHITE_SPACE and after in WHITE_SPACE)
            and keeps_apart(self._spec.normalizer, before, after)
            and keeps_apart(self._spec.renaming, before, after)
            and before + after not in self._inside_added
            and before not in self._ends_of_added
            and after not in self._begins_of_added
        )

    @cached_property
    def _inside_added(self) -> frozenset[str]:
        """What two characters stand side by side in added tokens."""
        contents = [token.content for token in self._added]
        contents += [content.replace(MARK, " ") for content in contents]
        return frozenset(map("".join, chain.from_iterable(map(pairwise, contents))))

    @cached_property
    def _begins_of_added(self) -> frozenset[str]:
        return frozenset(token.content[:1] for token in self._added if self._looks_beside(token))

    @cached_property
    def _ends_of_added(self) -> frozenset[str]:
        return frozenset(token.content[-1:] for token in self._added if self._looks_beside(token))

    def _looks_beside(self, token: AddedToken) -> bool:
        """Whether what stands beside an added token matters to it, or it to that."""
        flags = token.lstrip or token.rstrip or token.single_word
        return flags or self._spec.prefix_space != "never"

    def _is_cut(self, before: str, after: str) -> bool:
        by_rule, unseen = self._by_class
        class_of = self._pretokenizer.alphabet.class_of
        a, b = class_of[ord(before)], class_of[ord(after)]
        if by_rule[a, b]:
            return True
        return bool(unseen[a, b]) and not self._joined[ord(before), after.encode()[0]]

    @cached_property
    def _by_class(self) -> tuple[Matrix, Matrix]:
        """Bool (classes, classes) each: the rules cut there; no rule sees anything there."""
        size = self._pretokenizer.alphabet.n_classes
        cut, unseen = np.zeros((size, size), dtype=np.bool_), np.ones((size, size), dtype=np.bool_)
        for stage in self._pretokenizer.stages if self._spec.splits else ():
            cuts, sees_not = stage_cuts(stage, size)
            cut |= unseen & cuts
            unseen &= sees_not
        return cut, unseen

    @cached_property
    def _joined(self) -> Matrix:
        """Bool (256, 256): whether the model may join a piece that ends so and one that begins so.

        Of other models than BPE nothing is known, nor where a whole piece is more than its merges
        make of it. An unknown character may be joined to others.
        """
        if self._spec.family != "bpe" or self._spec.ignore_merges:
            return np.ones((256, 256), dtype=np.bool_)
        joined = bytes_side_by_side(pack(self._spec.token_bytes))
        if self._spec.unk_id is not None:
            known = [token[0] for token in self._spec.token_bytes if len(token) == 1]
            joined[np.setdiff1d(np.arange(256), known)] = True
        return joined


def stage_cuts(stage: SplitStage, n_classes: int) -> tuple[Matrix, Matrix]:
    """What a rule makes of two characters side by side.

    Returns:
        bool (classes, classes) each: it always cuts between them; it never sees anything there, so
        that both stand in one gap.
    """
    nowhere = np.zeros((n_classes, n_classes), dtype=np.bool_)
    steps = stage.plain_steps
    if steps is None:
        return nowhere, nowhere
    alive, matched = steps >= 0, steps & 1 == 1
    of_end = matched[:, -1:]
    steps, alive, of_class = steps[:, :n_classes], alive[:, :n_classes], matched[:, :n_classes]
    stops = ~alive & of_class & of_end  # at this character, with a match up to it
    unseen: NDArray[np.bool_] = np.logical_not(alive.any(axis=0))
    cuts = nowhere.copy()
    if not stage.glues:
        surely = np.array(
            [alive[0, k] and matched[steps[0, k] >> 1].all() for k in range(n_classes)]
        )
        divides = surely | of_class[0]  # a match or an empty one begins with it
        for k in range(n_classes):
            after = np.unique(steps[alive[:, k], k] >> 1)
            cuts[k] = stops[after].all(axis=0) & (divides | surely[k])
    return cuts, np.logical_and.outer(unseen, unseen)


def keeps_apart(normalizer: Normalizer | None, before: str, after: str) -> bool:
    """Whether a normaliser keeps two characters, and what stands on either side is its own.

    False where that is not known.
    """
    both = before + after
    match normalizer:
        case None:
            return True
        case Chain(steps=steps):
            return all(keeps_apart(step, before, after) for step in steps)
        case ReplaceText(old=old) | SpaceMark(mark=old):
            return bool(old) and not set(old) & set(both)
        case Lowercase():
            return normalizer(before) == before and normalizer(after) == after
        case LibraryNormalizer(name=name) if name in _LOCAL_STEPS:
            # Nothing goes together with white space; and no ASCII with what stands before it.
            local = after.isascii() or before in WHITE_SPACE
            stays = not composes(after) and normalizer(before) == before
            return local and stays and normalizer(after) == after
        case SentencePieceNormalizer(squeeze=False, suffix=False):
            return (
                MARK not in both
                and not normalizer.replaces_any(both)
                and not any(both in symbol for symbol in normalizer.symbols)
            )
        case _:
            return False
