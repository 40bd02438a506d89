"""Laws of infilling: exact conditionals at both borders, text that stays text, every format."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bytelm.completion.fim_toys import WORDS, all_bytes_with, merged_bpe, with_format
from tests.bytelm.goodness_of_fit import p_value
from tests.bytelm.toy_models import PRETOKENIZERS, SYMBOLS, RandomLM, bpe_specs, character_bpe_specs
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.completion.completion import UNITS, complete
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS, FimFormat
from tokkit.bytelm.completion.fim_frame import (
    HEALS,
    first_shared_boundary,
    last_certain_boundary,
    without_dummy_prefix,
)
from tokkit.bytelm.completion.infilling import Infilling, infill
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError, EncodingError, ModelError
from tokkit.text.spec import TokenizerSpec
from tokkit.text.tokenizer import TextTokenizer

STARCODER, CODESTRAL = FIM_FORMATS["starcoder"], FIM_FORMATS["codestral"]
SPM = FimFormat("spm", "<PRE><SUF>{suffix}<MID>{prefix}", ends=("<EOT>",))
_SHAPES = ("santacoder", "codegemma", "deepseek", "codellama", "codestral", "seed-coder")
FORMATS = (STARCODER, *(FIM_FORMATS[name] for name in _SHAPES), SPM)


def byte_lm(spec: TokenizerSpec, fim: FimFormat = STARCODER, seed: int = 0) -> ByteLM:
    return ByteLM(RandomLM(TextTokenizer(with_format(spec, fim)), seed))


class Oracle:
    """The law of the text after a frame, by brute force over token sequences."""

    def __init__(self, gap: Infilling) -> None:
        token_lm = gap.lm.token_lm
        self.tokenizer = token_lm.tokenizer
        self.model = token_lm.next_token_logprobs
        self.frame = list(gap.frame.ids)
        special = self.tokenizer.special_tokens
        ends = {special[text] for text in gap.format.ends if text in special}
        self.ends = sorted(ends | set(token_lm.eos_ids))
        self.step = cache(self._step)

    def _step(self, ids: tuple[int, ...]) -> tuple[dict[int, float], float]:
        """P(token | frame, ids) of the permitted tokens, and P(end)."""
        row = np.exp(self.model([[*self.frame, *ids]])[0])
        canonical = self.tokenizer.canonical
        state = canonical.run(ids)
        tokens = np.flatnonzero(canonical.mask(state)).tolist()
        end = float(row[self.ends].sum()) if canonical.may_end(state) else 0.0
        total = float(row[tokens].sum()) + end
        return {token: row[token] / total for token in tokens}, end / total

    def prefix(self, data: bytes) -> float:
        """P(the text begins with `data`)."""

        def visit(ids: tuple[int, ...], text: bytes) -> float:
            if text.startswith(data):
                return 1.0
            following, _ = self.step(ids)
            return sum(
                share * visit((*ids, token), longer)
                for token, share in following.items()
                if _agree(longer := text + self.tokenizer.token_bytes(token), data)
            )

        return visit((), b"")

    def texts(self, begins: bytes, size: int) -> dict[bytes, float]:
        """P(the text is x) of every x of at most `size` bytes that starts with `begins`."""
        law: Counter[bytes] = Counter()

        def visit(ids: tuple[int, ...], text: bytes, probability: float) -> None:
            following, end = self.step(ids)
            if end and text.startswith(begins):
                law[text] += probability * end  # pyright: ignore[reportArgumentType]
            for token, share in following.items():
                longer = text + self.tokenizer.token_bytes(token)
                if len(longer) <= size and _agree(longer, begins):
                    visit((*ids, token), longer, probability * share)

        visit((), b"", 1.0)
        return dict(law)


def _agree(one: bytes, two: bytes) -> bool:
    return one.startswith(two) or two.startswith(one)


PARTS = [(b"ab a", b"b a"), (b"b\xc3", b"\xa9 ab"), (b"a", b" a"), (b"", b"aba b"), (b"ba ", b"")]


@pytest.mark.parametrize("fim", [STARCODER, CODESTRAL], ids=["PSM", "SPM"])
@pytest.mark.parametrize("heal", HEALS)
@pytest.mark.parametrize("parts", PARTS, ids=repr)
def test_scores_equal_brute_force(parts: tuple[bytes, bytes], heal: Any, fim: FimFormat) -> None:
    gap = Infilling(byte_lm(WORDS, fim), *parts, heal=heal)
    oracle = Oracle(gap)
    begins, ends = gap.frame.begins, gap.frame.ends
    given_ = oracle.prefix(begins)
    for text, probability in oracle.texts(begins, len(begins) + 3).items():
        middle = text[len(begins) :]
        if middle.endswith(ends):
            middle = middle[: len(middle) - len(ends)]
            assert gap.logprob(middle) == pytest.approx(np.log(probability / given_), abs=1e-9)


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("heal", HEALS)
def test_middles_are_drawn_from_the_law(heal: Any, unit: Any) -> None:
    gap = Infilling(byte_lm(WORDS, seed=18), b"b a", b"ba b", heal=heal, tries=100_000)
    begins, ends = gap.frame.begins, gap.frame.ends
    assert (begins != b"") == (heal != "none")
    assert (ends != b"") == (heal == "both")
    size = 3
    law = {
        text[len(begins) : len(text) - len(ends)]: probability
        for text, probability in Oracle(gap).texts(begins, len(begins) + size + len(ends)).items()
        if text[len(begins) :].endswith(ends)
    }
    # Without a suffix to meet, a longer middle is cut; those are no outcomes of the law.
    total = sum(law.values()) if ends else Oracle(gap).prefix(begins)
    shares = {middle: probability / total for middle, probability in law.items()}
    drawn = Counter(
        b"".join(gap.stream(max_bytes=size + (not ends), unit=unit, seed=seed))
        for seed in range(80)
    )
    assert p_value(drawn, shares) > 1e-4
    if ends:
        assert drawn.keys() <= shares.keys()


def test_the_best_cut_is_the_most_probable_one() -> None:
    for seed, text in enumerate([b"", b"ab", b"a ab\xc3\xa9b a", b"ababa ab b ab ab a ab b"]):
        gap = Infilling(byte_lm(WORDS, seed=seed), b"b a", b"ba b", heal="both")
        scores = [gap.logprob(text[:k]) for k in range(len(text) + 1)]
        assert gap.best_cut(text) == text[: int(np.argmax(scores))]


def test_when_no_try_meets_the_suffix_an_answer_still_does() -> None:
    for seed in range(12):
        gap = Infilling(byte_lm(WORDS, seed=seed), b"b a", b"ba b", heal="both", tries=1)
        for temperature in (0.0, 1.0):
            middle = b"".join(gap.stream(max_bytes=8, temperature=temperature, seed=seed))
            assert len(middle) <= 8
            assert np.isfinite(gap.logprob(middle))


ACCENTS = merged_bpe([b"a", b" ", b"\xc3", b"\xa9", b"\xa8"], (b"aa", b"\xc3\xa9"), "accents")


@pytest.mark.parametrize("max_bytes", [0, 3, 8])
@pytest.mark.parametrize("tries", [1, 8])
def test_a_middle_of_a_healed_suffix_is_whole_characters(tries: int, max_bytes: int) -> None:
    for seed in range(24):
        gap = Infilling(byte_lm(ACCENTS, seed=seed), b"a a", b"aa a", heal="both", tries=tries)
        middle = b"".join(gap.stream(max_bytes=max_bytes, valid_utf8=True, seed=seed))
        assert len(middle) <= max_bytes
        middle.decode()


def test_what_ends_and_begins_inside_a_character_meets_there() -> None:
    gap = Infilling(byte_lm(WORDS), b"b \xc3", b"\xa9 ab", heal="both")
    assert gap.frame.ends == b"\xa9"
    for seed in range(12):
        middle = b"".join(gap.stream(max_bytes=4, valid_utf8=True, seed=seed))
        (b"b \xc3" + middle + b"\xa9 ab").decode()


@pytest.mark.parametrize("heal", HEALS)
def test_options_of_bytes_know_what_is_begun(heal: Any) -> None:
    lm = byte_lm(WORDS)
    for seed in range(12):
        asked: dict[str, Any] = {"heal": heal, "max_bytes": 6, "seed": seed}
        middle = infill(lm, "ab ", "b", begins=b"\xc3", valid_utf8=True, **asked)
        assert middle.startswith(b"\xa9")
        assert b"ab" not in infill(lm, "", "b", begins="ab", no_repeat_ngram=2, **asked)


@settings(max_examples=15, deadline=None, derandomize=True)
@given(
    spec=st.one_of(
        *(bpe_specs(splits) for splits in PRETOKENIZERS.values()), character_bpe_specs()
    ),
    prefix=st.lists(st.sampled_from(SYMBOLS), max_size=6).map(b"".join),
    more=st.lists(st.lists(st.sampled_from(SYMBOLS), max_size=4).map(b"".join), max_size=6),
)
def test_every_text_that_begins_with_the_prefix_has_the_certain_boundary(
    spec: TokenizerSpec, prefix: bytes, more: list[bytes]
) -> None:
    tokenizer = TextTokenizer(spec)
    lm = ByteLM(RandomLM(tokenizer))
    cut = last_certain_boundary(lm.token_lm, lm.vocabulary, prefix)
    for text in (prefix + rest for rest in more):
        try:
            encoding = tokenizer.encode_with_offsets(text, normalize=False)
        except EncodingError:
            continue
        before = tokenizer.encode(text[:cut], normalize=False)
        assert encoding.ids[: len(before)].tolist() == before
        assert sum(len(tokenizer.token_bytes(token)) for token in before) == cut


ENGLISH = all_bytes_with(b" return", b"return", b"turn", b" x", "é".encode(), b"fim", b"_prefix")


def test_the_certain_boundary_of_a_word_is_its_beginning() -> None:
    lm = byte_lm(ENGLISH)
    for prefix, certain in ((b"x retu", b"x"), (b"x = ", b"x ="), (b"caf\xc3", b"caf"), (b"", b"")):
        cut = last_certain_boundary(lm.token_lm, lm.vocabulary, prefix)
        assert prefix[:cut] == certain


def test_the_shared_boundary_of_a_suffix_is_the_end_of_its_first_word() -> None:
    tokenizer = TextTokenizer(ENGLISH)
    for prefix, suffix, ends in (
        (b" re", b"turn x\n", b"turn"),
        (b"a", b" x\n", b""),
        (b"caf\xc3", b"\xa9 x", b"\xa9"),
        (b" re", b"turn", b""),  # nothing would be left to show to the model
        (b" re", b"", b""),
    ):
        assert suffix[: first_shared_boundary(tokenizer, prefix, suffix)] == ends


@pytest.mark.parametrize("fim", FORMATS, ids=lambda fim: fim.name)
@pytest.mark.parametrize("heal", HEALS)
def test_the_parts_of_a_frame_are_text_and_spell_prefix_and_suffix(
    fim: FimFormat, heal: Any
) -> None:
    lm = byte_lm(ENGLISH, fim)
    tokenizer = lm.token_lm.tokenizer
    markers = list(fim.template.replace("{prefix}", "\n").replace("{suffix}", "\n").split("\n"))
    control = set(tokenizer.special_tokens.values())
    for marker in filter(None, [*markers, *fim.ends]):
        for cut in range(len(marker) + 1):  # the look-alike straddles the gap
            prefix = b"x " + marker.encode() + marker[:cut].encode()
            suffix = marker[cut:].encode() + b" x\n"
            frame = Infilling(lm, prefix, suffix, heal=heal, fim=fim).frame
            ids = fim.ids(tokenizer)
            inside = [token for token in frame.ids if token in control]
            assert inside == [*ids.first, *ids.between, *ids.last]
            body = frame.ids[len(ids.first) : len(frame.ids) - len(ids.last)]
            at = next(k for k, token in enumerate(body) if token in control)
            one, two = body[:at], body[at + len(ids.between) :]
            if fim.order == "SPM":
                one, two = two, one
            assert tokenizer.decode(one) + frame.begins == prefix
            assert frame.ends + tokenizer.decode(two) == suffix


def test_the_dummy_space_stands_before_the_prefix_alone() -> None:
    for fim in (FIM_FORMATS["codellama"], CODESTRAL):
        lm = byte_lm(replace(WORDS, prefix_space="always"), fim)
        tokenizer = lm.token_lm.tokenizer
        plain = without_dummy_prefix(tokenizer)
        frame = Infilling(lm, b"ab", b"ab", fim=fim, heal="none").frame
        with_space, without = tokenizer.encode(b"ab"), plain.encode(b"ab")
        assert with_space != without
        assert b"".join(map(plain.token_bytes, with_space)) == b" ab"
        ids = fim.ids(tokenizer)
        if fim.contiguous:
            assert frame.ids == (*ids.first, *without, *ids.between)
            assert frame.begins == b" ab"
        else:
            assert frame.ids == (*ids.first, *with_space, *ids.between, *without, *ids.last)
            assert frame.begins == b""


def test_the_end_of_a_middle_is_any_end_of_the_format_or_the_model() -> None:
    lm = byte_lm(WORDS, FIM_FORMATS["qwen"])
    gap = Infilling(lm, b"ab ", b" a")
    ids = gap.format.ids(lm.token_lm.tokenizer)
    assert set(gap.lm.vocabulary.end_ids.tolist()) == {*ids.ends, *lm.token_lm.eos_ids}
    assert len(ids.ends) > 1
    assert list(lm.vocabulary.end_ids) == list(lm.token_lm.eos_ids)  # unchanged
    _, end = Oracle(gap).step(())
    whole = Infilling(lm, b"ab ", b" a", heal="none")
    assert whole.logprob(b"") == pytest.approx(np.log(Oracle(whole).step(())[1]))
    assert 0 < end < 1


@pytest.mark.parametrize("fim", [CODESTRAL, SPM], ids=lambda fim: fim.name)
@pytest.mark.parametrize("text", [b"ab a", b"\xc3\xa9 b", b"a\xc3\xa9aba"])
def test_where_the_middle_goes_on_with_the_prefix_the_cut_is_free(
    text: bytes, fim: FimFormat
) -> None:
    lm = byte_lm(WORDS, fim)
    whole = Infilling(lm, b"b ", b" ab", fim=fim)
    for cut in range(len(text) + 1):
        beginning = whole.logprob(text[:cut], end=False)
        rest = Infilling(lm, b"b " + text[:cut], b" ab", fim=fim).logprob(text[cut:])
        assert beginning + rest == pytest.approx(whole.logprob(text), abs=1e-9)


def test_within_a_token_the_cut_of_the_prefix_is_free() -> None:
    lm = byte_lm(all_bytes_with(b" return", "é".encode(), b"   "))
    for before, text in ((b"x =", b" retu"), (b"caf", b"\xc3"), (b"x", b"  ")):
        whole = Infilling(lm, before, b" x\n")
        for cut in range(len(text) + 1):
            gap = Infilling(lm, before + text[:cut], b" x\n")
            assert gap.frame.ids == whole.frame.ids
            beginning = whole.logprob(text[:cut], end=False)
            rest = gap.logprob(text[cut:] + b"rn")
            assert beginning + rest == pytest.approx(whole.logprob(text + b"rn"), abs=1e-9)


@pytest.mark.parametrize("fim", [STARCODER, CODESTRAL], ids=["PSM", "SPM"])
@pytest.mark.parametrize("heal", HEALS)
def test_characters_may_straddle_both_borders(heal: Any, fim: FimFormat) -> None:
    lm = byte_lm(ENGLISH, fim)
    gap = Infilling(lm, b"caf\xc3", b"\xa9 x", heal=heal)
    assert np.isfinite(gap.logprob(b"\xa9 x\xc3"))
    middle = b"".join(gap.stream(max_bytes=6, seed=1))
    assert np.isfinite(gap.logprob(middle, end=True))
    if heal != "none" and fim is STARCODER:
        assert gap.frame.begins == b"\xc3"
    assert gap.frame.ends == (b"\xa9" if heal == "both" else b"")


@pytest.mark.parametrize("unit", UNITS)
def test_a_seed_repeats_a_middle_and_stop_strings_end_it(unit: Any) -> None:
    lm = byte_lm(WORDS)
    seen = 0
    for seed in range(30):
        for heal in ("prefix", "both"):
            options: Any = {"max_bytes": 9, "unit": unit, "seed": seed, "heal": heal}
            middle = infill(lm, b"b a", b"ba b", **options)
            assert infill(lm, b"b a", b"ba b", **options) == middle
            assert infill(lm, b"b a", b"ba b", stop=[b"a"], **options) == middle.partition(b"a")[0]
            seen += b"a" in middle
    assert seen


def test_without_a_suffix_any_model_completes() -> None:
    both = ByteEnsemble([byte_lm(WORDS), byte_lm(WORDS, seed=1)])
    assert infill(both, b"a", max_bytes=5, seed=3) == complete(both, b"a", max_bytes=5, seed=3)


def test_an_empty_suffix_is_not_the_lack_of_one() -> None:
    gap = Infilling(byte_lm(WORDS), b"ab ", b"")
    control = set(gap.lm.token_lm.tokenizer.special_tokens.values())
    assert sum(token in control for token in gap.frame.ids) == 3


def test_a_gap_needs_one_canonical_model_and_a_format() -> None:
    lm = byte_lm(WORDS)
    with pytest.raises(ArgumentError, match="single ByteLM"):
        infill(ByteEnsemble([lm]), b"a", b"b", max_bytes=3, method="format")
    with pytest.raises(ArgumentError, match="encodings='canonical'"):
        infill(ByteLM(lm.token_lm, encodings="all"), b"a", b"b", max_bytes=3, method="format")
    with pytest.raises(ArgumentError, match="no known FIM format"):
        infill(ByteLM(RandomLM(TextTokenizer(WORDS))), b"a", b"b", max_bytes=3, method="format")


@pytest.mark.parametrize("heal", HEALS)
def test_options_out_of_range_are_errors_at_once(heal: Any) -> None:
    gap = Infilling(byte_lm(WORDS), b"b a", b"ba b", heal=heal)
    wrong: list[Any] = [
        {"max_bytes": -1},
        {"max_bytes": 1, "temperature": -1},
        {"max_bytes": 1, "unit": "word"},
        {"max_bytes": 1, "stop": [b""]},
    ]
    for options in wrong:
        with pytest.raises(ArgumentError):
            gap.stream(**options)
    for constructor in ({"heal": "all"}, {"tries": 0}):
        options: Any = constructor
        with pytest.raises(ArgumentError):
            Infilling(byte_lm(WORDS), b"a", b"b", **options)
    if heal == "both":
        with pytest.raises(ArgumentError, match="end=True"):
            gap.logprob(b"a", end=False)


def test_parts_that_the_vocabulary_lacks_are_errors() -> None:
    lm = byte_lm(WORDS)
    with pytest.raises(EncodingError):
        infill(lm, b"a", b"\x00", max_bytes=3)
    with pytest.raises(EncodingError, match="999"):
        lm.with_end_ids([999])
    with pytest.raises(EncodingError):
        infill(lm, b"a\x00b ", b"a", max_bytes=3, heal="none")
    with pytest.raises(ModelError, match="no mass"):
        infill(byte_lm(WORDS, CODESTRAL), b"a\x00", b"a", max_bytes=3)
    with pytest.raises(ModelError, match="no mass"):
        Infilling(byte_lm(WORDS, CODESTRAL), b"a\x00", b"a").logprob(b"a")


@pytest.mark.parametrize("fim", [STARCODER, CODESTRAL, SPM], ids=lambda fim: fim.name)
def test_what_is_begun_is_a_condition(fim: FimFormat) -> None:
    lm = byte_lm(all_bytes_with(b"the", b" sat"), fim)
    gap = Infilling(lm, "a th", "on", fim=fim)
    begun = Infilling(lm, "a th", "on", fim=fim, begins="e s")
    parts = gap.logprob("e s", end=False) + begun.logprob("at ")
    assert gap.logprob("e sat ") == pytest.approx(parts)
    middle = infill(lm, "a th", "on", fim=fim, begins="e s", max_bytes=6, seed=4)
    assert middle == b"".join(begun.stream(max_bytes=6, seed=4))
    with pytest.raises(ArgumentError, match="begins"):
        infill(lm, "a th", begins="e s", max_bytes=6)
    asked: dict[str, Any] = {"max_bytes": 6, "method": "posterior", "budget": 30, "seed": 4}
    assert infill(lm, "a th", "on", begins="e s", **asked) == infill(lm, "a the s", "on", **asked)
