"""How clients ask, and what they expect: one module a dialect.

Each reads the fields of its requests into a `Generation`, and writes what comes of it. `requests`
has what several of them share on the way in, `dialect` says what a dialect is.
"""

from __future__ import annotations

from tokkit.serve.dialects import (
    chat,
    mistral,
    ollama,
    openai,
    score,
    tabby,
    tgi,
)
from tokkit.serve.dialects.dialect import Dialect
from tokkit.serve.dialects.llama_cpp import answering as llama_cpp
from tokkit.serve.page import show

DIALECTS: tuple[Dialect, ...] = (
    openai.DIALECT,
    chat.DIALECT,
    mistral.DIALECT,
    llama_cpp.DIALECT,
    tabby.DIALECT,
    ollama.DIALECT,
    tgi.DIALECT,
    score.DIALECT,
    Dialect("page", {("GET", "/"): show}, openai.error_body),
)
