"""Public entries refuse what they would otherwise take for something else, or ignore."""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tokenizers import ByteLevelBPETokenizer

import tokkit
from tokkit.arguments import (
    as_ids,
    check_choice,
    check_flags,
    check_path,
    check_real,
    check_whole,
    refuse_unknown,
)
from tokkit.bytelm.drawing.request import Request
from tokkit.errors import ArgumentError

TEXT = "def area(r):\n    return r * r\n" * 3


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> tokkit.ByteLM:
    path = tmp_path_factory.mktemp("toy") / "tokenizer.json"
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [TEXT], vocab_size=290, show_progress=False, special_tokens=["<|endoftext|>"]
    )
    bpe.save(str(path))
    tokenizer = tokkit.load_tokenizer(path)
    return tokkit.ByteLM(tokkit.NgramLM.train([TEXT], tokenizer), name="toy")


@pytest.mark.parametrize("wrong", ["a\0b", "\ud800", b"a", 5, None])
def test_a_path_that_no_system_has_is_refused_by_name(wrong: Any) -> None:
    with pytest.raises(ArgumentError, match=r"^file (is no path|must be)"):
        check_path(wrong, "file")


@pytest.mark.parametrize("name", [name for name in tokkit.__all__ if not name.startswith("__")])
def test_hints_of_public_names_resolve(name: str) -> None:
    if name == "TransformersLM":
        pytest.importorskip("torch", reason="needs the hf extra")
    public = getattr(tokkit, name)
    assert isinstance(typing.get_type_hints(public), dict)
    if inspect.isclass(public):
        for attribute, value in inspect.getmembers(public):
            if attribute == "__init__" or not attribute.startswith("_"):
                plain = value.fget if isinstance(value, property) else value
                function = getattr(plain, "__func__", plain)
                if inspect.isfunction(function):
                    typing.get_type_hints(function)


SAMPLERS: dict[str, Callable[..., Any]] = {
    "complete": lambda lm, **options: tokkit.complete(lm, "ret", max_bytes=2, **options),
    "complete by token": lambda lm, **options: tokkit.complete(
        lm, "ret", max_bytes=2, unit="token", **options
    ),
    "stream_completion": lambda lm, **options: tokkit.stream_completion(
        lm, "ret", max_bytes=2, **options
    ),
    "generate": lambda lm, **options: lm.generate("ret", max_bytes=2, **options),
    "stream": lambda lm, **options: lm.stream("ret", max_bytes=2, **options),
    "generate_batch": lambda lm, **options: lm.generate_batch(["ret"], max_bytes=2, **options),
    "infill": lambda lm, **options: tokkit.infill(lm, "ret", max_bytes=2, **options),
    "ensemble": lambda lm, **options: tokkit.ByteEnsemble([lm]).generate(
        "ret", max_bytes=2, **options
    ),
}


@pytest.mark.parametrize("entry", SAMPLERS)
def test_an_option_that_does_not_exist_is_named_and_nothing_internal_is(
    entry: str, lm: tokkit.ByteLM
) -> None:
    with pytest.raises(ArgumentError, match="unknown sampling option 'top_q'.*top_p") as caught:
        SAMPLERS[entry](lm, top_q=1)
    assert "__init__" not in str(caught.value)


@pytest.mark.parametrize("entry", SAMPLERS)
@pytest.mark.parametrize(
    "options",
    [
        {"temperature": "hot"},
        {"top_p": "0.9"},
        {"min_p": None},
        {"top_k": 1.5},
        {"seed": "7"},
        {"temperature": float("nan")},
    ],
    ids=str,
)
def test_a_value_of_the_wrong_kind_is_told_by_the_option(
    entry: str, options: dict[str, Any], lm: tokkit.ByteLM
) -> None:
    with pytest.raises(ArgumentError, match=f"^{next(iter(options))} must be a"):
        SAMPLERS[entry](lm, **options)


def test_one_stop_string_stands_for_itself(lm: tokkit.ByteLM) -> None:
    def ask(stop: Any) -> bytes:
        return lm.generate("def area(r):\n    ret", max_bytes=12, temperature=0, stop=stop)

    assert ask("r * r") == ask(["r * r"]) == b"urn "
    assert ask(b"* r") == ask((b"* r",)) == b"urn r "


def test_stop_strings_from_an_iterator_hold_for_every_prompt(lm: tokkit.ByteLM) -> None:
    prompts = ["def area(r):\n    ret"] * 2
    stop = (text for text in ["r * r"])
    found = lm.generate_batch(prompts, max_bytes=12, temperature=0, stop=stop)  # type: ignore[arg-type]
    assert found == [b"urn "] * 2


