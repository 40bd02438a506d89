"""A chat template run by Jinja, in its sandbox and in a process of its own (`HANDLERS`)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NoReturn

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment


def _refuse(message: object) -> NoReturn:
    """What templates call where messages do not suit them."""
    raise TemplateError(str(message))


def render(
    template: str, messages: Sequence[dict[str, str]], answer: str, bos: str, eos: str
) -> dict[str, str | None]:
    """A conversation by its template.

    Args:
        template: of a model.
        messages: each with `role` and `content`.
        answer: a content that stands for the answer.
        bos: how the token is spelt that begins a text.
        eos: and the one that ends it.

    Returns:
        `prompt`, up to where the answer begins; `whole`, with the answer, or None where the
        template cannot show one.
    """
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"]
    )
    environment.globals["raise_exception"] = _refuse  # pyright: ignore[reportArgumentType]
    compiled = environment.from_string(template)
    given: dict[str, Any] = {"bos_token": bos, "eos_token": eos, "tools": None}
    prompt = compiled.render(messages=list(messages), add_generation_prompt=True, **given)
    answered = [*messages, {"role": "assistant", "content": answer}]
    try:
        whole = compiled.render(messages=answered, add_generation_prompt=False, **given)
    except TemplateError:
        whole = None
    return {"prompt": prompt, "whole": whole}


HANDLERS = {"render": render}
"""For `tokkit.audit.reference.sandbox`."""
