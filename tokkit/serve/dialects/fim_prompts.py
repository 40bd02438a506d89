"""Prompts that spell a FIM template out, turned into what they mean: `read_fim_prompt`.

Zed, twinny and Continue (for vLLM) write the control tokens of a format that they take the model to
have into a plain prompt. Read as text they would mean nothing, so a prompt that is such a template
as a whole is taken apart, and asked in the served model's own format.
"""

from __future__ import annotations

from typing import NamedTuple

from tokkit.bytelm.completion.fim_formats import FIM_FORMATS, FimFormat


class FimPrompt(NamedTuple):
    """What a template was filled with."""

    prefix: str
    suffix: str
    begins: str


def read_fim_prompt(prompt: str) -> FimPrompt | None:
    """The parts of a prompt that is a known template as a whole; None of any other."""
    for fim in FIM_FORMATS.values():
        found = _read(fim, prompt)
        if found is not None:
            return found
    return None


def _read(fim: FimFormat, prompt: str) -> FimPrompt | None:
    ahead, _, behind = fim.template.partition("{prefix}" if fim.order == "PSM" else "{suffix}")
    between, _, last = behind.partition("{suffix}" if fim.order == "PSM" else "{prefix}")
    if not prompt.startswith(ahead) or prompt.count(between) != 1:
        return None
    one, _, two = prompt[len(ahead) :].partition(between)
    if fim.contiguous:
        return None if ahead in two else FimPrompt(two, one, "")
    if two.count(last) != 1 or last in one:
        return None
    two, _, begins = two.partition(last)
    return FimPrompt(one, two, begins) if fim.order == "PSM" else FimPrompt(two, one, begins)