def test_one_text_is_not_taken_for_its_characters(lm: tokkit.ByteLM) -> None:
    tokenizer = lm.token_lm.tokenizer
    calls: list[Callable[[Any], Any]] = [
        lambda text: lm.generate_batch(text, max_bytes=1),
        lambda text: lm.open_batch(text),
        lambda text: tokenizer.encode_batch(text),
        lambda text: tokkit.NgramLM.train(text, tokenizer),
    ]
    for call in calls:
        for text in ("The", b"The"):
            with pytest.raises(ArgumentError, match="put it in a list"):
                call(text)
    assert len(lm.generate_batch(["T", "h", "e"], max_bytes=1)) == 3


def states(lm: tokkit.ByteLM) -> list[Any]:
    every = tokkit.ByteLM(lm.token_lm, encodings="all", name="all")
    mean = tokkit.ByteEnsemble([lm, every], combine="mean")
    return [lm, every, tokkit.ByteEnsemble([lm, every]), mean]


def test_a_state_of_another_text_is_refused(lm: tokkit.ByteLM) -> None:
    for model in states(lm):
        state = model.open("def ar")
        state.push("ea(")
        for continued in (state, state.fork()):
            assert continued.prefix_bytes == b"def area("
            for ask in (model.generate, lambda *a, m=model, **k: tokkit.complete(m, *a, **k)):
                with pytest.raises(ArgumentError, match="state is after b'def area\\('"):
                    ask("ret", max_bytes=3, state=continued, seed=1)
                with_state = ask("def area(", max_bytes=3, state=continued, seed=1)
                assert with_state == ask("def area(", max_bytes=3, seed=1)


def test_a_state_is_refused_by_tokens_as_by_bytes(lm: tokkit.ByteLM) -> None:
    options: dict[str, Any] = {"max_bytes": 3, "unit": "token", "seed": 1}
    state = lm.open("def area(")
    with pytest.raises(ArgumentError, match="state is after"):
        tokkit.complete(lm, "ret", state=state, **options)
    assert tokkit.complete(lm, "def area(", state=state, **options)
    with pytest.raises(ArgumentError, match="EnsembleState of another model"):
        tokkit.complete(lm, "ret", state=tokkit.ByteEnsemble([lm]).open("ret"), **options)


def laws(lm: tokkit.ByteLM) -> dict[str, Any]:
    """Models of which each gives other probabilities, or may."""
    ngram = lm.token_lm
    other = tokkit.ByteLM(tokkit.NgramLM.train(["retune"], ngram.tokenizer, order=2))
    every = tokkit.ByteLM(ngram, encodings="all")
    return {
        "a model": lm,
        "other counts": other,
        "tolerance": tokkit.ByteLM(ngram, tolerance=0.1),
        "other ends": lm.with_end_ids([5]),
        "all encodings": every,
        "beam": tokkit.ByteLM(ngram, encodings="all", beam=1),
        "mixture": tokkit.ByteEnsemble([lm, other]),
        "mean": tokkit.ByteEnsemble([lm, other], combine="mean"),
        "weights": tokkit.ByteEnsemble([lm, other], weights=[1, 2]),
        "order": tokkit.ByteEnsemble([other, lm]),
        "of one": tokkit.ByteEnsemble([lm]),
        "nested": tokkit.ByteEnsemble([lm, tokkit.ByteEnsemble([other, every])]),
    }


WITH_STATE: dict[str, Callable[[Any, Any], Any]] = {
    "generate": lambda model, state: model.generate("ret", max_bytes=2, state=state),
    "stream": lambda model, state: model.stream("ret", max_bytes=2, state=state),
    "complete": lambda model, state: tokkit.complete(model, "ret", max_bytes=2, state=state),
    "stream_completion": lambda model, state: tokkit.stream_completion(
        model, "ret", max_bytes=2, state=state
    ),
    "draw": lambda model, state: model.draw(Request("ret", max_bytes=2), state),
    "by tokens": lambda model, state: tokkit.complete(
        model, "ret", max_bytes=2, state=state, unit="token"
    ),
}


def test_every_entry_with_a_state_is_known() -> None:
    having = [
        function.__name__
        for function in (tokkit.complete, tokkit.stream_completion, tokkit.infill)
        if "state" in inspect.signature(function).parameters
    ]
    having += [
        name
        for name, method in inspect.getmembers(tokkit.ByteLM, inspect.isfunction)
        if "state" in inspect.signature(method).parameters and not name.startswith("_")
    ]
    assert {*having, "by tokens"} == {*WITH_STATE, "may_have_opened"}


