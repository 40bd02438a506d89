"""tiktoken rank files: one token a line, base64, a space, and its rank, which is its id.

The file says nothing of the pattern or the control tokens: these come from the caller, or from the
encoding, which is recognised by the number of ranks and the last token, or named
(`format="tiktoken:cl100k_base"`). A tokenizer_config.json beside it may name control tokens, too.
Any two tokens merge that spell a third, the lowest rank first; a piece that is itself a token is
looked up before that (`ignore_merges`). Source: `tiktoken/load.py`, `src/lib.rs`.
"""

from __future__ import annotations

import binascii
from collections.abc import Mapping
from dataclasses import dataclass

from tokkit.arguments import as_bytes, check_kind, check_whole
from tokkit.errors import ArgumentError, FormatError
from tokkit.files.reading import MAX_VOCAB_SIZE, check_token_sizes
from tokkit.text.formats.hugging_face.added_tokens import read_added_tokens
from tokkit.text.formats.hugging_face.special_ids import end_ids
from tokkit.text.formats.hugging_face.tokenizer_config import code_of, declared_tokens
from tokkit.text.formats.merge_tables import merges_by_rank
from tokkit.text.formats.patterns import TIKTOKEN, TiktokenEncoding, recognise_tiktoken
from tokkit.text.formats.placing import placed
from tokkit.text.normalizers import MAX_PATTERN_CHARS, library_normalizer
from tokkit.text.spec import SplitRule, TokenizerSpec


@dataclass(frozen=True)
class RankFileOptions:
    """What a rank file leaves out and a caller may say.

    Attributes:
        pattern: cuts text into pieces, as tiktoken's `pat_str`; it stands in for an encoding.
        special_tokens: text of each control token -> id; None: those of the encoding, and those
            that tokenizer_config.json names.
    """

    pattern: str | None = None
    special_tokens: Mapping[str, int] | None = None

    def __post_init__(self) -> None:
        """Check what the caller gave.

        Raises:
            ArgumentError: values of other types, or text with lone surrogates.
        """
        if self.pattern is not None:
            check_kind(self.pattern, str, "pattern", "pass the regular expression as text")
        if self.special_tokens is not None:
            check_kind(self.special_tokens, Mapping, "special_tokens", "pass {text: id}")
            for text, token_id in self.special_tokens.items():
                check_kind(text, str, "a key of special_tokens", "pass {text: id}")
                as_bytes(text)
                check_whole(f"special_tokens[{text[:60]!r}]", token_id, 0)


def read_tiktoken(
    data: bytes,
    name: str,
    encoding: str | None = None,
    *,
    options: RankFileOptions = RankFileOptions(),
    config: Mapping[str, object] | None = None,
) -> TokenizerSpec:
    """Read a rank file.

    Args:
        data: the file.
        name: for messages.
        encoding: as `"cl100k_base"`; None: recognise it. The control tokens of a named encoding
            are taken over only if the file holds as many ranks as that encoding has.
        options: what the caller says of pattern and control tokens.
        config: tokenizer_config.json beside the file.

    Raises:
        ArgumentError: no encoding of that name, an encoding beside a pattern, or a pattern or
            control tokens that cannot be.
        FormatError: not a rank file, or one that is not recognised.
    """
    ranks = parse_ranks(data, name)
    known = _encoding(ranks, name, encoding, options.pattern, config)
    if options.special_tokens is not None:
        specials = _given_specials(options.special_tokens, ranks)
    else:
        declared = _declared_specials(config, ranks, name)
        specials = dict(known.special_tokens) if len(ranks) == known.n_ranks else {}
        ids = set(declared.values())
        specials = {text: i for text, i in specials.items() if i not in ids} | declared
    return ranked_spec(
        ranks,
        specials,
        name=name,
        splits=(SplitRule(known.pattern, dialect="rust"),),
        nfc=known.nfc,
        config=config,
    )


def _encoding(
    ranks: Mapping[bytes, int],
    name: str,
    encoding: str | None,
    pattern: str | None,
    config: Mapping[str, object] | None,
) -> TiktokenEncoding:
    if pattern is not None:
        if encoding is not None:
            raise ArgumentError(f"a pattern and the encoding {encoding!r}, which has its own")
        if not 0 < len(pattern) <= MAX_PATTERN_CHARS:
            raise ArgumentError(
                f"a pattern of {len(pattern):,} characters; expected 1 to {MAX_PATTERN_CHARS:,}"
            )
        return TiktokenEncoding(len(ranks), b"", pattern, {})
    last = max(ranks, key=ranks.__getitem__)
    if encoding is None:
        encoding = recognise_tiktoken(len(ranks), last, code_of(config))
        if encoding is None:
            raise FormatError(
                f"{name}: {len(ranks):,} ranks up to {last[:40]!r} are of no known encoding, and "
                "the file does not hold its pattern; give it as pattern=..., or name the encoding, "
                f"as format='tiktoken:cl100k_base' (known: {', '.join(TIKTOKEN)})"
            )
    if encoding not in TIKTOKEN:
        raise ArgumentError(f"no tiktoken encoding {encoding!r}; known are {', '.join(TIKTOKEN)}")
    return TIKTOKEN[encoding]


