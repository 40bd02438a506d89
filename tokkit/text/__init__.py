"""Text tokenizers: every file format, bytes to ids and back, and what is canonical.

Read `spec` (a tokenizer as plain data), `loading` and `formats` (how it is read), then `tokenizer`.
The way of a text: `stretches` cuts out `added_tokens` and applies `normalizers` (`alignment` says
where each character came from), `pretokenizer` cuts pieces (`regex`), `segment_models` make ids of
them. `canonical` tells which token may follow.
"""
