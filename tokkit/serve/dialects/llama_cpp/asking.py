"""What a request to llama.cpp's routes asks for: `Asked`.

Where a request leaves sampling open, llama.cpp's defaults hold (temperature 0.8, top-k 40, top-p
0.95, min-p 0.05). They act on bytes, in the order of `tokkit.bytelm.drawing.sampling`, in which the
temperature comes first. A sampler that `samplers` leaves out is not applied.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, cast

from tokkit.bytelm.batch.surroundings import Surroundings
from tokkit.bytelm.drawing.sampling import SamplingOptions
from tokkit.errors import ArgumentError
from tokkit.serve.bodies import Fields, as_fields
from tokkit.serve.dialects.other_files import files_of, show_files
from tokkit.serve.dialects.requests import (
    MAX_ID,
    NO_PENALTIES,
    NO_SAMPLER,
    OTHER_SAMPLERS,
    PENALTIES,
    as_gap,
    healed_as_asked,
    n_tokens_of,
    prompts_of,
    sampling_of,
)
from tokkit.serve.endpoint import Call
from tokkit.serve.generation.fitting import fitted
from tokkit.serve.generation.generation import Generation
from tokkit.serve.generation.token_figures import MOST
from tokkit.serve.refusals import RefusalError, unsupported
from tokkit.serve.served import Served

_UNKNOWN: dict[str, Sequence[Any]] = {
    "grammar": ("",),
    "json_schema": ({},),
    "ignore_eos": (False,),
    "logit_bias": ([], {}),
    "lora": ([],),
    "post_sampling_probs": (False,),
    "return_progress": (False,),
    "image_data": ([],),
    "multimodal_data": ([],),
}
_SAMPLERS = {
    "temperature": {"temperature": 1.0},
    "top_k": {"top_k": None},
    "top_p": {"top_p": 1.0},
    "min_p": {"min_p": 0.0},
}
"""What each of them leaves as it is where it is not applied."""


@dataclass(frozen=True)
class Wanted:
    """What an answer shall hold, and where its texts end beside their stop strings.

    Attributes:
        fields: of the answer, by path; None: all of them.
        n_indent: a text ends before a line that is indented by less.
        warms: whether no text is asked for: the prompt is read into the cache.
        n_probs: alternatives to tell at each token; 0: no figures.
        tokens: whether the ids of the text's tokens are told.
        timings: whether each event of a stream has them.
        streams: whether the answer comes as events.
        seconds: from its first byte on after which a text ends that has a line break.
    """

    fields: list[str] | None
    n_indent: int
    warms: bool
    n_probs: int
    tokens: bool
    timings: bool
    streams: bool
    seconds: float | None

    @property
    def by_tokens(self) -> bool:
        """Whether a text is told in whole tokens, each once it is certain."""
        return self.tokens or self.n_probs > 0


@dataclass(frozen=True)
class Asked:
    """What a request asks for.

    Attributes:
        generations: of each prompt; `n` texts each.
        prompts: as they were sent.
        wanted: of each text.
    """

    generations: Sequence[Generation]
    prompts: Sequence[str]
    wanted: Wanted


def read_completion(call: Call) -> Asked:
    """A request to `/completion`.

    Raises:
        RefusalError: it asks for what is not done.
    """
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    prompts = prompts_of(fields, served)
    first = _read(call, fields, served)
    generations: list[Generation] = []
    for k, prompt in enumerate(prompts):
        seed = None if first.seed is None else first.seed + k * first.n
        one = replace(first, prompt=prompt.text, seed=seed)
        one = one if prompt.ids is not None else as_gap(one, prompt.text.decode())
        generations.append(healed_as_asked(fields, one, prompt))
    shown = [prompt.text.decode(errors="replace") for prompt in prompts]
    return _asked(fields, generations, shown)


def read_infill(call: Call) -> Asked:
    """A request to `/infill`.

    Raises:
        RefusalError: it asks for what is not done.
    """
    fields = as_fields(call.body)
    served = call.service.models.find(fields.text("model"))
    prefix, suffix = fields.text("input_prefix"), fields.text("input_suffix")
    begins = fields.text("prompt")
    extra = files_of(fields, "input_extra", "filename", "text")
    generation = _read(call, fields, served)
    if call.service.options.fills == "format":
        try:
            served.fim_format()
        except ArgumentError as error:
            raise RefusalError(501, str(error)) from None
    files, prefix = show_files(served, extra, prefix)
    if served.fills or suffix:
        around = Surroundings(files=files, begins=begins.encode())
        generation = replace(
            generation, prompt=prefix.encode(), suffix=suffix.encode(), surroundings=around
        )
    else:  # to a model without a format, that nothing follows is no reason to search
        generation = replace(generation, prompt=(prefix + begins).encode())
    return _asked(fields, [healed_as_asked(fields, generation)], [prefix])


def _read(call: Call, fields: Fields, served: Served) -> Generation:
    """What both routes have in common."""
    fields.refuse(NO_PENALTIES, PENALTIES)
    fields.refuse(NO_SAMPLER, OTHER_SAMPLERS)
    fields.refuse("this server does not do it", _UNKNOWN)
    name = "n_cmpl" if "n_cmpl" in fields else "n"
    return Generation(
        served=served,
        prompt=b"",
        max_tokens=_max_tokens(fields, call),
        sampling=_sampling(fields),
        stops=fields.stops(),
        by_format=call.service.options.fills == "format",
        seed=fields.seed("seed"),
        n=fields.whole(name, 1, 1, call.service.options.max_choices),
        search_seconds=_seconds(fields),
    )


def _seconds(fields: Fields) -> float | None:
    """The time that a text may take from its first byte on, once it has a line break."""
    milliseconds = fields.real("t_max_predict_ms", 0, -1, 1e9)
    return milliseconds / 1000 if milliseconds > 0 else None


def _max_tokens(fields: Fields, call: Call) -> int:
    names = ("n_predict", "max_completion_tokens", "max_tokens")
    name = next((each for each in names if each in fields), "n_predict")
    if fields.get(name) == -2:  # until the context is full
        return call.service.options.max_tokens
    return n_tokens_of(fields, call.service.options, name)


def _sampling(fields: Fields) -> SamplingOptions:
    sampling = sampling_of(fields, temperature=0.8, top_k=40, top_p=0.95, min_p=0.05)
    names = _names(fields, "samplers")
    if names is None:
        return sampling
    for name in _SAMPLERS.keys() - set(names):
        sampling |= cast("SamplingOptions", _SAMPLERS[name])
    return sampling


def _names(fields: Fields, name: str) -> list[str] | None:
    """A list of names, or None where there is none.

    Raises:
        RefusalError: something else.
    """
    value = fields.get(name)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):  # pyright: ignore[reportUnknownVariableType]
        raise fields.wrong(name, "a list of names")
    return cast("list[str]", value)


def _asked(fields: Fields, generations: list[Generation], prompts: list[str]) -> Asked:
    """Texts that fit into their models, and what shall be told of them."""
    wanted = Wanted(
        fields=_names(fields, "response_fields") or None,
        n_indent=fields.whole("n_indent", 0, 0, MAX_ID),
        warms=generations[0].max_tokens == 0,
        n_probs=fields.whole("n_probs", 0, 0, MOST),
        tokens=fields.flag("return_tokens"),
        timings=fields.flag("timings_per_token"),
        streams=fields.flag("stream"),
        seconds=_seconds(fields),
    )
    fitted = [_fitted(each, wanted) for each in generations]
    return Asked(fitted, prompts, wanted)


def _fitted(generation: Generation, wanted: Wanted) -> Generation:
    """The same, so that it fits, and has the figures that are wanted."""
    if generation.is_searched:  # its clients always send filters, too
        temperature = generation.sampling.get("temperature", 1.0)
        generation = replace(generation, sampling={"temperature": temperature})
    generation = fitted(generation)
    if wanted.n_probs and (generation.is_searched or wanted.n_indent):
        raise unsupported("n_probs", "with n_indent, or of a middle that is searched for")
    if wanted.tokens and wanted.n_indent:
        raise unsupported("return_tokens", "with n_indent, which may end a text inside a token")
    if wanted.warms:  # draws one to warm the cache, and tells none
        suffix = None if generation.is_searched else generation.suffix
        generation = replace(generation, max_tokens=1, suffix=suffix)
    return replace(
        generation,
        keep_rows=wanted.n_probs > 0,
        tells_figures=not generation.is_searched,
    )
