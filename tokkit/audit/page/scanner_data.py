r"""The pretokenizer as tables for the page: character classes and the scanner of each stage.

JavaScript's regular expressions differ from those of Oniguruma and Rust in what `\s`, case and
properties mean, and from browser to browser in their version of Unicode. So the page runs the
automaton that tokkit compiled; the ids are equal by construction.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tokkit.audit.page.streams import Streams
from tokkit.errors import UnsupportedError
from tokkit.text.regex.characters.charset import INVALID, CharSet, build_alphabet
from tokkit.text.regex.nodes import charsets_of
from tokkit.text.regex.program import Program
from tokkit.text.regex.rule_tree import rule_tree
from tokkit.text.regex.scanner import build_scanner
from tokkit.text.spec import SplitRule


def add_scanners(streams: Streams, name: str, rules: Sequence[SplitRule]) -> dict[str, Any] | None:
    """Add the tables of `rules`, which share one alphabet, under `name`.

    Returns:
        What is no stream, for JSON; None if there are no rules.

    Raises:
        UnsupportedError: a pattern that tokkit's automata cannot express, or the page's cannot.
    """
    if not rules:
        return None
    if any(rule.sees_bytes for rule in rules):
        raise UnsupportedError("the pretokenizer cuts between the bytes of characters")
    stages = _add_tables(streams, name, rules)
    for stage, rule in zip(stages["stages"], rules, strict=True):
        stage |= {"behavior": rule.behavior, "invert": rule.invert}
    return stages


def add_pattern(streams: Streams, name: str, pattern: str) -> dict[str, Any]:
    """Add the tables of one pattern in Oniguruma's dialect; see `add_scanners`."""
    return _add_tables(streams, name, [SplitRule(pattern)])


def _add_tables(streams: Streams, name: str, rules: Sequence[SplitRule]) -> dict[str, Any]:
    trees = [rule_tree(rule) for rule in rules]
    charsets = {charset for tree in trees for charset in charsets_of(tree)}
    charsets.add(CharSet.of((INVALID, INVALID)))
    alphabet = build_alphabet(tuple(sorted(charsets, key=lambda charset: charset.ranges)))
    changes = np.flatnonzero(np.diff(alphabet.class_of[:INVALID])) + 1
    starts = np.concatenate([np.zeros(1, dtype=np.int64), changes])
    streams.add_differences(f"{name}.starts", starts.tolist())
    streams.add_bytes(f"{name}.classes", alphabet.class_of[starts].tobytes())
    stages: list[dict[str, Any]] = []
    for k, (tree, rule) in enumerate(zip(trees, rules, strict=True)):
        program = Program(tree, alphabet, pattern=rule.pattern)
        if program.tracked or program.nullable:
            raise UnsupportedError(
                "the pretokenizer has assertions, atomic groups or matches of the empty text"
            )
        scanner = build_scanner(program)
        # 0 and 1 stop, without and with a match before the symbol; 2 and more go on.
        steps = (scanner.next_state.astype(np.int64) + 1) << 1 | scanner.match_before
        streams.add_varints(f"{name}.{k}", steps.ravel().tolist())
        stages.append({"steps": f"{name}.{k}", "pattern": rule.pattern})
    return {
        "starts": f"{name}.starts",
        "classes": f"{name}.classes",
        "symbols": alphabet.n_classes + 1,
        "stages": stages,
    }