@pytest.mark.parametrize("entry", WITH_STATE)
def test_a_state_of_another_model_is_refused_at_once(entry: str, lm: tokkit.ByteLM) -> None:
    models = laws(lm)
    if entry == "by tokens":
        canonical = ("a model", "other counts", "tolerance", "other ends")
        models = {name: models[name] for name in canonical}
    opened = {name: model.open("ret") for name, model in laws(lm).items()}
    for name, model in models.items():
        for of, state in opened.items():
            if name != of:
                with pytest.raises(ArgumentError, match="State of another model"):
                    WITH_STATE[entry](model, state)
        assert WITH_STATE[entry](model, model.open("ret").fork()) is not None


def test_a_state_of_an_equal_model_is_taken(lm: tokkit.ByteLM) -> None:
    twin = tokkit.ByteLM(lm.token_lm, name="twin")
    ensembles = [tokkit.ByteEnsemble([each], name=each.name) for each in (lm, twin)]
    for one, other in ((lm, twin), ensembles):
        assert one.generate("ret", max_bytes=3, seed=1, state=other.open("ret")) == one.generate(
            "ret", max_bytes=3, seed=1
        )


def test_weights_of_any_size_are_normalised(lm: tokkit.ByteLM) -> None:
    for weight in (1e308, 5e-324, 1.0):
        ensemble = tokkit.ByteEnsemble([lm, lm], weights=[weight, weight])
        assert ensemble.weights.tolist() == [0.5, 0.5]
    with pytest.raises(ArgumentError, match="differ by more than a float"):
        tokkit.ByteEnsemble([lm, lm], weights=[1e-300, 1e300])


def test_a_state_after_ids_of_a_frame_is_taken_on_trust(lm: tokkit.ByteLM) -> None:
    state = lm.open_after([5], "urn")
    assert state.prefix_bytes is None
    assert lm.generate("return", max_bytes=2, state=state, seed=1) == lm.generate(
        "urn", max_bytes=2, state=state, seed=1
    )


def test_a_pattern_is_of_bytes(lm: tokkit.ByteLM) -> None:
    with pytest.raises(ArgumentError, match="pattern is about bytes"):
        tokkit.complete(lm, "ret", max_bytes=3, unit="token", pattern="a")


def test_load_lm_lists_every_option_that_there_is(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the hf extra")
    load: Any = tokkit.load_lm
    with pytest.raises(ArgumentError, match="did you mean 'dtype'") as caught:
        load(tmp_path, dtyp="float32")
    for option in ("tokenizer", "device", "threads", "packed", "bos_ids", "encodings", "beam"):
        assert option in str(caught.value)
    with pytest.raises(ArgumentError, match="pass a path, a name, a loaded"):
        load(None)


def test_unknown_names_are_told_with_the_nearest() -> None:
    with pytest.raises(ArgumentError, match="unknown option 'bem' \\(did you mean 'beam'\\?\\)"):
        refuse_unknown(["bem"], ["beam", "other"])
    refuse_unknown([], ["beam"])


@pytest.mark.parametrize("value", ["1", 1.0, True, None, 0, 11, [1]])
def test_what_is_no_whole_number_within_bounds_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="n must be a whole number from 1 to 10"):
        check_whole("n", value, 1, 10)


@pytest.mark.parametrize("value", ["1", True, None, float("inf"), [1]])
def test_what_is_no_finite_number_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="x must be a finite number"):
        check_real("x", value)


