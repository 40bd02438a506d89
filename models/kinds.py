"""The models of text that `tokkit train` makes, a line each: what it calls them, and their kind.

The kind is a key of `tokkit.files.registry.CLASSES`, where the class stands.
"""

from __future__ import annotations

LESSONS = "lessons"
"""The folder, within that of a byteified model, of what its token model says of the texts."""
KINDS = {
    "byte": "byte-transformer",
    "subword": "subword-transformer",
    "spacebyte": "spacebyte",
    "hierarchical": "hierarchical-transformer",
    "word-pooled": "word-pooled-transformer",
}
