"""The model `tokkit` of the evaluation harness answers with probabilities of bytes."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("lm_eval", reason="needs the harness extra")
pytest.importorskip("transformers", reason="needs the hf extra")

from tests.hf.toy_views import CountingLM, ngram_lm, random_models
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.byte_model import ByteModel
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.errors import ArgumentError, TokkitError
from tokkit.harness import HarnessOptions, TokkitLM

# The harness takes long to import; `make test-all` installs it and runs these.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
TASKS = ROOT / "tests" / "assets" / "harness"
FEW = settings(max_examples=5, deadline=None, derandomize=True)
strings = st.text(st.sampled_from("aS \n'1é"), max_size=5)


def requests(*arguments: tuple[Any, ...]) -> list[Any]:
    return [SimpleNamespace(args=args) for args in arguments]


@pytest.fixture(scope="module")
def lm(tmp_path_factory: pytest.TempPathFactory) -> ByteLM:
    return ngram_lm(tmp_path_factory.mktemp("lm"))


@pytest.fixture(scope="module")
def ensemble(lm: ByteLM, tmp_path_factory: pytest.TempPathFactory) -> ByteEnsemble:
    return ByteEnsemble([lm, ngram_lm(tmp_path_factory.mktemp("other"), vocab_size=270, order=2)])


@FEW
@given(model=random_models(), pairs=st.lists(st.tuples(strings, strings), max_size=4))
def test_loglikelihood_is_that_of_the_bytes(model: ByteModel, pairs: list[tuple[str, str]]) -> None:
    found = TokkitLM(model).loglikelihood(requests(*pairs), disable_tqdm=True)
    assert len(found) == len(pairs)
    for (context, rest), (logprob, is_greedy) in zip(pairs, found, strict=True):
        expected = model.logprob(rest, prefix=context)
        if model.next_byte_logprobs(context).max() == -np.inf and not rest:
            continue  # nothing is asked of a context without mass
        assert logprob == pytest.approx(expected, abs=1e-9)
        if expected == -np.inf:
            assert not is_greedy
        else:
            n_bytes = len(rest.encode())
            greedy = model.generate(context, max_bytes=n_bytes, temperature=0)
            assert is_greedy == (greedy == rest.encode())


@FEW
@given(model=random_models(), texts=st.lists(strings, max_size=3))
def test_rolling_loglikelihood_is_that_of_the_whole_text(
    model: ByteModel, texts: list[str]
) -> None:
    found = TokkitLM(model).loglikelihood_rolling(
        requests(*((text,) for text in texts)), disable_tqdm=True
    )
    assert found == pytest.approx([model.logprob(text) for text in texts])


def test_each_context_is_evaluated_once(lm: ByteLM) -> None:
    inner: Any = lm.token_lm
    counting = CountingLM(inner)
    model = TokkitLM(ByteLM(counting))
    shots = "the cat sat on the mat. " * 4
    asked = [(shots + context, rest) for context in ("the c", "on ") for rest in ("at", "og", "up")]
    model.loglikelihood(requests(*asked), disable_tqdm=True)
    assert counting.n_calls <= 1 + 2 + len(asked)  # what is common, each context, each rest


def test_windows_cover_a_text_once(lm: ByteLM) -> None:
    text = "the cat sat on the mat. the dog's mat, été."
    data = text.encode()
    [found] = TokkitLM(lm, max_length=15).loglikelihood_rolling(
        requests((text,)), disable_tqdm=True
    )
    expected = lm.logprob(data[:15])
    for start in range(15, len(data), 7):
        expected += lm.logprob(data[start : start + 7], prefix=data[start - 8 : start])
    assert found == pytest.approx(expected)
    [(shown, _)] = TokkitLM(lm, max_length=10).loglikelihood(
        requests(("the cat sat", " on")), disable_tqdm=True
    )
    assert shown == pytest.approx(lm.logprob(" on", prefix="cat sat"))
    with pytest.raises(ArgumentError, match="max_length is 10 bytes, and 10 are to come"):
        TokkitLM(lm, max_length=10).generate_until(requests(("a", {"max_gen_toks": 10})))


def test_generation_stops_where_it_is_told(lm: ByteLM) -> None:
    model = TokkitLM(lm, seed=3)
    free = lm.generate("the c", max_bytes=20, temperature=0).decode()
    found = model.generate_until(
        requests(
            ("the c", {"until": [" on"], "max_gen_toks": 20, "do_sample": False}),
            ("the c", {"until": "\n", "max_gen_toks": 4, "temperature": 0.0}),
            ("the c", {"max_gen_toks": 9, "do_sample": True, "temperature": 2.0, "top_p": 0.9}),
            ("the c", {"max_gen_toks": 9, "do_sample": True, "temperature": 2.0, "top_p": 0.9}),
        ),
        disable_tqdm=True,
    )
    assert found[0] == free.split(" on")[0]
    assert found[1] == free[:4]
    for text, seed in zip(found[2:], (3, 4), strict=True):
        sample = lm.generate("the c", max_bytes=9, temperature=2.0, top_p=0.9, seed=seed)
        assert text == sample.decode(errors="replace")


@pytest.mark.parametrize(
    ("options", "plain"),
    [
        ({"max_new_tokens": 5, "num_beams": 1}, {"max_bytes": 5, "temperature": 0}),
        ({"max_tokens": 5, "repetition_penalty": 1.0}, {"max_bytes": 5, "temperature": 0}),
        ({"max_length": 10, "do_sample": False}, {"max_bytes": 5, "temperature": 0}),
        ({"max_gen_toks": 5, "max_length": 99}, {"max_bytes": 5, "temperature": 0}),
        (
            {"max_gen_toks": 9, "temperature": 1.5, "top_k": 3, "min_p": 0.1},
            {"max_bytes": 9, "temperature": 1.5, "top_k": 3, "min_p": 0.1, "seed": 0},
        ),
        (
            {"max_gen_toks": 9, "do_sample": True, "top_k": 0, "top_p": None},
            {"max_bytes": 9, "seed": 0},
        ),
    ],
)
def test_options_of_bundled_tasks_are_heard(
    lm: ByteLM, options: dict[str, Any], plain: dict[str, Any]
) -> None:
    [found] = TokkitLM(lm).generate_until(requests(("the c", options)), disable_tqdm=True)
    assert found == lm.generate("the c", **plain).decode(errors="replace")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_beams": 2}, "num_beams=2 has no meaning over bytes"),
        ({"repetition_penalty": 1.1}, "repetition_penalty=1.1 has no meaning"),
        ({"max_length": 5}, "max_length is 5 bytes, and the context has 5"),
        ({"beams": 2}, "generation option 'beams' is not one of"),
    ],
)
def test_options_without_a_meaning_are_refused(
    lm: ByteLM, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(ArgumentError, match=message):
        TokkitLM(lm).generate_until(requests(("the c", options)), disable_tqdm=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"pretrained": "gpt2"}, "unknown option 'pretrained'"),
        ({"max_length": 1}, "max_length is 1"),
        ({"seed": -1}, "seed must be"),
    ],
)
def test_wrong_options_are_refused(lm: ByteLM, options: dict[str, Any], message: str) -> None:
    with pytest.raises(TokkitError, match=message):
        TokkitLM(lm, **options)


@pytest.mark.parametrize(
    ("weights", "numbers"), [(None, None), ("1+2", [1, 2]), (3, [3]), ([0.5, 1], [0.5, 1])]
)
def test_weights_are_read_from_arguments(weights: Any, numbers: Sequence[float] | None) -> None:
    assert HarnessOptions(weights=weights).numbers() == numbers


def test_weights_that_are_no_numbers_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"weights must be numbers, as 1\+2"):
        HarnessOptions(weights="a+b").numbers()


def test_argument_strings_name_models(monkeypatch: pytest.MonkeyPatch, lm: ByteLM) -> None:
    loaded: list[tuple[str, Any]] = []

    def load(name: str, **options: Any) -> ByteLM:
        loaded.append((name, options["device"]))
        return lm

    monkeypatch.setattr("tokkit.harness.load_lm", load)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    arguments = "models=smollm2+nobody/nothing,combine=mean,weights=1+3"
    # What the harness adds when nothing is said of a device.
    found = TokkitLM.create_from_arg_string(arguments, {"batch_size": 1, "device": "cuda:0"})
    assert loaded == [("smollm2", "cpu"), ("nobody/nothing", "cpu")]
    assert isinstance(found.byte_model, ByteEnsemble)
    assert found.byte_model.combine == "mean"
    assert found.byte_model.weights.tolist() == [0.25, 0.75]


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No connection can be made, and the data is cached in a folder of the test."""

    def refuse(*_: Any) -> None:
        pytest.fail("the harness opened a connection")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "datasets")
    monkeypatch.chdir(ROOT)  # the tasks name their data from here


