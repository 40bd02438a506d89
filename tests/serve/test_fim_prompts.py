"""Prompts that spell a template out mean what they were filled with, and other texts themselves."""

from __future__ import annotations

from typing import Any

import pytest

from tests.serve.running_server import Client
from tokkit.bytelm.completion.fim_formats import FIM_FORMATS
from tokkit.serve.dialects.fim_prompts import FimPrompt, read_fim_prompt

BEFORE, AFTER = " x =\n", "\n y\n"
QWEN = f"<|fim_prefix|>{BEFORE}<|fim_suffix|>{AFTER}<|fim_middle|>"


@pytest.mark.parametrize("name", FIM_FORMATS)
def test_a_template_that_is_filled_is_read_back(name: str) -> None:
    template = FIM_FORMATS[name].template.replace("▁<", " <").lstrip(" ")
    template = template.replace("<PRE>", "<PRE> ")  # as its model's card spells it
    prompt = template.replace("{prefix}", BEFORE).replace("{suffix}", AFTER)
    assert read_fim_prompt(prompt) == FimPrompt(BEFORE, AFTER, "")


def test_what_follows_the_template_begins_the_middle() -> None:
    assert read_fim_prompt(QWEN + "1 +") == FimPrompt(BEFORE, AFTER, "1 +")


@pytest.mark.parametrize(
    ("lead", "files", "heading"),
    [
        ("Context:\n", [], "Context:\n"),
        ("<|repo_name|>r\n<|file_sep|>a.py\nA\n<|file_sep|>b.py\n", ["a.py\nA\n"], "b.py\n"),
        ("<file_sep>A\n<file_sep>B\n<file_sep>", ["A\n", "B\n"], ""),
        ("<|file_sep|>//c//\n\n<|file_sep|>", ["//c//\n\n"], ""),
        ("<|file_separator|>A<|file_separator|>", ["A"], ""),
        ("<|repo_name|>r", [], ""),
    ],
)
def test_other_files_may_stand_before_a_template(lead: str, files: list[str], heading: str) -> None:
    assert read_fim_prompt(lead + QWEN) == FimPrompt(heading + BEFORE, AFTER, "", files)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "see [SUFFIX]a[PREFIX]b",
        "It begins with <|fim_prefix|>",
        f"The template is {QWEN}.",
        f"{QWEN}{QWEN}",
        f"{QWEN} and {QWEN}",
        "<|fim_suffix|>a<|fim_prefix|>b<|fim_middle|>",
        "<PRE> a <SUF>b",
    ],
)
def test_a_text_about_templates_is_a_text(text: str) -> None:
    assert read_fim_prompt(text) is None


def test_other_files_are_shown_as_where_a_field_has_them(client: Client) -> None:
    fields: dict[str, Any] = {"temperature": 1, "top_k": 0, "top_p": 1, "min_p": 0, "seed": 2}
    pieces = [{"text": "def area(r):\n"}, {"text": "the cats\n"}]
    gap = {"input_prefix": BEFORE, "input_suffix": AFTER, "input_extra": pieces}
    told = client.ask("/infill", model="toy", **gap, n_predict=6, **fields)
    lead = "".join(f"<file_sep>{each['text']}" for each in pieces) + "<file_sep>"
    for path in ("/completion", "/completions", "/v1/completions"):
        same = client.ask(path, model="toy", prompt=lead + QWEN, max_tokens=6, **fields)
        text = same["choices"][0]["text"] if path.startswith("/v1") else same["content"]
        assert text == told["content"]


def test_no_more_files_may_stand_before_a_template_than_in_a_field(client: Client) -> None:
    prompt = "<file_sep>a" * 258 + QWEN
    status, body = client.refused("/v1/completions", model="toy", prompt=prompt, max_tokens=1)
    assert status == 400 and "257 files" in body["error"]["message"]
