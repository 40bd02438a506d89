"""Text that is lost, by the vocabulary, the pretokenizer or the normaliser, is found and shrunk."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.toy_subjects import byte_tokenizer
from tests.text.segment_models.test_wordpiece import toy_spec
from tokkit.audit.safety.normalization import KINDS, examine_normalization, kind_of_change
from tokkit.audit.safety.round_trips import assigned_characters, encodes, examine_round_trips
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer


@dataclass(frozen=True)
class Normalizer:
    """A normaliser made of a function."""

    change: object
    name: str = "toy"

    def __call__(self, text: str) -> str:
        return self.change(text)  # pyright: ignore[reportCallIssue]


def characters_only(alphabet="ab "):
    """A Unigram of single characters, without byte tokens."""
    return TextTokenizer(
        TokenizerSpec(
            name="characters",
            family="unigram",
            token_bytes=tuple(char.encode() for char in alphabet),
            kinds=np.full(len(alphabet), TokenKind.NORMAL, dtype=np.uint8),
            scores=np.full(len(alphabet), -1.0),
        )
    )


def test_bytes_lose_nothing():
    found = examine_round_trips(byte_tokenizer())
    assert found.findings == ()
    assert found.n_back == found.n_texts > 300
    assert found.lost_characters == ()


def test_every_character_without_a_token_is_told_and_no_other():
    tokenizer = characters_only("ab é")
    found = examine_round_trips(tokenizer)
    assert set(assigned_characters()) - set(found.lost_characters) == set("ab é")
    assert found.lost_bytes == tuple(range(128, 256))
    rules = {finding.rule: finding for finding in found.findings}
    assert rules["text-not-encodable"].count == len(found.lost_characters)
    for witness in rules["text-not-encodable"].witnesses:
        assert not encodes(tokenizer, witness.data)
    assert rules["bytes-not-encodable"].count == 128


def test_white_space_that_is_dropped_is_a_warning_with_the_smallest_witness():
    letters = "abcdefghijklmnopqrstuvwxyz"
    spec = toy_spec([*letters, *(f"##{letter}" for letter in letters)])
    spec = replace(spec, prefix_space="always", splits=(SplitRule(r"\s+", "removed"),))
    tokenizer = TextTokenizer(spec)
    (finding,) = [f for f in examine_round_trips(tokenizer).findings if f.rule.startswith("round")]
    assert finding.severity == "warning"
    assert len(finding.witnesses[0].data) <= 2
    for witness in finding.witnesses:
        assert tokenizer.decode(tokenizer.encode(witness.data)) == witness.result != witness.data


def test_a_space_that_decoding_takes_away_is_a_warning():
    spec = replace(byte_tokenizer().spec, prefix_space="unless_space")
    found = examine_round_trips(TextTokenizer(spec))
    (finding,) = found.findings
    assert (finding.rule, finding.severity) == ("round-trip-failure", "warning")
    assert finding.witnesses[0].data == b" "
    assert finding.witnesses[0].result == b""


@pytest.mark.parametrize(
    ("text", "result", "kind"),
    [
        ("e\u0301", "é", "composed"), ("é", "e\u0301", "composed"), ("a  b", "a b", "space"),
        (" a", "a", "space"), ("\xa0", " ", "space"), ("A", "a", "case"),
        ("ﬁ", "fi", "compatibility"),
        ("²", "2", "compatibility"), ("é", "e", "accents"), ("É", "e", "accents"),
        ("\x01", "", "dropped"),
        ("a\u200bb", "ab", "dropped"), ("“", '"', "replaced"),
    ],
)  # fmt: skip
def test_a_change_is_put_down_to_the_mildest_kind(text, result, kind):
    assert kind_of_change(text, result) == kind


@given(st.text(max_size=6))
def test_normal_form_c_is_composed_whatever_the_text(text):
    composed = unicodedata.normalize("NFC", text)
    assert composed == text or kind_of_change(text, composed) == "composed"


def test_the_identity_changes_nothing():
    assert examine_normalization(byte_tokenizer()).findings == ()
    assert examine_normalization(byte_tokenizer(Normalizer(str))).findings == ()


@pytest.mark.parametrize(
    ("change", "kinds"),
    [
        (lambda text: unicodedata.normalize("NFC", text), {"composed"}),
        (str.lower, {"case"}),
        (lambda text: text.replace("\u200b", ""), {"dropped"}),
        (lambda text: " ".join(text.split(" ")).strip(" "), {"space"}),
    ],
)
def test_each_normaliser_is_found_for_what_it_does(change, kinds):
    tokenizer = byte_tokenizer(Normalizer(change))
    found = examine_normalization(tokenizer)
    assert {finding.witnesses[0].note for finding in found.findings} == kinds
    assert set(found.n_changed) <= set(KINDS)
    for finding in found.findings:
        assert (finding.severity == "note") == (finding.witnesses[0].note == "composed")
        for witness in finding.witnesses:
            assert tokenizer.normalize(witness.data) == witness.result != witness.data
