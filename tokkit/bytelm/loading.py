"""`load_lm`: from a name, a path or a loaded model to a `ByteLM`."""

from __future__ import annotations

import os
from typing import Any

from tokkit.bytelm.backends import Backend, load_token_lm_with
from tokkit.bytelm.byte_lm import ByteLM, Encodings, check_semantics
from tokkit.bytelm.byte_model import ByteModel
from tokkit.errors import ArgumentError
from tokkit.files.registry import is_saved, open_saved
from tokkit.text.tokenizer import TextTokenizer


def load_lm(
    source: str | os.PathLike[str] | tuple[Any, TextTokenizer],
    *,
    backend: Backend | None = None,
    encodings: Encodings = "canonical",
    tolerance: float = 0.0,
    beam: int | None = None,
    **options: Any,
) -> ByteLM:
    """Load a language model as a distribution over bytes.

    Args:
        source: a folder with `config.json` and safetensors, a GGUF file, the name of a model that
            installs with pip (`"smollm2"`, `"gemma3"`), a hub id, a loaded
            `(transformers model, tokenizer)`, the URL of a vLLM server, or a folder that a model
            of tokkit's own was saved to.
        backend: `"transformers"`; `"llama.cpp"` for a GGUF file or a packaged model; `"vllm"` for
            a URL. Default: `"vllm"` for a URL, else `"transformers"`.
        encodings: `"canonical"` or `"all"`; see `ByteLM`.
        tolerance: see `ByteLM`.
        beam: see `ByteLM`.
        **options: `tokenizer`, `dtype`, `device`, `threads`, `allow_download` and more; see
            `tokkit.bytelm.token_models.transformers.loading.load_token_lm`. The other backends have
            their own; see `tokkit.bytelm.backends`.

    Raises:
        ArgumentError: an option that does not exist, is out of range, or would have no effect.
        MissingExtraError: the backend's packages are not installed.
        FormatError: a missing, damaged or truncated file.
        ModelError: the weights fit neither their configuration nor the tokenizer nor the memory.
    """
    check_semantics(encodings, tolerance, beam)  # before the model is loaded
    if backend is None and is_saved(source):
        if (encodings, tolerance, beam) != ("canonical", 0.0, None):
            raise ArgumentError(
                f"encodings, tolerance and beam are of models over tokens, and {source} holds a "
                "model that tokkit has saved, which says itself what it gives; leave them out"
            )
        return open_saved(source, ByteModel, "a language model", **options)
    token_lm = load_token_lm_with(backend, source, options)
    name = source if isinstance(source, str) and os.sep not in source else None
    return ByteLM(token_lm, encodings=encodings, tolerance=tolerance, beam=beam, name=name)
