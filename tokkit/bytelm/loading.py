"""`load_lm`: from a name, a path or a loaded model to a `ByteLM`."""

from __future__ import annotations

import os
from typing import Any, cast

from tokkit.bytelm.backends import Backend, load_token_lm_with
from tokkit.bytelm.byte_lm import ByteLM, Encodings, check_semantics
from tokkit.bytelm.byte_model import ByteModel
from tokkit.errors import ArgumentError
from tokkit.files.registry import is_saved, open_saved


def load_lm(
    source: Any,
    tokenizer: Any = None,
    *,
    backend: Backend | None = None,
    encodings: Encodings = "canonical",
    tolerance: float = 0.0,
    beam: int | None = None,
    bound: float | None = None,
    **options: Any,
) -> ByteLM:
    """Load a language model as a distribution over bytes.

    Args:
        source: a folder with `config.json` and safetensors, a GGUF file, the name of a model that
            installs with pip (`"smollm2"`, `"gemma3"`), a hub id, a loaded model of transformers
            (alone, as `(model, tokenizer)`, or in a pipeline), the URL of a vLLM server, a folder
            that a model of tokkit's own was saved to, a `TokenLM`, or a byte-level model, which is
            returned as it is.
        tokenizer: what `load_tokenizer` takes, in place of the one that comes with the weights.
            By default that of a loaded model is looked for at its `name_or_path`.
        backend: `"transformers"`; `"llama.cpp"` for a GGUF file or a packaged model; `"vllm"` for
            a URL. Default: `"vllm"` for a URL, else `"transformers"`.
        encodings: `"canonical"` or `"all"`; see `ByteLM`.
        tolerance: see `ByteLM`.
        beam: see `ByteLM`.
        bound: see `ByteLM`.
        **options: `dtype`, `device`, `device_map`, `threads`, `allow_download` and more; see
            `tokkit.bytelm.token_models.transformers.loading.load_token_lm`. The other backends have
            their own; see `tokkit.bytelm.backends`.

    Returns:
        A `ByteLM`; of a folder that a model of tokkit's own was saved to that model, a `ByteModel`.

    Raises:
        ArgumentError: an option that does not exist, is out of range, or would have no effect.
        MissingExtraError: the backend's packages are not installed.
        FormatError: a missing, damaged or truncated file.
        ModelError: the weights fit neither their configuration nor the tokenizer nor the memory.
    """
    check_semantics(encodings, tolerance, beam, bound)  # before the model is loaded
    if tokenizer is not None:
        options["tokenizer"] = tokenizer
    if isinstance(source, ByteModel) or hasattr(source, "next_token_logprobs"):
        if options or backend is not None:
            given = ", ".join([*options, *(["backend"] if backend is not None else [])])
            raise ArgumentError(
                f"{given}: the {type(source).__name__} is loaded already; leave the option out"
            )
        if isinstance(source, ByteModel):
            _refuse_semantics((encodings, tolerance, beam, bound), f"a {type(source).__name__}")
            return cast(ByteLM, source)
        return ByteLM(source, encodings=encodings, tolerance=tolerance, beam=beam, bound=bound)
    if backend is None and is_saved(source):
        _refuse_semantics((encodings, tolerance, beam, bound), f"the model that {source} holds")
        for name in options.keys() & {"dtype", "device"}:  # those of torch go by their names
            options[name] = str(options[name]).removeprefix("torch.")
        return open_saved(source, ByteModel, "a language model", **options)
    token_lm = load_token_lm_with(backend, source, options)
    name = source if isinstance(source, str) and os.sep not in source else None
    return ByteLM(
        token_lm, encodings=encodings, tolerance=tolerance, beam=beam, bound=bound, name=name
    )


def _refuse_semantics(given: tuple[object, ...], what: str) -> None:
    if given != ("canonical", 0.0, None, None):
        raise ArgumentError(
            f"encodings, tolerance, beam and bound are of models over tokens that are loaded here; "
            f"{what} says itself what it gives; leave them out"
        )
