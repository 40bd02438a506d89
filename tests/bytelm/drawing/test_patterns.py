"""Patterns: what they permit, and what is generated; Python's `re` is the oracle."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.random_bytes import RandomBytes
from tests.bytelm.toy_models import RandomLM, bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_state import END
from tokkit.bytelm.drawing.draw import Draw
from tokkit.bytelm.drawing.patterns import Grammar, Matches
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError, MissingExtraError, ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

pytest.importorskip("llguidance", reason="needs the constrained extra")

FEW = settings(max_examples=40, deadline=None, derandomize=True)

atoms = st.sampled_from(["a", "b", "é", "😀", r"\.", "[ab]", "[^a]", "[0-9]", ".", "[à-ü]"])
patterns = st.recursive(
    atoms,
    lambda inner: st.one_of(
        st.tuples(inner, inner).map("".join),
        st.tuples(inner, inner).map(lambda pair: f"(?:{pair[0]}|{pair[1]})"),
        st.tuples(inner, st.sampled_from(["*", "+", "?", "{2,3}"])).map(
            lambda pair: f"(?:{pair[0]}){pair[1]}"
        ),
    ),
    max_leaves=6,
)


@FEW
@given(pattern=patterns, seed=st.integers(0, 100))
def test_a_completion_that_ends_matches_as_a_whole(pattern: str, seed: int) -> None:
    text = RandomBytes(seed).generate(b"\xff", max_bytes=40, seed=seed, pattern=pattern)
    if len(text) < 40:
        assert re.fullmatch(pattern, text.decode())


@FEW
@given(data=st.data(), pattern=patterns)
def test_every_match_is_permitted(data: st.DataObject, pattern: str) -> None:
    text = data.draw(st.from_regex(pattern, fullmatch=True)).encode()
    constraint = Matches(pattern)
    for byte in text:
        assert constraint.bias()[byte] == 0
        twin = constraint.fork()
        constraint.push(byte)
        assert twin.bias()[byte] == 0
    assert constraint.is_match
    assert constraint.bias()[END] == 0


def test_the_law_is_masked_and_renormalised_at_each_step() -> None:
    lm = RandomBytes(3)
    first, second = np.exp(lm.row(b"")), np.exp(lm.row(b"b"))
    law = {
        b"a": first[ord("a")] / (first[ord("a")] + first[ord("b")]),
        **{
            b"b" + bytes([c]): first[ord("b")]
            / (first[ord("a")] + first[ord("b")])
            * second[c]
            / (second[ord("c")] + second[ord("d")])
            for c in b"cd"
        },
    }
    drawn = [lm.generate("", max_bytes=9, pattern="a|b[cd]", seed=seed) for seed in range(300)]
    assert set(drawn) == set(law)
    for text, probability in law.items():
        assert drawn.count(text) / 300 == pytest.approx(probability, abs=0.09)


def test_a_finished_match_ends_without_the_consent_of_the_model() -> None:
    def endless(prefix: bytes) -> np.ndarray:
        return np.where(np.arange(257) == END, -np.inf, 0.0)

    lm = RandomBytes(logits=endless)
    assert lm.generate("", max_bytes=9, pattern="abc") == b"abc"
    assert lm.generate("", max_bytes=9, pattern="") == b""


def test_end_of_text_waits_for_a_match() -> None:
    def impatient(prefix: bytes) -> np.ndarray:
        return np.where(np.arange(257) == END, 50.0, 0.0)

    lm = RandomBytes(logits=impatient)
    assert re.fullmatch(r"[xy]{5}", lm.generate("", max_bytes=9, pattern=r"[xy]{5,}").decode())


def test_max_bytes_leaves_the_beginning_of_a_match() -> None:
    assert RandomBytes().generate("", max_bytes=2, pattern="abc") == b"ab"


@pytest.mark.parametrize(
    ("max_bytes", "finish"), [(0, "length"), (2, "length"), (3, "end"), (4, "end")]
)
def test_a_match_that_takes_all_the_room_ends_by_itself(max_bytes: int, finish: str) -> None:
    lm = RandomBytes()
    draw = Draw(lm.name, Request("", max_bytes=max_bytes, pattern="abc"))
    assert b"".join(draw.run(lm.open())) == b"abc"[:max_bytes]
    assert draw.finish == finish


def test_patterns_and_valid_utf8_contradict_each_other_inside_a_character() -> None:
    with pytest.raises(ModelError, match="valid_utf8 and pattern"):
        RandomBytes().generate(b"\xc3", max_bytes=2, pattern="a", valid_utf8=True)


@settings(FEW, max_examples=15)
@given(specs=st.tuples(bpe_specs(()), bpe_specs(())))
def test_models_of_different_vocabularies_match_together(
    specs: tuple[TokenizerSpec, TokenizerSpec],
) -> None:
    members = [ByteLM(RandomLM(TextTokenizer(spec))) for spec in specs]
    shared = [b for b in b"aS1' " if all(np.isfinite(m.logprob(bytes([b]) * 4)) for m in members)]
    if not shared:
        return
    pattern = f"[{bytes(shared).decode()}]{{3}}"
    lm = ByteEnsemble(members, combine="product")
    for combined in (lm, ByteEnsemble(members), members[0]):
        text = combined.generate("", max_bytes=9, seed=0, pattern=pattern)
        assert re.fullmatch(pattern, text.decode())


def test_json_follows_its_schema() -> None:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 10, "maximum": 99}, "b": {"enum": [1]}},
        "required": ["n", "b"],
        "additionalProperties": False,
    }

    def no_space(prefix: bytes) -> np.ndarray:
        return np.where(np.isin(np.arange(257), list(b" \t\r\n")), -9.0, 0.0)

    for grammar in (Grammar.json_schema(schema), Grammar.json_schema(json.dumps(schema))):
        text = RandomBytes(logits=no_space).generate("", max_bytes=80, seed=0, pattern=grammar)
        value = json.loads(text)
        assert list(value) == ["n", "b"]
        assert 10 <= value["n"] <= 99


def test_grammars_nest() -> None:
    grammar = Grammar.lark('start: "(" start* ")"')
    text = RandomBytes(1).generate("", max_bytes=400, seed=1, pattern=grammar, min_p=0.0)
    depths = np.cumsum([1 if byte == ord("(") else -1 for byte in text])
    assert (depths[:-1] > 0).all()
    assert len(text) == 400 or depths[-1] == 0


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("[", "unclosed character class"),
        (r"(a)\1", "backreferences are not supported"),
        ("a(?=b)", "look-around"),
        (r"\bfoo", "lookarounds not supported"),
        (r"(?-u:\xff)", "invalid UTF-8"),
        ("[a&&b]", "matches no text"),
        (b"bytes", "got bytes"),
        (Grammar(""), "llguidance"),
    ],
)
def test_unusable_patterns_are_errors_at_once(pattern: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        RandomBytes().stream("", max_bytes=1, pattern=pattern)


@pytest.mark.parametrize("schema", ["{", "[1]", {"type": {1}}, 1])
def test_schemas_that_are_no_json_are_errors(schema: Any) -> None:
    with pytest.raises(ArgumentError, match="JSON"):
        Grammar.json_schema(schema)


def test_an_unknown_schema_is_an_error() -> None:
    with pytest.raises(ArgumentError, match="objec"):
        Matches(Grammar.json_schema({"type": "objec"}))


def test_the_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "llguidance", None)
    with pytest.raises(MissingExtraError, match=r"pip install '\.\[constrained\]'"):
        RandomBytes().generate("", max_bytes=1, pattern="a")
