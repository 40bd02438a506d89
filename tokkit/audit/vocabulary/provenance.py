"""Tokens that tell where the training text came from: addresses, boilerplate, repeated phrases.

Heuristics on the token alone, so that the same vocabulary gives the same list:

- *address*: holds `://`, `http:`, `httpwww`, `www.`, or a domain such as `.com` or `.org`, or is
  `http` or `https` (`HttpRequest` is a name in a program, and `.NET` another);
- *phrase*: five words or more with spaces between them (a vocabulary of several words a token, as
  Jurassic's, has short ones on purpose);
- *repeated*: at least three intermediate merges in a row lead to it, and it has twelve letters or
  more (`merge_uses`): it was frequent as a whole and not in parts, as text is that was copied.

They are signs and not faults: `://` is an address, and needs no mending.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from tokkit.audit.finding import Finding
from tokkit.audit.rules.vocabulary import SUSPICIOUS_TOKEN
from tokkit.audit.vocabulary.merge_uses import MergeUses
from tokkit.audit.vocabulary.showing import decoded, longest_first, token_table
from tokkit.report.section import Table, columns
from tokkit.report.wording import excerpt, plural
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer

_ADDRESS = re.compile(r"://|\bhttps?(?:\b|(?=www))|httpwww|\bwww\.|\.(?:com|org|net|edu|gov)\b")
_PHRASE = re.compile(r"[^\W\d_]+(?: +[^\W\d_]+){4}")
_CHAIN, _LETTERS = 3, 12
_N_ROWS, _N_WITNESSES = 20, 4
_KINDS = ("address", "phrase", "repeated")


def suspicious_tokens(tokenizer: TextTokenizer, uses: MergeUses | None) -> dict[int, str]:
    """Id -> kind, see the module.

    Args:
        tokenizer: whose vocabulary to look at.
        uses: of its merges, if it has any.
    """
    spec = tokenizer.spec
    is_normal = (spec.kinds == TokenKind.NORMAL).tolist()
    found: dict[int, str] = {}
    for token, data in enumerate(spec.token_bytes):
        if not is_normal[token] or len(data) < len("://"):
            continue
        text = data.decode(errors="replace")
        if _ADDRESS.search(text):
            found[token] = "address"
        elif _PHRASE.search(text):
            found[token] = "phrase"
        elif _is_chain(token, uses) and sum(map(str.isalpha, text)) >= _LETTERS:
            found[token] = "repeated"
    return found


def _is_chain(token: int, uses: MergeUses | None) -> bool:
    return uses is not None and bool(uses.chain[token] >= _CHAIN)


def provenance_findings(tokenizer: TextTokenizer, found: dict[int, str]) -> Iterator[Finding]:
    """One finding for all of them."""
    if not found:
        return
    counts = Counter(found.values())
    said = ", ".join(f"{counts[kind]:,} by '{kind}'" for kind in _KINDS if counts[kind])
    longest = longest_first(tokenizer, found)
    yield Finding.of(
        SUSPICIOUS_TOKEN,
        f"{plural(len(found), 'token')} ({said}), the longest "
        f"'{excerpt(tokenizer.token_bytes(longest[0]), limit=40)}'.",
        found,
        decoded(tokenizer, longest[:_N_WITNESSES], found.__getitem__),
    )


def provenance_table(tokenizer: TextTokenizer, found: dict[int, str]) -> Table | None:
    """The longest of them."""
    if not found:
        return None
    spelling = tokenizer.spec.token_bytes
    note = "Signs of pages that were repeated in the training text."
    if len(found) > _N_ROWS:
        note += f" The {_N_ROWS} longest of {len(found):,}."
    return token_table(
        tokenizer, "provenance", "Tokens that tell where the training text came from",
        longest_first(tokenizer, found)[:_N_ROWS],
        (*columns("text", sign="Sign"), *columns("number", bytes="Bytes")),
        lambda token: (found[token], len(spelling[token])), note,
    )  # fmt: skip
