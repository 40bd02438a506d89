"""Editors that cannot run here: what they send is taken, and they find what they look for.

Requests and what is read of the answers were taken from the sources of twinny (`provider-options`,
`llm`, `utils`), Zed (`edit_prediction`: `fim`, `open_ai_compatible`, `ollama`) and llama-vscode
(`llama-server`, `completion`).
"""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.serve.running_server import Client, running, toy_lm
from tests.serve.test_chat import TEMPLATE
from tokkit.bytelm.completion.infilling import infill

LM = toy_lm()
PREFIX, SUFFIX = "def area(r):\n    ret", " * r\n"
STOPS = [
    *("<|endoftext|>", "<|file_separator|>", "<|fim_pad|>", "<|fim_prefix|>", "<|fim_middle|>"),
    *("<|fim_suffix|>", "<fim_prefix>", "<fim_middle>", "<fim_suffix>", "<PRE>", "<SUF>", "<MID>"),
    *("[PREFIX]", "[SUFFIX]"),
]
"""That Zed sends, whatever the format; later versions send up to four of them."""
SPELT = {
    "code_llama": "<PRE> {prefix} <SUF>{suffix} <MID>",
    "star_coder": "<fim_prefix>{prefix}<fim_suffix>{suffix}<fim_middle>",
    "deepseek_coder": "<｜fim▁begin｜>{prefix}<｜fim▁hole｜>{suffix}<｜fim▁end｜>",
    "qwen": "<|fim_prefix|>{prefix}<|fim_suffix|>{suffix}<|fim_middle|>",
    "codestral": "[SUFFIX]{suffix}[PREFIX]{prefix}",
    "glm": "<|code_prefix|>{prefix}<|code_suffix|>{suffix}<|code_middle|>",
}
"""Zed's templates by the names of its setting `prompt_format`."""


def greedy_middle(prefix: str = PREFIX, suffix: str = SUFFIX) -> str:
    return infill(LM, prefix, suffix, max_bytes=400, temperature=0, valid_utf8=True).decode()


def send(client: Client, path: str, body: Any, **headers: str) -> tuple[Any, str]:
    """The headers of an answer that goes well, and its text."""
    status, told, found = client.send("POST", path, json.dumps(body).encode(), **headers)
    assert status == 200, told
    return found, told.decode()


@pytest.mark.parametrize("prompt_format", SPELT)
def test_zed_finds_the_middle_and_the_counts(client: Client, prompt_format: str) -> None:
    filled = SPELT[prompt_format].format(prefix=PREFIX, suffix=SUFFIX)
    body: dict[str, Any] = {"model": "toy", "prompt": filled, "max_tokens": 64, "stop": STOPS}
    _, text = send(client, "/v1/completions", {**body, "temperature": 0})
    told = json.loads(text)
    assert isinstance(told["id"], str) and isinstance(told["object"], str)
    assert isinstance(told["created"], int) and isinstance(told["model"], str)
    counts = [told["usage"][f"{name}_tokens"] for name in ("prompt", "completion", "total")]
    assert all(isinstance(count, int) and 0 <= count < 1 << 32 for count in counts)
    choice = told["choices"][0]
    assert isinstance(choice["finish_reason"], str)
    assert choice["text"] and greedy_middle().startswith(choice["text"])
    _, sampled = send(client, "/v1/completions", {**body, "environment": None})
    assert json.loads(sampled)["choices"]  # it sends no temperature


def test_zed_finds_a_middle_in_the_way_of_ollama(client: Client) -> None:
    filled = SPELT["star_coder"].format(prefix=PREFIX, suffix=SUFFIX)
    options = {"num_predict": 64, "temperature": 0.0, "stop": STOPS}
    body = {"model": "toy", "prompt": filled, "raw": True, "stream": False, "options": options}
    told = json.loads(send(client, "/api/generate", body)[1])
    assert told["response"] and greedy_middle().startswith(told["response"])
    assert isinstance(told["created_at"], str)


def as_twinny_reads(text: str, name: str) -> str:
    """The pieces of a stream of lines; it skips those that are no JSON."""
    found: list[str] = []
    for line in text.split("\n"):
        spelt = line.split("data:")[1] if line.startswith("data:") else line
        try:
            told = json.loads(spelt)
        except ValueError:
            continue
        if name == "choices":
            found.append(told["choices"][0]["text"] if told["choices"] else "")
        elif name in told:
            found.append(told[name])
    return "".join(found)


