"""What stands before a middle: a FIM prompt as ids, with both borders of the gap at token ends.

The parts of a FIM prompt are encoded apart. A prefix P that ends inside a word then ends in tokens
that the whole text would not have, and a middle that begins with the rest of the word is a text
that few middles are. So P is cut in two: P' stands in the prompt, and the middle must begin with
the rest r. Likewise the suffix is cut into s, with which the middle must end, and the rest S'',
which stands in the prompt. Where to cut:

- P' ends at the last boundary that the tokens of every text that begins with P have (the last
  common ancestor of the live heads of its cover), and at which `encode(P')` is those tokens.
- S'' begins at the first boundary that the tokens of the suffix have right after the prefix, and
  after each of a few other texts. That these stand for all others is not proved. Nothing depends on
  it: every cut leads to a valid law, and a better one to more familiar tokens.

The user's text is never read as control tokens.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial
from typing import Literal
from weakref import WeakKeyDictionary

from tokkit.arguments import check_choice, check_kind
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion.fim_context import RepositoryFiles, context_ids, prefix_in_file
from tokkit.bytelm.completion.fim_formats import FimFormat
from tokkit.bytelm.encodings.cover import Cover
from tokkit.bytelm.encodings.heads import LiveHead, trunk_of
from tokkit.bytelm.encodings.vocabulary import ByteVocabulary
from tokkit.bytelm.token_models.protocol import ContextSession, TokenLM
from tokkit.errors import ArgumentError, EncodingError
from tokkit.text.tokenizer import TextTokenizer

Heal = Literal["none", "prefix", "both"]
HEALS: tuple[Heal, ...] = ("none", "prefix", "both")

_BEFORE_SUFFIX = (b"", b"a", b"A", b"1", b" ", b"\n", b".", b"(", b"'", b"_", "é".encode())
_MAX_HEALED_BYTES = 64  # of a suffix
_LOOKAHEAD_BYTES = 256  # what is further away is taken to decide nothing about these tokens

_without_space: WeakKeyDictionary[TextTokenizer, TextTokenizer] = WeakKeyDictionary()


def check_heal(heal: object) -> None:
    """Refuse what is no way to heal.

    Raises:
        ArgumentError: it is none of `HEALS`.
    """
    check_choice("heal", heal, HEALS)


@dataclass(frozen=True)
class FimFrame:
    """A FIM prompt, and what the text that follows it must begin and end with.

    Attributes:
        ids: from the first control token to the last, files of a repository included.
        begins: bytes at the end of the prefix that are the model's to spell.
        ends: bytes at the beginning of the suffix that are the model's to spell.
    """

    ids: tuple[int, ...]
    begins: bytes
    ends: bytes


def make_frame(
    lm: ByteLM,
    fim: FimFormat,
    prefix: bytes,
    suffix: bytes,
    heal: Heal,
    context: RepositoryFiles | None = None,
) -> FimFrame:
    """Lay out a FIM prompt.

    Args:
        lm: a canonical model.
        fim: a format that its tokenizer has.
        prefix: before the gap.
        suffix: after it.
        heal: which borders to move to token ends. Where the middle goes on with the prefix that
            border needs no healing and is as it should be in every case.
        context: other files, shown first.

    Raises:
        ArgumentError: the format has no known way to show other files.
        EncodingError: a part holds bytes that the vocabulary cannot express.
    """
    tokenizer = lm.token_lm.tokenizer
    ids = fim.ids(tokenizer)
    suffix_cut = first_shared_boundary(tokenizer, prefix, suffix) if heal == "both" else 0
    inside = without_dummy_prefix(tokenizer)
    suffix_ids = inside.encode(suffix[suffix_cut:], normalize=False)
    shown: tuple[int, ...] = ()
    if context is not None:
        check_kind(context, RepositoryFiles, "context")
        if fim.files is None:
            raise ArgumentError(
                f"how the FIM format {fim.name!r} shows other files is not known; leave out "
                "context=, and put the files before the prefix, or pass fim=FimFormat(...) with "
                "files=FileTemplates(...)"
            )
        encode = partial(inside.encode, normalize=False)
        shown = context_ids(fim.files, context, tokenizer, encode)
        prefix = prefix_in_file(fim.files, context) + prefix
    if fim.contiguous:
        begins, prefix_ids = dummy_prefix_of(tokenizer, prefix) + prefix, []
    else:
        cut = len(prefix)
        if heal != "none":
            cut = last_certain_boundary(lm.token_lm, lm.vocabulary, prefix)
        begins, prefix_ids = prefix[cut:], tokenizer.encode(prefix[:cut], normalize=False)
    one, two = (prefix_ids, suffix_ids) if fim.order == "PSM" else (suffix_ids, prefix_ids)
    whole = (*shown, *ids.first, *one, *ids.between, *two, *ids.last)
    return FimFrame(whole, begins, suffix[:suffix_cut])


def dummy_prefix_of(tokenizer: TextTokenizer, text: bytes) -> bytes:
    """The space that `encode` would put before a text, or nothing."""
    if tokenizer.spec.prefix_space == "unless_space" and text.startswith(b" "):
        return b""
    return tokenizer.dummy_prefix


def without_dummy_prefix(tokenizer: TextTokenizer) -> TextTokenizer:
    """The same tokenizer for text that is not at a beginning: no dummy prefix."""
    if not tokenizer.dummy_prefix:
        return tokenizer
    if tokenizer not in _without_space:
        _without_space[tokenizer] = TextTokenizer(replace(tokenizer.spec, prefix_space="never"))
    return _without_space[tokenizer]


def last_certain_boundary(token_lm: TokenLM, vocabulary: ByteVocabulary, prefix: bytes) -> int:
    """The last position at which `prefix` can be cut without cutting a token.

    Whatever text begins with `prefix`, its tokens have a boundary there, and those before it are
    the encoding of what lies before it. Runs no model.
    """
    space = dummy_prefix_of(token_lm.tokenizer, prefix) if prefix else b""
    session = ContextSession(token_lm)
    cover = Cover(vocabulary, session, session.root)
    cover.push(space + prefix)
    heads = [live.head for live in cover.live if _goes_on(vocabulary, live, cover.length)]
    if not heads:
        return 0
    trunk = trunk_of(heads)
    while not vocabulary.canonical.may_end(trunk.state):
        assert trunk.parent is not None  # the empty text may end
        trunk = trunk.parent
    return max(0, trunk.start - len(space))


def _goes_on(vocabulary: ByteVocabulary, live: LiveHead, length: int) -> bool:
    """Whether a text may leave its beginning from this head."""
    canonical, state = vocabulary.canonical, live.head.state
    tokens = vocabulary.trie.order[live.low : live.high]
    ends = live.head.start == length and canonical.may_end(state)
    return ends or bool(canonical.mask(state)[tokens].any())


def first_shared_boundary(tokenizer: TextTokenizer, prefix: bytes, suffix: bytes) -> int:
    """The first position in `suffix` with a token boundary after `prefix` and a few other texts.

    Returns:
        0 also where there is none among the first bytes, or only at the end: then the suffix stays
        whole.
    """
    plain = without_dummy_prefix(tokenizer)
    shown = suffix[: _MAX_HEALED_BYTES + _LOOKAHEAD_BYTES]
    shared = set(range(min(_MAX_HEALED_BYTES, len(suffix))))
    for before in (prefix[-_LOOKAHEAD_BYTES:], *_BEFORE_SUFFIX):
        try:
            encoding = plain.encode_with_offsets(before + shown, normalize=False)
        except EncodingError:
            continue
        shared &= {end - len(before) for end in [0, *encoding.ends.tolist()]}
    return min(shared, default=0)