@pytest.mark.parametrize("which", ["lm", "ensemble"])
@pytest.mark.usefixtures("offline")
def test_tasks_run_without_a_network(which: str, request: pytest.FixtureRequest) -> None:
    import json

    from lm_eval import simple_evaluate
    from lm_eval.tasks import TaskManager

    model: ByteModel = request.getfixturevalue(which)
    evaluate: Any = simple_evaluate
    results = evaluate(
        TokkitLM(model),
        tasks=["tokkit_questions", "tokkit_passages", "tokkit_sequences"],
        task_manager=TaskManager(include_path=str(TASKS), include_defaults=False),
        bootstrap_iters=0,
    )

    def documents(name: str) -> list[Any]:
        return [json.loads(line) for line in (TASKS / f"{name}.jsonl").read_text().splitlines()]

    right = 0
    for question in documents("questions"):
        totals = [model.logprob(c, prefix=question["question"]) for c in question["choices"]]
        right += int(np.argmax(totals)) == question["answer"]
    assert results["results"]["tokkit_questions"]["acc,none"] == pytest.approx(right / 10)

    passages = [document["text"] for document in documents("passages")]
    bits = -sum(model.logprob(text) for text in passages) / np.log(2)
    n_bytes = sum(len(text.encode()) for text in passages)
    found = results["results"]["tokkit_passages"]["bits_per_byte,none"]
    assert found == pytest.approx(bits / n_bytes)

    exact = [
        model.generate(d["start"] + " ", max_bytes=16, temperature=0, stop=[" ", "\n"]).decode()
        == d["next"]
        for d in documents("sequences")
    ]
    assert results["results"]["tokkit_sequences"]["exact_match,none"] == np.mean(exact)


def test_the_command_knows_the_model() -> None:
    process = subprocess.run(
        [sys.executable, "-m", "tokkit.harness", "run", "--model", "tokkit", "--model_args",
         "models=no-such-model", "--tasks", "tokkit_questions", "--include_path", str(TASKS)],
        capture_output=True, text=True, cwd=ROOT, timeout=300, check=False,
        env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
    )  # fmt: skip
    assert process.returncode != 0
    assert "no-such-model: no such file or folder" in process.stderr
