"""Text tokenizers: every file format, bytes to ids and back, and what is canonical."""
