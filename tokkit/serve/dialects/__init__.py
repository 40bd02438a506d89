"""How clients ask, and what they expect: one module a dialect.

Each reads the fields of its requests into a `Generation`, and writes what comes of it. `requests`
has what several of them share on the way in, `dialect` says what a dialect is.
"""

from __future__ import annotations

from tokkit.serve.dialects import llama_cpp, mistral, openai, tabby
from tokkit.serve.dialects.dialect import Dialect

DIALECTS: tuple[Dialect, ...] = (
    openai.DIALECT,
    mistral.DIALECT,
    llama_cpp.DIALECT,
    tabby.DIALECT,
)
