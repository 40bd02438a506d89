"""Which backend evaluates a model: transformers, llama.cpp or a vLLM server.

A URL names a vLLM server; anything else is loaded by transformers, unless `backend` says otherwise.
"""

from __future__ import annotations

import os
from dataclasses import fields
from inspect import signature
from typing import TYPE_CHECKING, Any, Literal, cast

from tokkit.arguments import refuse_unknown
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.bytelm.token_models.protocol import TokenLM

Backend = Literal["transformers", "llama.cpp", "vllm"]

_OF_ALL = ("backend", "encodings", "tolerance", "beam")
"""What `load_lm` itself takes, so that a message can name it."""


def load_token_lm_with(backend: Backend | None, source: Any, options: dict[str, Any]) -> TokenLM:
    """Load a token model.

    Args:
        backend: None decides by the source.
        source: what the backend takes: for llama.cpp a GGUF file or a packaged model's name, for
            vLLM a URL.
        options: the backend's own, flat; see `LlamaCppLM` and `LlamaCppOptions`, `VllmLM` and
            `HttpOptions`, or `load_token_lm`.

    Raises:
        ArgumentError: no such backend or option, or a source that the backend does not take.
    """
    is_url = isinstance(source, str) and source.startswith(("http://", "https://"))
    if backend is None:
        backend = "vllm" if is_url else "transformers"
    if backend == "transformers":
        from tokkit.bytelm.token_models.transformers.loading import OPTIONS, load_token_lm

        refuse_unknown(options, (*OPTIONS, *_OF_ALL))
        return load_token_lm(source, **options)
    if backend == "llama.cpp":
        if not isinstance(source, str | os.PathLike):
            raise ArgumentError(
                f"backend 'llama.cpp' takes a GGUF file, got {type(source).__name__}"
            )
        return _llama_cpp(os.fspath(cast("str | os.PathLike[str]", source)), options)
    if backend == "vllm":
        if not is_url:
            raise ArgumentError(
                f"backend 'vllm' takes the URL of a server, such as http://localhost:8000, got "
                f"{source!r}"
            )
        return _vllm(source, options)
    raise ArgumentError(f"backend is {backend!r}, expected 'transformers', 'llama.cpp' or 'vllm'")


def _llama_cpp(name: str, options: dict[str, Any]) -> TokenLM:
    from tokkit.bytelm.token_models.llama_cpp.token_lm import LlamaCppLM, LlamaCppOptions
    from tokkit.files.sources import locate

    keywords = _keywords(options, LlamaCppLM, "options", LlamaCppOptions)
    return LlamaCppLM(locate(name, ("*.gguf",)), **keywords)


def _vllm(source: str, options: dict[str, Any]) -> TokenLM:
    from tokkit.bytelm.token_models.tokenizer_option import given_tokenizer
    from tokkit.bytelm.token_models.vllm.json_http import HttpOptions
    from tokkit.bytelm.token_models.vllm.token_lm import VllmLM

    keywords = _keywords(options, VllmLM, "http", HttpOptions)
    tokenizer: Any = keywords.pop("tokenizer", None)
    if tokenizer is None:
        raise ArgumentError(
            "a server gives no tokenizer: pass tokenizer= with the model's tokenizer.json, or a "
            "TextTokenizer"
        )
    return VllmLM(source, given_tokenizer(tokenizer), **keywords)


def _keywords(
    options: dict[str, Any], model: type[Any], name: str, kind: type[Any]
) -> dict[str, Any]:
    """Flat options as those of a model, which takes some of them as the fields of a dataclass.

    Args:
        options: what the caller gave.
        model: its constructor takes the source first.
        name: of the parameter for the dataclass.
        kind: the dataclass.

    Raises:
        ArgumentError: an option that neither has, or a field out of range.
    """
    names = [field.name for field in fields(kind)]
    others = [other for other in list(signature(model).parameters)[1:] if other != name]
    refuse_unknown(options, (*names, *others, *_OF_ALL))
    keywords = {key: value for key, value in options.items() if key in others}
    return {**keywords, name: kind(**{k: v for k, v in options.items() if k in names})}