HEADING = "\n# Language: Python (python) \n# File uri: file:///area.py (python) \n"


@pytest.mark.parametrize("template", ["starcoder", "codeqwen", "deepseek", "llama"])
def test_twinny_finds_the_middle(template: str) -> None:
    prompts = {
        "starcoder": f"<fim_prefix>\n{HEADING}{PREFIX}<fim_suffix>{SUFFIX}<fim_middle>",
        "codeqwen": SPELT["qwen"].format(prefix=PREFIX, suffix=SUFFIX),
        "deepseek": f"<｜fim▁begin｜>\n{HEADING}{PREFIX}<｜fim▁hole｜>{SUFFIX}<｜fim▁end｜>",
        "llama": f"<PRE> \n{HEADING}{PREFIX} <SUF> {SUFFIX} <MID>",
    }
    before = PREFIX if template == "codeqwen" else f"\n{HEADING}{PREFIX}"
    after = f" {SUFFIX}" if template == "llama" else SUFFIX
    sent: dict[str, Any] = {"prompt": prompts[template], "stream": True}
    ollama = {"temperature": 0, "num_predict": 8}
    whole = greedy_middle(before, after)
    # It sends no `raw`, and the model may have a template of chats.
    with running({"toy": LM}, templates={"toy": TEMPLATE}) as client:
        bodies = {
            "response": ("/api/generate", {"model": "toy", "keep_alive": "5m", "options": ollama}),
            "content": ("/completion", {"temperature": 0, "max_tokens": 8}),
            "choices": ("/v1/completions", {"model": "toy", "temperature": 0, "max_tokens": 8}),
        }
        for name, (path, body) in bodies.items():
            _, text = send(client, path, {**sent, **body}, Authorization="")
            found = as_twinny_reads(text, name)
            assert found and whole.startswith(found)


VSCODE: dict[str, Any] = {
    "id_slot": 0,
    "input_prefix": "import math\n",
    "input_suffix": "\nprint(area(2))\n",
    "input_extra": [{"text": "x = 1\n", "time": 1, "filename": "file:///other.py"}],
    "prompt": "def area(r):",
    "n_predict": 16,
    "n_cmpl": 3,
    "top_k": 40,
    "top_p": 0.99,
    "stream": False,
    "samplers": ["top_k", "top_p", "infill"],
    "cache_prompt": True,
    "n_indent": 4,
    "t_max_prompt_ms": 500,
    "t_max_predict_ms": 2500,
}


def as_vscode_reads(told: Any) -> list[str]:
    """The texts of an answer, each once."""
    if "content" in told:
        return [told["content"]]
    return list({each.get("content", ""): None for each in told})


@pytest.mark.parametrize("model", ["toy", "plain"])
def test_llama_vscode_finds_its_texts(client: Client, model: str) -> None:
    chosen = {**VSCODE, "model": model}
    several = json.loads(send(client, "/infill", chosen)[1])
    assert isinstance(several, list) and 1 <= len(as_vscode_reads(several)) <= 3
    one = json.loads(send(client, "/infill", {**chosen, "n_cmpl": 1})[1])
    assert len(as_vscode_reads(one)) == 1
    for told in (*several, one):
        assert isinstance(told["tokens_cached"], int)
        assert isinstance(told["generation_settings"]["n_ctx"], int)
        timings = told["timings"]
        for name in ("prompt", "predicted"):
            assert isinstance(timings[f"{name}_n"], int)
            assert timings[f"{name}_ms"] >= 0 <= timings[f"{name}_per_second"]


def test_llama_vscode_warms_the_cache_and_asks_for_health(client: Client) -> None:
    warm = {name: VSCODE[name] for name in ("id_slot", "input_extra", "cache_prompt")}
    warm |= {"input_prefix": "", "input_suffix": "", "prompt": "", "n_predict": 0, "samplers": []}
    told = json.loads(send(client, "/infill", {**warm, "t_max_predict_ms": 1})[1])
    assert as_vscode_reads(told) == [""]
    assert json.loads(client.send("GET", "/health")[1])["status"] == "ok"
    status, refused = client.refused("/infill", **VSCODE, lora=[{"id": 0, "scale": 0.5}])
    assert status == 400 and "lora" in refused["error"]["message"]  # which it shows its user
