"""The vocabulary part: which tokens text produces, and what the others are.

Read `examining`, then `reach`; `verification` tries its witnesses in the reference. `composition`,
`ids`, `merge_uses` and `provenance` describe, and `embeddings` looks for what was never trained;
`showing` shows tokens in the same way for all.
"""

from tokkit.audit.vocabulary.examining import examine

__all__ = ["examine"]
