"""What several dialects share on the way in: prompts, sampling, lengths."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple, cast

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.bytelm.drawing.valid_utf8 import ValidUtf8
from tokkit.serve.bodies import Fields
from tokkit.serve.dialects.fim_prompts import read_fim_prompt
from tokkit.serve.dialects.other_files import MAX_FILES, show_files
from tokkit.serve.generation.generation import Generation
from tokkit.serve.options import ServeOptions
from tokkit.serve.refusals import RefusalError
from tokkit.serve.served import Served

MAX_PROMPTS = 64
MAX_ID = (1 << 31) - 1
NO_PENALTIES = "penalties of tokens have no meaning over bytes"
NO_SAMPLER = "of samplers over bytes there are temperature, top_k, top_p and min_p"
BY_BYTES = "texts are drawn by bytes, of which each pass of the model gives several"
PENALTIES: dict[str, tuple[Any, ...]] = {
    "presence_penalty": (0,),
    "frequency_penalty": (0,),
    "repetition_penalty": (1,),
    "repeat_penalty": (1,),
    "dry_multiplier": (0,),
}
OTHER_SAMPLERS: dict[str, tuple[Any, ...]] = {
    "adaptive_target": (-1,),
    "dynatemp_range": (0,),
    "min_keep": (0, 1),
    "mirostat": (0,),
    "typical_p": (1,),
    "typ_p": (1,),
    "xtc_probability": (0,),
    "top_n_sigma": (-1, 0),
}
"""Of llama.cpp, which reads them on OpenAI's routes, too."""
_OF_TOKENS: dict[str, tuple[Any, ...]] = {
    "logit_bias": ({},),
    "min_tokens": (0,),
    "stop_token_ids": ([],),
    "allowed_token_ids": ([],),
}
_NOT_DONE: dict[str, tuple[Any, ...]] = {
    "bad_words": ([],),
    "grammar": ("",),
    "json_schema": ({},),
    "ignore_eos": (False,),
    "include_stop_str_in_output": (False,),
    "prompt_logprobs": (0,),
    "response_format": ({"type": "text"},),
    "structured_outputs": ({},),
    "truncate_prompt_tokens": (),
    "use_beam_search": (False,),
    **dict.fromkeys(("guided_json", "guided_regex", "guided_choice", "guided_grammar"), ()),
}
_SMALLEST_TOP_P = 1e-9


def sampling_of(
    fields: Fields,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    min_p: float = 0.0,
) -> SamplingOptions:
    """How to draw: temperature and filters, which act on bytes; the arguments are the defaults.

    Raises:
        RefusalError: one is out of range, or another unit is asked for than bytes.
    """
    fields.refuse(BY_BYTES, {"unit": ("byte",)})
    k = fields.whole("top_k", top_k, -1, MAX_ID)
    return {
        "temperature": fields.real("temperature", temperature, 0, 100),
        "top_k": k if k > 0 else None,
        # 0 means the most probable one alone, and is below what the library takes.
        "top_p": max(fields.real("top_p", top_p, 0, 1), _SMALLEST_TOP_P),
        "min_p": fields.real("min_p", min_p, 0, 1),
    }


def refuse_unheeded(fields: Fields) -> None:
    """Refuse what OpenAI, Mistral, vLLM, llama.cpp would heed there, and this server does not.

    Raises:
        RefusalError: a field asks for it.
    """
    fields.refuse(NO_PENALTIES, PENALTIES)
    fields.refuse(NO_SAMPLER, OTHER_SAMPLERS)
    fields.refuse("it is about tokens, and text is drawn by bytes", _OF_TOKENS)
    fields.refuse("this server does not do it", _NOT_DONE)


def n_tokens_of(fields: Fields, options: ServeOptions, *names: str) -> int:
    """How many tokens are asked for: the first of some fields; -1 stands for all that is permitted.

    Raises:
        RefusalError: no number, or below -1. What is above the server's limit is cut to it.
    """
    given = [fields.whole(name, 0, -1, MAX_ID) for name in names if name in fields]
    asked = given[0] if given else options.default_tokens
    return options.max_tokens if asked == -1 else min(asked, options.max_tokens)


