"""Which backend evaluates a model: transformers, llama.cpp or a vLLM server.

A URL names a vLLM server; anything else is loaded by transformers, unless `backend` says otherwise.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Literal, cast

from tokkit.arguments import refuse_unknown
from tokkit.errors import ArgumentError

if TYPE_CHECKING:
    from tokkit.bytelm.token_models.protocol import TokenLM

Backend = Literal["transformers", "llama.cpp", "vllm"]

_LLAMA_CPP = ("n_ctx", "threads", "n_gpu_layers", "max_sequences", "max_batch_tokens", "self_check")
_LLAMA_CPP_OTHER = ("tokenizer", "bos_ids", "eos_ids", "name")
_HTTP = ("api_key", "timeout", "retries", "pause")
_VLLM_OTHER = ("tokenizer", "model", "bos_ids", "eos_ids", "batch_size")
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

    own, other = _split(options, _LLAMA_CPP, _LLAMA_CPP_OTHER)
    path = locate(name, ("*.gguf",))
    return LlamaCppLM(path, options=LlamaCppOptions(**own), **other)


def _vllm(source: str, options: dict[str, Any]) -> TokenLM:
    from tokkit.bytelm.token_models.tokenizer_option import given_tokenizer
    from tokkit.bytelm.token_models.vllm.json_http import HttpOptions
    from tokkit.bytelm.token_models.vllm.token_lm import VllmLM

    own, other = _split(options, _HTTP, _VLLM_OTHER)
    tokenizer: Any = other.pop("tokenizer", None)
    if tokenizer is None:
        raise ArgumentError(
            "a server gives no tokenizer: pass tokenizer= with the model's tokenizer.json, or a "
            "TextTokenizer"
        )
    return VllmLM(source, given_tokenizer(tokenizer), http=HttpOptions(**own), **other)


def _split(
    options: dict[str, Any], own: tuple[str, ...], other: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    refuse_unknown(options, (*own, *other, *_OF_ALL))
    return (
        {key: value for key, value in options.items() if key in own},
        {key: value for key, value in options.items() if key in other},
    )
