"""Prompts that spell a FIM template out, turned into what they mean: `read_fim_prompt`.

Zed, twinny and Continue (for vLLM) write the control tokens of a format that they take the model to
have into a plain prompt. Read as text they would mean nothing, so a prompt that is such a template
as a whole is taken apart, and asked in the served model's own format. Other files may stand before
it, behind the control tokens that formats have for files, or plain text.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from tokkit.bytelm.completion.fim_formats import FIM_FORMATS, FimFormat

_SPELT = {"codellama": "<PRE> {prefix} <SUF>{suffix} <MID>"}
"""Templates as clients spell them, where the names of the control tokens are spelt otherwise."""
_MORE_FILES = ("<|file_separator|>",)
"""What stands before a file in CodeGemma's prompts, whose format shows no files here."""


class FimPrompt(NamedTuple):
    """What a template was filled with.

    Attributes:
        prefix: before the gap.
        suffix: after it.
        begins: what is written in it already.
        files: other files before the template.
    """

    prefix: str
    suffix: str
    begins: str
    files: Sequence[str] = ()


def read_fim_prompt(prompt: str) -> FimPrompt | None:
    """The parts of a prompt that is a known template as a whole; None of any other."""
    for fim in FIM_FORMATS.values():
        found = _read(fim, prompt)
        if found is not None:
            return found
    return None


def _read(fim: FimFormat, prompt: str) -> FimPrompt | None:
    template = _SPELT.get(fim.name, fim.template)
    first, second = ("{prefix}", "{suffix}") if fim.order == "PSM" else ("{suffix}", "{prefix}")
    ahead, _, behind = template.partition(first)
    between, _, last = behind.partition(second)
    lead, found, rest = prompt.partition(ahead)
    one, parted, two = rest.partition(between)
    if not found or not parted or prompt.count(between) != 1:
        return None
    if fim.contiguous:
        return None if lead.strip() or ahead in two else FimPrompt(lead + two, one, "")
    if two.count(last) != 1 or last in one:
        return None
    two, _, begins = two.partition(last)
    prefix, suffix = (one, two) if fim.order == "PSM" else (two, one)
    if not lead:
        return FimPrompt(prefix, suffix, begins)
    if begins or ahead in rest:  # a text about templates rather than one
        return None
    *files, heading = re.split(_before_files()[1], re.sub(_before_files()[0], "", lead))
    return FimPrompt(heading + prefix, suffix, "", [text for text in files if text.strip()])


@lru_cache(maxsize=1)
def _before_files() -> tuple[str, str]:
    """Patterns of a repository's name with what is before it, and of what is before a file."""
    shown = [fim.files for fim in FIM_FORMATS.values() if fim.files is not None]
    names = {each.file[0] for each in shown} | {each.opening[0] for each in shown}
    files = "|".join(map(re.escape, sorted(names.union(_MORE_FILES))))
    repositories = "|".join(map(re.escape, sorted({each.repository[0] for each in shown})))
    return rf"(?s)(?:{repositories}).*?(?={files}|\Z)", files