class Prompt(NamedTuple):
    """A prompt as it was sent.

    Attributes:
        text: its bytes.
        ids: its ids, where it came as such, else None.
        lengths: of its tokens, in bytes, likewise; 0 of what begins or ends a text.
    """

    text: bytes
    ids: Sequence[int] | None = None
    lengths: list[int] | None = None


def prompts_of(fields: Fields, served: Served, name: str = "prompt") -> list[Prompt]:
    """Prompts: a text, ids, or several of either.

    Raises:
        RefusalError: something else, or more than are permitted.
    """
    value = fields.get(name)
    if value is None:
        return [Prompt(b"")]
    if isinstance(value, str) or _are_ids(value):
        return [_prompt(value, served)]
    if not isinstance(value, list) or not value:
        raise fields.wrong(name, "a string, a list of ids, or a list of strings or of lists of ids")
    several = cast("list[Any]", value)
    if len(several) > MAX_PROMPTS:
        raise RefusalError(
            400, f"{name} has {len(several)} prompts; send at most {MAX_PROMPTS}", param=name
        )
    if not all(isinstance(each, str) or _are_ids(each) for each in several):
        raise fields.wrong(name, "a string, a list of ids, or a list of strings or of lists of ids")
    return [_prompt(each, served) for each in several]


def _are_ids(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    several = cast("list[Any]", value)
    return all(isinstance(each, int) and not isinstance(each, bool) for each in several)


def _prompt(value: str | list[int], served: Served) -> Prompt:
    if isinstance(value, str):
        return Prompt(value.encode())
    text, lengths = served.ids_as_text(value)
    return Prompt(text, value, lengths)


def as_gap(generation: Generation, prompt: str) -> Generation:
    """What a prompt means that spells a FIM template out; any other stays as it is.

    Raises:
        RefusalError: too many files stand before the template.
    """
    found = read_fim_prompt(prompt)
    if found is None or generation.suffix is not None:
        return generation
    if len(found.files) > MAX_FILES:
        why = f"{len(found.files):,} files stand before the gap; send at most {MAX_FILES}"
        raise RefusalError(400, why, param="prompt")
    others = [(f"file{k}", text) for k, text in enumerate(found.files)]
    files, prefix = show_files(generation.served, others, found.prefix)
    around = replace(generation.surroundings, begins=found.begins.encode(), files=files)
    return replace(
        generation, prompt=prefix.encode(), suffix=found.suffix.encode(), surroundings=around
    )


def healed_as_asked(
    fields: Fields, generation: Generation, prompt: Prompt | None = None
) -> Generation:
    """The same; where `heal` is false, so that the prompt's tokens are given as they are.

    Args:
        fields: of the request.
        generation: what it asks for.
        prompt: as it was sent, where it may have come as ids.

    Raises:
        RefusalError: it is false, and the model has no tokens of its own, or the ids end inside a
            character, which would have to be healed.
    """
    served = generation.served
    if fields.flag("heal", True):
        return generation
    if generation.suffix is not None:
        given = replace(generation.surroundings, heal="none")
        return replace(generation, surroundings=given)
    if served.first is not served.model or served.tokenizer is None:
        raise RefusalError(400, "heal: false needs a single model over tokens", param="heal")
    if prompt is None or prompt.ids is None or prompt.lengths is None:
        ids = served.tokenizer.encode(generation.prompt, normalize=False)
    elif ValidUtf8(prompt.text).n_missing:
        why = "heal: false needs a prompt of whole characters, and its last id ends inside one"
        raise RefusalError(400, why, param="heal")
    else:  # the model itself adds what begins a text
        ids = [id_ for id_, n_bytes in zip(prompt.ids, prompt.lengths, strict=True) if n_bytes]
    given = Surroundings(context=tuple(ids))
    return replace(generation, prompt=b"", surroundings=given)
