"""Clients that people have take the server for the one that they were made for.

Each is given what it sends itself, and tells what the library writes with the same seed.
"""

from __future__ import annotations

import importlib
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.serve.running_server import Client, toy_lm
from tokkit.bytelm.completion.infilling import infill

pytestmark = [
    pytest.mark.slow,
    # Of the clients' own libraries, which are not ours to mend.
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
LM = toy_lm()
PROMPT, PREFIX, SUFFIX = "the n", "def area(r):\n    ret", " * r\n"
OLLAMA: dict[str, Any] = {"temperature": 1, "top_k": 0, "top_p": 1, "num_predict": 12, "seed": 4}


def client_of(name: str) -> Any:
    return pytest.importorskip(name, reason="pip install '.[clients]'")


def is_completion(text: str, prompt: str = PROMPT, seed: int = 4) -> bool:
    """Whether the library writes it, which knows no length in tokens."""
    whole = LM.generate(prompt, max_bytes=400, seed=seed, valid_utf8=True)
    return bool(text) and whole.startswith(text.encode())


def is_middle(text: str, seed: int = 4) -> bool:
    whole = infill(LM, PREFIX, SUFFIX, max_bytes=400, seed=seed, valid_utf8=True)
    return whole.startswith(text.encode())


def test_openai(client: Client) -> None:
    openai = client_of("openai")
    with openai.OpenAI(base_url=f"{client.url}/v1", api_key="none", max_retries=0) as api:
        fields = {"model": "toy", "prompt": PROMPT, "max_tokens": 12, "seed": 4}
        whole = api.completions.create(**fields).choices[0].text
        assert is_completion(whole)
        stream = list(api.completions.create(**fields, stream=True, logprobs=2))
        assert "".join(each.choices[0].text for each in stream) == whole
        figures = [each.choices[0].logprobs for each in stream if each.choices[0].logprobs]
        assert sum(len(each.token_logprobs) for each in figures) <= 12
        gap = {"model": "toy", "prompt": PREFIX, "suffix": SUFFIX, "max_tokens": 6, "seed": 4}
        assert is_middle(api.completions.create(**gap).choices[0].text)


def test_mistralai(client: Client) -> None:
    client_of("mistralai")
    mistral = importlib.import_module("mistralai.client")
    with mistral.Mistral(api_key="none", server_url=client.url) as api:
        fields: dict[str, Any] = {"model": "toy", "prompt": PREFIX, "suffix": SUFFIX}
        fields |= {"max_tokens": 6, "temperature": 1, "random_seed": 4}
        whole = api.fim.complete(**fields)
        text = whole.choices[0].message.content
        assert is_middle(text)
        assert whole.usage.completion_tokens <= 6
        pieces = [event.data.choices[0].delta.content for event in api.fim.stream(**fields)]
        assert "".join(piece for piece in pieces if piece) == text


def test_ollama(client: Client) -> None:
    ollama = client_of("ollama")
    api = ollama.Client(host=client.url)
    whole = api.generate("toy", PROMPT, options=OLLAMA).response
    assert is_completion(whole)
    pieces = api.generate("toy", PROMPT, options=OLLAMA, stream=True)
    assert "".join(piece.response for piece in pieces) == whole
    assert is_middle(api.generate("toy", PREFIX, suffix=SUFFIX, options=OLLAMA).response)
    assert "toy" in [model.model for model in api.list().models]
    assert "insert" in api.show("toy").capabilities
    with pytest.raises(ollama.ResponseError, match="there is no model"):
        api.generate("other", PROMPT)


def test_huggingface_hub(client: Client) -> None:
    hub = client_of("huggingface_hub")
    api = hub.InferenceClient(model=client.url)
    fields: dict[str, Any] = {"max_new_tokens": 12, "do_sample": True, "seed": 4}
    whole = api.text_generation(PROMPT, **fields)
    assert is_completion(whole)
    assert "".join(api.text_generation(PROMPT, **fields, stream=True)) == whole
    details = api.text_generation(PROMPT, **fields, details=True).details
    assert "".join(token.text for token in details.tokens) == whole
    events = list(api.text_generation(PROMPT, **fields, details=True, stream=True))
    assert events[-1].generated_text == whole
    with pytest.raises(Exception, match="repetition_penalty"):
        api.text_generation(PROMPT, repetition_penalty=1.3)


def test_litellm(client: Client) -> None:
    litellm = client_of("litellm")
    litellm.telemetry = False
    openai: dict[str, Any] = {"model": "text-completion-openai/toy", "api_key": "none"}
    openai |= {"api_base": f"{client.url}/v1", "max_tokens": 12, "seed": 4}
    whole = litellm.text_completion(prompt=PROMPT, **openai).choices[0].text
    assert is_completion(whole)
    stream = litellm.text_completion(prompt=PROMPT, stream=True, **openai)
    assert "".join(each.choices[0].text or "" for each in stream) == whole
    gap = litellm.text_completion(prompt=PREFIX, suffix=SUFFIX, **openai)
    assert is_middle(gap.choices[0].text)
    ollama: dict[str, Any] = {"model": "ollama/toy", "api_base": client.url, "max_tokens": 6}
    ollama |= {"temperature": 1, "top_p": 1, "top_k": 0, "seed": 4}
    answer = litellm.text_completion(prompt=PREFIX, suffix=SUFFIX, **ollama)
    assert is_middle(answer.choices[0].text)


@pytest.mark.parametrize("as_ids", [False, True])
def test_lm_eval(client: Client, as_ids: bool) -> None:
    client_of("lm_eval")
    client_of("tenacity")
    completions = importlib.import_module("lm_eval.models.openai_completions")
    tokenizer = LM.token_lm.tokenizer
    api = completions.LocalCompletionsAPI(
        base_url=f"{client.url}/v1/completions",
        model="toy",
        tokenizer_backend=None,
        max_length=500,
        max_retries=1,
    )
    api.tokenized_requests = as_ids  # which it would only do with a tokenizer of its own
    for before, after in [("the na", "ïve cats"), ("def area", "(r):\n"), ("zq", "\x07the")]:
        ids, n_ids = tokenizer.encode(before + after), len(tokenizer.encode(before))
        sent = [ids] if as_ids else [before + after]
        answer = api.model_call(sent, generate=False)
        ((logprob, is_greedy),) = api.parse_logprobs(answer, tokens=[ids], ctxlens=[n_ids])
        data, start = (before + after).encode(), len(tokenizer.decode(ids[:n_ids]))
        expected = LM.logprob(data[start:], prefix=data[:start])
        assert logprob == pytest.approx(expected, abs=1e-6)
        state, greedy = LM.open(data[:start]), True
        for symbol in data[start:]:
            greedy = greedy and int(np.argmax(state.logprobs())) == symbol
            state.push(bytes([symbol]))
        assert is_greedy == greedy


NODE = Path(__file__).parent / "node_clients"


@pytest.mark.skipif(
    shutil.which("node") is None or not (NODE / "node_modules").is_dir(),
    reason="npm install in tests/serve/node_clients",
)
def test_the_clients_of_npm(client: Client) -> None:
    done = subprocess.run(
        ["node", "ask.mjs", client.url], cwd=NODE, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert is_completion(told["openai"])
    assert told["openai_stream"] == told["openai"]
    assert is_middle(told["openai_middle"])
    assert is_completion(told["ollama"])
    assert told["ollama_stream"] == told["ollama"]
    assert is_middle(told["ollama_middle"])
