"""Generation of transformers through the view does what the model behind it says."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

torch = pytest.importorskip("torch")
pytest.importorskip("transformers")

from transformers import (
    GenerationConfig,
    LogitsProcessor,
    StoppingCriteria,
    StoppingCriteriaList,
)

from tests.hf.toy_views import CountingLM, Spelling, left_padded, ngram_lm, random_models, texts
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.errors import ArgumentError, ModelError, UnsupportedError
from tokkit.hf import BLANK_ID, END_ID, ByteLevelCausalLM, ByteLevelTokenizer

FEW = settings(max_examples=10, deadline=None, derandomize=True)
PROMPTS = (b"the c", b"", b"the dog's mat, \xc3", b"on")
TOKENIZER = ByteLevelTokenizer()


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> ByteLM:
    return ngram_lm(tmp_path_factory.mktemp("lm"))


@pytest.fixture(scope="module")
def ensemble(lm: ByteLM, tmp_path_factory: pytest.TempPathFactory) -> ByteEnsemble:
    other = ngram_lm(tmp_path_factory.mktemp("other"), vocab_size=270, order=2)
    return ByteEnsemble([lm, other], weights=[2, 1], combine="mean")


@pytest.fixture(params=["lm", "ensemble"])
def model(request: pytest.FixtureRequest) -> ByteModel:
    return request.getfixturevalue(request.param)


def tensor(rows: Any) -> Any:
    return torch.tensor(rows, dtype=torch.long)


def prompts(rows: Sequence[bytes] = PROMPTS) -> Any:
    return tensor(left_padded([list(row) for row in rows]))


def continuations(output: Any, n_given: int) -> list[bytes]:
    return [TOKENIZER.decode_bytes(row[n_given:].tolist()) for row in output]


@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_batches_equal_the_model_one_by_one(model: ByteModel, use_cache: bool) -> None:
    ids = prompts()
    view = ByteLevelCausalLM.wrap(model)
    output = view.generate(ids, max_new_tokens=16, do_sample=False, use_cache=use_cache)
    expected = [model.generate(row, max_bytes=16, temperature=0) for row in PROMPTS]
    assert continuations(output, ids.shape[1]) == expected


@FEW
@given(model=random_models(), rows=st.lists(texts, min_size=1, max_size=3))
def test_greedy_of_random_models_equals_the_model(model: ByteModel, rows: list[bytes]) -> None:
    ids = prompts(rows)
    view = ByteLevelCausalLM.wrap(model)
    if any(model.next_byte_logprobs(row).max() == -np.inf for row in rows):
        with pytest.raises(ModelError, match="nothing can follow prompt"):
            view.generate(ids, max_new_tokens=6, do_sample=False)
        return
    output = view.generate(ids, max_new_tokens=6, do_sample=False)
    expected = [model.generate(row, max_bytes=6, temperature=0) for row in rows]
    assert continuations(output, ids.shape[1]) == expected


def test_samples_are_draws_from_the_next_byte(model: ByteModel) -> None:
    ids, steps = prompts(), 10
    view = ByteLevelCausalLM.wrap(model)
    torch.manual_seed(5)
    output = view.generate(ids, max_new_tokens=steps, do_sample=True, min_new_tokens=steps)
    torch.manual_seed(5)
    drawn: list[bytes] = list(PROMPTS)
    for _ in range(steps):
        rows = np.stack([model.next_byte_logprobs(row) for row in drawn])
        logits = torch.tensor(np.pad(rows, ((0, 0), (0, 1)), constant_values=-np.inf)).float()
        logits[:, END_ID] = -torch.inf  # min_new_tokens
        symbols = torch.multinomial(logits.softmax(dim=-1), num_samples=1)[:, 0]
        drawn = [row + bytes([int(byte)]) for row, byte in zip(drawn, symbols, strict=True)]
    assert [
        row + rest for row, rest in zip(PROMPTS, continuations(output, ids.shape[1]), strict=True)
    ] == drawn


@pytest.mark.parametrize("configured", [True, False])
def test_nothing_is_cut_off_before_sampling(lm: ByteLM, configured: bool) -> None:
    options: dict[str, Any] = {"do_sample": True, "max_new_tokens": 1, "output_scores": True,
                               "return_dict_in_generate": True}  # fmt: skip
    view = ByteLevelCausalLM.wrap(lm)
    if configured:
        config = GenerationConfig(**options, eos_token_id=END_ID, pad_token_id=BLANK_ID)
        output = view.generate(prompts(), generation_config=config)
        assert config.top_k is None
    else:
        output = view.generate(prompts(), **options)
    possible = (output.scores[0] > -torch.inf).sum(dim=1)
    expected = [(lm.next_byte_logprobs(row) > -np.inf).sum() for row in PROMPTS]
    assert possible.tolist() == expected
    assert min(expected) > 50
    few = view.generate(prompts(), **options, top_k=3)
    assert (few.scores[0] > -torch.inf).sum(dim=1).tolist() == [3] * len(PROMPTS)


def beam_search(model: ByteModel, prompt: bytes, n_beams: int, steps: int) -> tuple[float, bytes]:
    """The best finished text: plain beam search over joint log-probabilities, no cache."""
    running: list[tuple[float, bytes]] = [(0.0, b"")]
    finished: list[tuple[float, bytes]] = []
    for step in range(steps):
        candidates: list[tuple[float, bytes, int]] = []
        for score, text in running:
            row = model.next_byte_logprobs(prompt + text)
            candidates += [(score + float(row[s]), text, s) for s in range(257)]
        candidates.sort(key=lambda candidate: -candidate[0])
        best = candidates[: 2 * n_beams]
        texts = [
            (score, text + bytes([symbol] if symbol != END_ID else []), symbol == END_ID)
            for score, text, symbol in best
        ]
        last = step + 1 == steps
        finished += [(score, text) for score, text, end in texts[:n_beams] if end or last]
        running = [(score, text) for score, text, end in texts if not end][:n_beams]
    return max(finished)


@pytest.mark.parametrize("n_beams", [2, 3])
def test_beam_search_equals_a_plain_one(model: ByteModel, n_beams: int) -> None:
    ids, steps = prompts(), 6
    view = ByteLevelCausalLM.wrap(model)
    output = view.generate(
        ids, max_new_tokens=steps, num_beams=n_beams, do_sample=False, length_penalty=0.0,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    for row, score, text in zip(
        PROMPTS, output.sequences_scores, continuations(output.sequences, ids.shape[1]), strict=True
    ):
        expected = beam_search(model, row, n_beams, steps)
        assert score.item() == pytest.approx(expected[0], abs=1e-4)
        assert text == expected[1]


@settings(FEW, max_examples=5)
@given(model=random_models(), rows=st.lists(texts, min_size=1, max_size=2))
def test_a_beam_wide_enough_finds_the_most_probable_text(
    model: ByteModel, rows: list[bytes]
) -> None:
    rows = [row for row in rows if model.next_byte_logprobs(row).max() > -np.inf] or [b""]
    ids = prompts(rows)
    output = ByteLevelCausalLM.wrap(model).generate(
        ids, max_new_tokens=2, num_beams=30, do_sample=False, length_penalty=0.0,
        return_dict_in_generate=True, output_scores=True,
    )  # fmt: skip
    found = continuations(output.sequences, ids.shape[1])
    for row, score, text in zip(rows, output.sequences_scores, found, strict=True):
        first = model.next_byte_logprobs(row)
        totals = {b"": float(first[END_ID])}
        for byte in np.flatnonzero(first[:END_ID] > -np.inf):
            second = first[byte] + model.next_byte_logprobs(row + bytes([byte]))
            totals |= {bytes([byte, other]): float(second[other]) for other in range(256)}
            totals[bytes([byte])] = float(second[END_ID])
        assert score.item() == pytest.approx(max(totals.values()), abs=1e-4)
        assert totals[text] == pytest.approx(max(totals.values()), abs=1e-4)


def test_a_step_is_one_call_of_the_model(tmp_path: Path) -> None:
    inner: Any = ngram_lm(tmp_path).token_lm
    assert isinstance(inner, NgramLM)
    counting = CountingLM(inner)
    view = ByteLevelCausalLM.wrap(ByteLM(counting))
    view.generate(prompts(), max_new_tokens=1, do_sample=False)
    start, counting.n_calls = counting.n_calls, 0
    view.generate(prompts(), max_new_tokens=9, min_new_tokens=9, do_sample=False)
    assert counting.n_calls <= start + 8
    counting.n_calls = 0
    view.generate(prompts(), max_new_tokens=9, min_new_tokens=9, num_beams=3)
    assert counting.n_calls <= start + 8


@pytest.mark.parametrize("how", ["none", "empty", "blank", "padded"])
def test_prompts_may_be_empty(lm: ByteLM, how: str) -> None:
    arguments: dict[str, Any] = {
        "none": {},
        "empty": {"input_ids": torch.empty((1, 0), dtype=torch.long)},
        "blank": {"inputs": tensor([[BLANK_ID]])},
        "padded": dict(TOKENIZER([""], return_tensors="pt")),
    }[how]
    output = ByteLevelCausalLM.wrap(lm).generate(**arguments, max_new_tokens=9, do_sample=False)
    assert continuations(output, 0) == [lm.generate("", max_bytes=9, temperature=0)]


def test_generation_goes_on_from_a_cache(lm: ByteLM) -> None:
    view, ids = ByteLevelCausalLM.wrap(lm), prompts()
    whole = view.generate(ids, max_new_tokens=12, do_sample=False)
    half = view.generate(ids, max_new_tokens=6, do_sample=False, return_dict_in_generate=True)
    rest = view.generate(
        half.sequences, past_key_values=half.past_key_values, max_new_tokens=6, do_sample=False
    )
    assert rest.tolist() == whole.tolist()


def test_logits_processors_are_heard(lm: ByteLM) -> None:
    class NoVowels(LogitsProcessor):
        def __call__(self, input_ids: Any, scores: Any) -> Any:
            scores[:, list(b"aeiou")] = -torch.inf
            return scores

    output = ByteLevelCausalLM.wrap(lm).generate(
        prompts(), max_new_tokens=8, do_sample=False, logits_processor=[NoVowels()]
    )
    for row, found in zip(PROMPTS, continuations(output, prompts().shape[1]), strict=True):
        state, expected = lm.open(row), b""
        while len(expected) < 8:
            logprobs = state.logprobs()
            logprobs[list(b"aeiou")] = -np.inf
            if logprobs.argmax() == END_ID:
                break
            expected += bytes([int(logprobs.argmax())])
            state.push(expected[-1:])
        assert found == expected


@pytest.mark.parametrize("do_sample", [True, False])
def test_allowed_symbols_may_leave_nothing_but_blanks(lm: ByteLM, do_sample: bool) -> None:
    """The text "ab" and its end are all that is allowed; a row that has ended goes on as blanks."""

    def allowed(row: int, ids: Any) -> list[int]:
        given = [symbol for symbol in ids.tolist()[1:] if symbol != BLANK_ID]
        return [[97], [98], [END_ID]][min(len(given), 2)]

    output = ByteLevelCausalLM.wrap(lm).generate(
        tensor([[BLANK_ID, BLANK_ID], [BLANK_ID, 97]]),
        attention_mask=tensor([[1, 1], [1, 1]]),
        max_new_tokens=5,
        do_sample=do_sample,
        prefix_allowed_tokens_fn=allowed,
    )
    assert output[:, 2:].tolist() == [[97, 98, END_ID], [98, END_ID, BLANK_ID]]


def test_stopping_criteria_and_stop_strings_stop(lm: ByteLM) -> None:
    class AtSpace(StoppingCriteria):
        def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
            return input_ids[:, -1] == 32

    view, ids = ByteLevelCausalLM.wrap(lm), prompts()
    output = view.generate(
        ids, max_new_tokens=20, do_sample=False, stopping_criteria=StoppingCriteriaList([AtSpace()])
    )
    full = [lm.generate(row, max_bytes=20, temperature=0) for row in PROMPTS]
    expected = [text[: text.index(b" ") + 1] if b" " in text else text for text in full]
    assert continuations(output, ids.shape[1]) == expected
    output = view.generate(
        ids, max_new_tokens=20, do_sample=False, stop_strings=["at o"], tokenizer=TOKENIZER
    )
    for found, text in zip(continuations(output, ids.shape[1]), full, strict=True):
        assert text.startswith(found)
        assert b"at o" not in found[:-1]


def test_prompts_that_nothing_can_follow_are_refused(lm: ByteLM) -> None:
    view = ByteLevelCausalLM.wrap(lm)
    with pytest.raises(ModelError, match="nothing can follow prompt 1"):
        view.generate(tensor([[97, 98], [97, END_ID]]), max_new_tokens=3)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"assistant_model": "the view"}, "cannot be rolled back"),
        ({"prompt_lookup_num_tokens": 3}, "cannot be rolled back"),
        ({"guidance_scale": 1.5}, "ByteEnsemble"),
        ({"penalty_alpha": 0.6, "top_k": 4}, "no hidden states"),
        ({"dola_layers": "high"}, "no layers"),
        ({"token_healing": True}, "need no healing"),
    ],
)
def test_what_a_view_cannot_do_is_refused_by_name(
    lm: ByteLM, options: dict[str, Any], reason: str
) -> None:
    view = ByteLevelCausalLM.wrap(lm)
    if "assistant_model" in options:
        options = {"assistant_model": view}
    with pytest.raises(UnsupportedError, match=f"^{next(iter(options))} .*{reason}"):
        view.generate(tensor([[97]]), max_new_tokens=3, **options)


def test_a_guidance_of_one_changes_nothing(lm: ByteLM) -> None:
    view, ids = ByteLevelCausalLM.wrap(lm), prompts()
    plain = view.generate(ids, max_new_tokens=8, do_sample=False)
    assert torch.equal(
        view.generate(ids, max_new_tokens=8, do_sample=False, guidance_scale=1.0), plain
    )


@given(
    letters=st.text("aß🙂 ", min_size=1, max_size=6),
    stops=st.lists(st.text("aß🙂 ", min_size=1, max_size=2), min_size=1, max_size=2),
    configured=st.booleans(),
)
@settings(max_examples=15, deadline=None, derandomize=True)
def test_stop_strings_of_any_characters_stop_at_their_last_byte(
    letters: str, stops: list[str], configured: bool
) -> None:
    # The model spells the letters over and over; prompts of two lengths put blanks in a row.
    data = (letters * 8).encode()
    view = ByteLevelCausalLM.wrap(Spelling(data))
    ids = tensor([[BLANK_ID, BLANK_ID, 120], [BLANK_ID, 120, 120]])
    options: dict[str, Any] = {"stop_strings": stops if len(stops) > 1 else stops[0]}
    if configured:
        options = {
            "generation_config": GenerationConfig(
                eos_token_id=END_ID, pad_token_id=BLANK_ID, **options
            )
        }
    output = view.generate(ids, max_new_tokens=len(data), do_sample=False, **options)
    ends = [
        data.find(text.encode()) + len(text.encode()) for text in stops if text.encode() in data
    ]
    expected = data[: min(ends)] if ends else data
    assert continuations(output, 3) == [expected, expected]


def test_stop_strings_that_are_none_are_refused(lm: ByteLM) -> None:
    view = ByteLevelCausalLM.wrap(lm)
    for stops in ([], [""], ""):
        with pytest.raises(ArgumentError, match="stop_strings must be"):
            view.generate(tensor([[97]]), max_new_tokens=3, stop_strings=stops)