def _given_specials(specials: Mapping[str, int], ranks: Mapping[bytes, int]) -> dict[str, int]:
    taken = set(ranks.values())
    for text, token_id in specials.items():
        if not text or not 0 <= token_id < MAX_VOCAB_SIZE or token_id in taken:
            raise ArgumentError(
                f"special_tokens has {text[:60]!r} at {token_id}; expected a text, and an id below "
                f"{MAX_VOCAB_SIZE:,} that is no rank of the file"
            )
        taken.add(token_id)
    return dict(specials)


def _declared_specials(
    config: Mapping[str, object] | None, ranks: Mapping[bytes, int], name: str
) -> dict[str, int]:
    """What tokenizer_config.json adds: to a rank file, all of it is control tokens."""
    specials: dict[str, int] = {}
    taken = {token_id: token for token, token_id in ranks.items()}
    where = f"{name}: tokenizer_config.json"
    control = [{**node, "special": True} for node in declared_tokens(config, where)]
    for token in read_added_tokens(control, {}, where):
        if taken.get(token.id) == token.content.encode():
            continue
        if token.id in taken or token.content in specials:
            raise FormatError(
                f"{name}: tokenizer_config.json adds {token.content[:60]!r} at {token.id}, which "
                "is taken, or adds it twice; is it of another tokenizer?"
            )
        taken[token.id] = b""
        specials[token.content] = token.id
    return specials


def parse_ranks(data: bytes, name: str) -> dict[bytes, int]:
    """Token -> rank.

    Tokens without bytes (Whisper's files hold the line `= 50256`) are left out: no text has them.

    Raises:
        FormatError: a line that is not `base64 rank`, a token or a rank twice, a rank out of
            bounds, an overlong token.
    """
    parts = data.split()
    if len(parts) % 2 or not parts:
        raise FormatError(
            f"{name}: {len(parts)} words; expected lines of a base64 token and its rank; the file "
            "may be truncated"
        )
    ranks: dict[bytes, int] = {}
    n_empty = 0
    decode = binascii.a2b_base64
    for i in range(0, len(parts), 2):
        if parts[i].count(b"=") == len(parts[i]):
            n_empty += 1
            continue
        try:
            token, rank = decode(parts[i], strict_mode=True), int(parts[i + 1])
        except ValueError as error:
            raise FormatError(
                f"{name}: token {i // 2}: {(parts[i] + b' ' + parts[i + 1])[:80]!r} is not a "
                f"base64 token and its rank ({error})"
            ) from error
        if not 0 <= rank < MAX_VOCAB_SIZE or ranks.setdefault(token, rank) != rank:
            raise FormatError(f"{name}: token {i // 2}: rank {rank} is out of bounds or doubled")
    if not ranks:
        raise FormatError(f"{name}: no token has any bytes")
    if len(set(ranks.values())) != len(ranks) or (len(ranks) + n_empty) * 2 != len(parts):
        raise FormatError(f"{name}: two tokens have one rank, or one token stands twice")
    check_token_sizes(list(map(len, ranks)), name)
    return ranks


def ranked_spec(
    ranks: Mapping[bytes, int],
    specials: Mapping[str, int],
    *,
    name: str,
    splits: tuple[SplitRule, ...],
    nfc: bool = False,
    bos_ids: tuple[int, ...] = (),
    config: Mapping[str, object] | None = None,
) -> TokenizerSpec:
    """A byte-level BPE that merges by rank of the result.

    Args:
        ranks: token -> id; a lower id merges first.
        specials: control tokens -> id.
        name: for messages.
        splits: the pretokenizer.
        nfc: normalise to NFC first.
        bos_ids: ids that the model expects before any text.
        config: tokenizer_config.json, which may name `eos_token`.
    """
    return TokenizerSpec(
        name=name,
        family="bpe",
        **placed({token_id: token for token, token_id in ranks.items()}, specials, name),
        merges=merges_by_rank(ranks),
        ignore_merges=True,
        normalizer=library_normalizer("NFC") if nfc else None,
        splits=splits,
        bos_ids=bos_ids,
        eos_ids=end_ids(config or {}, specials),
    )
