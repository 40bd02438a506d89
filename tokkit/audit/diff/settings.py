"""Settings that changed: everything of a spec but its tokens and merges, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tokkit.report.wording import number
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind


@dataclass(frozen=True)
class Setting:
    """A setting that is different: its name, and what it was and is."""

    name: str
    before: str
    after: str


def compare_settings(before: TokenizerSpec, after: TokenizerSpec) -> tuple[Setting, ...]:
    """The settings that are different, in a fixed order.

    Of control tokens, only those that are different are listed.
    """
    old, new = _settings(before), _settings(after)
    found = [Setting(name, old[name], new[name]) for name in old if old[name] != new[name]]
    specials = before.special_tokens.items() ^ after.special_tokens.items()
    if specials:
        given = [sorted(specials & spec.special_tokens.items()) for spec in (before, after)]
        lists = [_list(f"{text} = {token}" for text, token in each) for each in given]
        found.append(Setting("control tokens", *lists))
    return tuple(found)


def _settings(spec: TokenizerSpec) -> dict[str, str]:
    n_bytes = int((spec.kinds == TokenKind.BYTE).sum())
    return {
        "family": spec.family,
        "normalizer": "none" if spec.normalizer is None else spec.normalizer.name,
        "pretokenizer": _splits(spec.splits),
        "space before a text": spec.prefix_space,
        "space is put before each": "-" if spec.prefix_space == "never" else spec.prefix_unit,
        "whole pieces ignore merges": number(spec.ignore_merges),
        "merges start from": "characters" if spec.char_units else "bytes",
        "byte fallback": f"{n_bytes} tokens" if n_bytes else "none",
        "begins with": _tokens(spec, spec.bos_ids),
        "ends with": _tokens(spec, spec.eos_ids),
        "score of unknown characters": f"{spec.unk_score:g}",
        "scores": "none" if spec.scores is None else _scores(spec),
        "longest word": str(spec.max_word_chars) if spec.family == "wordpiece" else "any",
        "added tokens": _list(sorted(_in_plain_text(spec))),
        "ids that a reader moves": _list(
            f"{declared} -> {actual}" for declared, actual in sorted(spec.runtime_ids.items())
        ),
    }


def _in_plain_text(spec: TokenizerSpec) -> Iterator[str]:
    flags = ("normalized", "lstrip", "rstrip", "single_word")
    for token in spec.added_tokens:
        if spec.kinds[token.id] != TokenKind.SPECIAL:
            asked = ", ".join(flag for flag in flags if getattr(token, flag))
            yield f"{token.content!r} = {token.id}" + (f" ({asked})" if asked else "")


def _splits(rules: tuple[SplitRule, ...]) -> str:
    if not rules:
        return "none"
    return "\n".join(
        f"{rule.pattern} ({rule.behavior}{', inverted' if rule.invert else ''}, {rule.dialect}"
        + (", over bytes" if rule.sees_bytes else "")
        + (")" if rule.space == " " else f", a space as {rule.space!r})")
        for rule in rules
    )


def _tokens(spec: TokenizerSpec, ids: tuple[int, ...]) -> str:
    names = {token: text for text, token in spec.special_tokens.items()}
    return _list(names.get(token, str(token)) for token in ids)


def _scores(spec: TokenizerSpec) -> str:
    """Enough to see that some changed; which ones is seen in the segmentations."""
    assert spec.scores is not None
    used = spec.scores[spec.kinds == TokenKind.NORMAL]
    return f"{len(used)} from {used.min():.6g} to {used.max():.6g}, sum {used.sum():.10g}"


def _list(items: Iterable[str]) -> str:
    return ", ".join(items) or "none"
