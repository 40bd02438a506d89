"""`tokkit serve`: models for editors, SDKs and harnesses, over HTTP."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from tokkit.cli.declarations import option
from tokkit.cli.inputs import DownloadFlag, ModelArguments, load_model, load_tokenizer
from tokkit.cli.option_types import AnyText, Real, Source, Whole
from tokkit.cli.output import JsonFlag, print_json
from tokkit.errors import ArgumentError, needs_extra

if TYPE_CHECKING:
    from tokkit.text.tokenizer import TextTokenizer

EXAMPLES = (
    ("tokkit serve smollm2", "at http://127.0.0.1:8080, for OpenAI's and llama.cpp's clients"),
    ("tokkit serve smollm2 gemma3 --port 9000", "two models and their ensemble"),
    ("tokkit serve path/to/coder --host 0.0.0.0 --api-key KEY", "for other machines, with a key"),
)


@dataclass(frozen=True)
class Access:
    """Who may use the server."""

    PANEL: ClassVar[str] = "Access"

    host: Annotated[
        str,
        option("the address to listen at; beyond loopback it takes a key", AnyText(), "ADDRESS"),
    ] = "127.0.0.1"
    api_key: Annotated[
        str | None,
        option(
            "what clients must send as a bearer token; $TOKKIT_API_KEY if not given, which other "
            "users of the machine do not see",
            AnyText(),
            "KEY",
        ),
    ] = None
    cors_origin: Annotated[
        str | None, option("a page that may use the server from a browser", AnyText(), "URL")
    ] = None

    def keywords(self) -> dict[str, Any]:
        """Keyword arguments of `ServeOptions`."""
        return {
            "host": self.host,
            "api_key": self.api_key or os.environ.get("TOKKIT_API_KEY") or None,
            "cors_origins": () if self.cors_origin is None else (self.cors_origin,),
        }


@dataclass(frozen=True)
class Limits:
    """How much may be asked for."""

    PANEL: ClassVar[str] = "Limits"

    max_tokens: Annotated[int, option("of a completion, at most", Whole(1), "N")] = 4096
    cache_tokens: Annotated[
        int, option("what the cache of each model holds, at most", Whole(256), "N")
    ] = 32768
    max_running: Annotated[int, option("completions that are drawn at a time", Whole(1), "N")] = 16
    max_queue: Annotated[
        int, option("completions that wait; more get status 429", Whole(0), "N")
    ] = 64
    max_seconds: Annotated[float, option("that a completion may take", Real(above=0), "S")] = 600.0


def serve(
    models: ModelArguments,
    access: Access,
    limits: Limits,
    port: Annotated[int, option("the port; 0 takes a free one", Whole(0, most=65535), "N")] = 8080,
    combine: Annotated[
        Literal["adaptive", "switching", "loglinear", "mixture", "mean", "product"],
        option("how several models are one; see tokkit ensemble"),
    ] = "adaptive",
    fills: Annotated[
        Literal["auto", "format"],
        option(
            "what fills a gap where a model has no format for that: auto searches for a middle, "
            "format refuses"
        ),
    ] = "auto",
    tokenizer: Annotated[
        str | None,
        option(
            "whose tokens count where several models are one (limits, usage, figures, prompts of "
            "ids); the first model's if not given",
            Source(),
            "TOKENIZER",
        ),
    ] = None,
    allow_download: DownloadFlag = False,
    as_json: JsonFlag = False,
) -> int:
    """Serve models over HTTP: completions from any cut, middles, streams.

    Several models are served one by one and as their ensemble, which is asked where a request names
    none. It answers in the dialects of OpenAI, Mistral, llama.cpp, Tabby,
    Ollama and TGI.
    """
    with needs_extra(
        "serving needs starlette, uvicorn, msgspec and prometheus-client", extra="serve"
    ):
        from tokkit.serve.chat.conversation import template_of
        from tokkit.serve.loading import answering_loading
        from tokkit.serve.options import ServeOptions
        from tokkit.serve.running import bind
        from tokkit.serve.running import serve as run
        from tokkit.serve.served import check_names, put_together

    check_names(map(_name, models))
    options = ServeOptions(
        port=port,
        fills=fills,
        tokenizer=_counting(tokenizer, len(models), allow_download),
        **access.keywords(),
        **asdict(limits),
    )
    with bind(options) as listener:  # so that a port that is taken is told before models load
        with answering_loading(listener):
            loaded = [(_name(source), load_model(source, allow_download)) for source in models]
            offered = put_together(loaded, combine)
            found = {_name(source): template_of(source) for source in models}
            templates = {name: text for name, text in found.items() if text is not None}
        announce = partial(
            _announce, names=list(offered), with_key=options.api_key is not None, as_json=as_json
        )
        run(offered, options, announce, templates, listener)
    return 0


def _announce(url: str, *, names: Sequence[str], with_key: bool, as_json: bool) -> None:
    """Say where the server is, and how clients are set up."""
    from tokkit.serve.setup_help import setup_help

    if as_json:
        print_json({"url": url, "models": list(names)})
        return
    print(setup_help(url, list(names), with_key), file=sys.stderr)
    print(url, flush=True)


def _counting(tokenizer: str | None, n_models: int, allow_download: bool) -> TextTokenizer | None:
    """The tokenizer that counts for several models that are one; None for the first model's."""
    if tokenizer is None:
        return None
    if n_models < 2:
        raise ArgumentError(
            "--tokenizer counts the tokens of several models that are one, and a single model has "
            "its own; leave it out, or name several models"
        )
    return load_tokenizer(tokenizer, allow_download)


def _name(source: str) -> str:
    """What clients call a model: a name as it is, the last part of a path."""
    return Path(source).name.removesuffix(".gguf") or source
