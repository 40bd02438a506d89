"""Chat templates are found, parsed and judged, and never run."""

from __future__ import annotations

import contextlib
import itertools
import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.audit.toy_subjects import byte_tokenizer
from tokkit.audit.chat_templates.examining import examine_templates
from tokkit.errors import FormatError
from tokkit.text.chat.finding import find_templates
from tokkit.text.chat.parsing import MAX_CHARS, parse_template

GOOD = (
    "{% for message in messages %}{{ '[' + message['role'] + ']' }}"
    "{% generation %}{{ message.content | trim }}{% endgeneration %}"
    "{% if loop.last %}{% break %}{% endif %}{% endfor %}"
    "{% for i in range(messages|length - 1) %}{{ i }}{% endfor %}"
    "{% macro show(x) %}{{ x | tojson(indent=2) }}{% endmacro %}{{ show(tools) }}"
    "{% if not messages %}{{ raise_exception('empty') }}{% endif %}"
    "{% if add_generation_prompt %}[assistant]{% endif %}"
)


def found(text):
    templates = examine_templates({"default": text}, byte_tokenizer())
    return {finding.rule: finding for finding in templates.findings}


def test_an_ordinary_template_gives_one_note():
    assert set(found(GOOD)) == {"template-raw-text"}


@pytest.mark.parametrize(
    ("rule", "text", "what"),
    [
        ("template-unsafe", "{{ ''.__class__.__mro__ }}", "__class__"),
        ("template-unsafe", "{{ x['__globals__'] }}", "__globals__"),
        ("template-unsafe", "{{ x | attr('__init__') }}", "__init__"),
        ("template-unsafe", "{{ x | attr(y) }}", "computed"),
        ("template-unsafe", "{{ f.gi_frame }}", "gi_frame"),
        ("template-unsafe", "{% include 'x' %}", "include"),
        ("template-unsafe", "{% import 'x' as y %}", "import"),
        ("template-unsafe", "{% from 'x' import y %}", "fromimport"),
        ("template-unsafe", "{% extends 'x' %}", "extends"),
        ("template-unknown-name", "{{ open('x') }}", "open"),
        ("template-unknown-name", "{{ messages.frobnicate() }}", "frobnicate"),
        ("template-unknown-name", "{{ messages | frobnicate }}", "frobnicate"),
        ("template-unknown-name", "{% if x is frobnicated %}{% endif %}", "frobnicated"),
        ("template-unbounded", "{% for i in range(10000000) %}{% endfor %}", "10,000,000"),
        ("template-unbounded", "{% for i in range(n) %}{% endfor %}", "input"),
        ("template-unbounded", "{{ 'x' * 1000000 }}", "1,000,000"),
        ("template-unbounded", "{{ 9 ** n }}", "power"),
        ("template-unbounded", "{% macro f() %}{{ f() }}{% endmacro %}", "itself"),
        ("template-unknown-token", "<|im_start|>{{ x }}", "<|im_start|>"),
        ("template-unknown-token", "{{ '<|im_end|>' }}", "<|im_end|>"),
    ],
)
def test_what_a_template_should_not_do_is_found(rule, text, what):
    finding = found(text + "{{ add_generation_prompt }}")[rule]
    assert what in finding.message
    assert finding.witnesses[0].note.startswith("line 1")


@pytest.mark.parametrize(
    "text",
    [
        "{% if %}", "{{", "{% for x in y %}", "{{ " + "(" * 100 + "x" + ")" * 100 + " }}",
        "{% if x %}" * 3000 + "{% endif %}" * 3000, "x" * (MAX_CHARS + 1),
        "{{ 9" + "9" * 5000 + " }}", "{% unknown_tag %}",
    ],
)  # fmt: skip
def test_what_cannot_be_parsed_is_a_finding(text):
    assert found(text)["template-unreadable"].severity == "error"


@given(st.text("{}%# |()[]'\"ab._*0\n", max_size=60))
def test_any_text_is_parsed_or_refused(text):
    with contextlib.suppress(FormatError):
        assert parse_template(text).tree is not None


OPERANDS = ("'a'", "2", "1.5", "none", "x", "x.y", "x | length", "range(x)", "-x", "[1]")


@pytest.mark.parametrize("operator", ["+", "-", "*", "/", "//", "%", "**", "~", "==", "in", "and"])
def test_any_operation_is_judged(operator):
    both = itertools.product(OPERANDS, repeat=2)
    text = "".join(f"{{{{ ({left}) {operator} ({right}) }}}}\n" for left, right in both)
    assert "template-unreadable" not in found(text)


def test_a_template_without_a_generation_prompt_is_noted():
    assert "template-no-generation-prompt" in found("{{ messages }}")


def test_nothing_is_run_not_even_constants():
    assert "template-unreadable" not in found("{{ raise_exception('run') }}{{ 1 // 0 }}")
    assert "template-unbounded" in found("{{ 'x' * 10000000000000 }}{{ 9 ** (9 ** 9) }}")


def test_variables_are_what_a_template_reads_and_never_sets():
    parsed = parse_template(GOOD + "{% set a = b %}{{ a }}{{ bos_token }}")
    expected = ("add_generation_prompt", "b", "bos_token", "messages", "raise_exception", "tools")
    assert parsed.variables == expected


def test_templates_are_found_beside_the_tokenizer(tmp_path):
    tokenizer = tmp_path / "tokenizer.json"
    tokenizer.write_text("{}")
    assert find_templates(tokenizer) == {}
    config = tmp_path / "tokenizer_config.json"
    config.write_text(json.dumps({"chat_template": "one"}))
    assert find_templates(tokenizer) == {"default": "one"}
    named = [{"name": "default", "template": "a"}, {"name": "tool_use", "template": "b"}]
    config.write_text(json.dumps({"chat_template": named}))
    assert find_templates(tokenizer) == {"default": "a", "tool_use": "b"}
    (tmp_path / "chat_template.jinja").write_text("c")
    assert find_templates(tokenizer)["default"] == "c"
    config.write_text(json.dumps({"chat_template": 3}))
    with pytest.raises(FormatError, match="a list"):
        find_templates(tokenizer)


def test_templates_are_found_in_gguf_metadata(tmp_path):
    def text(data):
        return struct.pack("<Q", len(data)) + data

    pairs = ((b"tokenizer.chat_template", b"one"), (b"tokenizer.chat_template.rag", b"two"))
    body = b"".join(text(key) + struct.pack("<I", 8) + text(value) for key, value in pairs)
    path = tmp_path / "model.gguf"
    path.write_bytes(b"GGUF" + struct.pack("<IQQ", 3, 0, len(pairs)) + body)
    assert find_templates(path) == {"default": "one", "rag": "two"}