WRONG: dict[str, Callable[[Any], Any]] = {
    "load_tokenizer of None": lambda lm: tokkit.load_tokenizer(None),  # type: ignore[arg-type]
    "a format that is a number": lambda lm: tokkit.load_tokenizer("x", format=3),  # type: ignore[arg-type]
    "decode of one id": lambda lm: lm.token_lm.tokenizer.decode(5),
    "decode of text": lambda lm: lm.token_lm.tokenizer.decode("ab"),
    "decode of halves": lambda lm: lm.token_lm.tokenizer.decode([1.5]),
    "bytes of a text": lambda lm: lm.token_lm.tokenizer.token_bytes("a"),
    "encode_batch of None": lambda lm: lm.token_lm.tokenizer.encode_batch(None),
    "ByteLM of a name": lambda lm: tokkit.ByteLM("smollm2"),  # type: ignore[arg-type]
    "an ensemble of one model": lambda lm: tokkit.ByteEnsemble(lm),
    "an ensemble of names": lambda lm: tokkit.ByteEnsemble(["smollm2"]),  # type: ignore[list-item]
    "weights that are words": lambda lm: tokkit.ByteEnsemble([lm], weights=["x"]),  # type: ignore[list-item]
    "complete by a name": lambda lm: tokkit.complete("smollm2", "a", max_bytes=1),  # type: ignore[arg-type]
    "complete by tokens": lambda lm: tokkit.complete(lm.token_lm, "a", max_bytes=1),
    "search by a name": lambda lm: tokkit.beam_search("smollm2", "a", max_bytes=1),  # type: ignore[arg-type]
    "infill by a name": lambda lm: tokkit.infill("smollm2", "a", "b", max_bytes=1),  # type: ignore[arg-type]
    "a state that is a text": lambda lm: lm.generate("a", max_bytes=1, state="a"),
    "no stop": lambda lm: lm.generate("a", max_bytes=1, stop=None),
    "audit of None": lambda lm: tokkit.audit_tokenizer(None),  # type: ignore[arg-type]
    "options that are a dict": lambda lm: tokkit.audit_tokenizer("x", options={}),  # type: ignore[arg-type]
    "corpora that are a folder": lambda lm: tokkit.infer_mixture(lm.token_lm.tokenizer, "x"),  # type: ignore[arg-type]
    "train by a name": lambda lm: tokkit.NgramLM.train(["a"], "x"),  # type: ignore[arg-type]
    "load_lm, encodings": lambda lm: tokkit.load_lm("x", encodings="some"),  # type: ignore[arg-type]
    "load_lm, beam": lambda lm: tokkit.load_lm("x", beam=3),
    "load_lm, tolerance": lambda lm: tokkit.load_lm("x", tolerance=7),
    "load_lm, threads": lambda lm: tokkit.load_lm("x", threads=10**9),
    "a format of no middle": lambda lm: tokkit.infill(lm, "a", max_bytes=1, fim="starcoder"),
    "borders of no middle": lambda lm: tokkit.infill(lm, "a", max_bytes=1, heal="both"),
    "files around no middle": lambda lm: tokkit.infill(
        lm, "a", max_bytes=1, context=tokkit.RepositoryFiles("x", {"y": "z"})
    ),
    "inherits without corpora": lambda lm: tokkit.AuditOptions(inherits=["smollm2"]),
}


@pytest.mark.parametrize("call", WRONG)
def test_what_is_something_else_is_told_before_any_work(call: str, lm: tokkit.ByteLM) -> None:
    with pytest.raises(ArgumentError):
        WRONG[call](lm)


@pytest.mark.parametrize("option", ["top_k", "repetition_length", "no_repeat_ngram"])
def test_a_number_above_every_length_is_no_limit(option: str, lm: tokkit.ByteLM) -> None:
    drawn: dict[str, Any] = {"max_bytes": 8, "seed": 1}
    penalty = 1e308 if option == "repetition_length" else 0.0
    huge: dict[str, Any] = {option: 10**30, "repetition_penalty": penalty}
    assert lm.generate("ret", **drawn | huge) == lm.generate("ret", **drawn)


@pytest.mark.parametrize(
    "value", [10**400, np.array([1.0, 2.0]), 1j, [1.0], b"1", np.array("3"), np.bool_(1)]
)
def test_what_is_no_one_number_is_refused_in_one_line(value: Any) -> None:
    with pytest.raises(ArgumentError) as caught:
        check_real("x", value)
    assert "\n" not in str(caught.value) and len(str(caught.value)) < 200


def test_a_number_too_long_to_be_written_is_refused() -> None:
    with pytest.raises(ArgumentError, match="too long to show"):
        check_whole("x", 10**5000, 0, 10)


@pytest.mark.parametrize("value", [np.array([1, 2]), "yes", 2, None, [1]])
def test_what_is_no_truth_value_is_refused(value: Any) -> None:
    with pytest.raises(ArgumentError, match="must be True or False"):
        check_flags(x=value)


@pytest.mark.parametrize("value", [np.array(["a", "b"]), "c", 1, ["a"]])
def test_what_is_none_of_some_words_is_refused(value: Any) -> None:
    check_choice("x", None, ("a", None))
    with pytest.raises(ArgumentError, match="x must be one of 'a', 'b', got"):
        check_choice("x", value, ("a", "b"))


MASK = np.array([True])


@pytest.mark.parametrize(
    "value", [b"12", memoryview(b"12"), "12", {1, 2}, {1: 2}, [True], MASK, [1.0], 3]
)
def test_what_is_no_sequence_of_ids_is_refused(value: Any) -> None:
    assert as_ids(np.array([1, 2]), "ids") == as_ids(iter([1, 2]), "ids") == (1, 2)
    assert as_ids({2, 1}, "ids", ordered=False) == (1, 2)
    with pytest.raises(ArgumentError, match="ids must be a sequence of whole numbers"):
        as_ids(value, "ids")
