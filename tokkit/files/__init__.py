"""What every reader and writer of files needs, once: bounds, whole files, formats, models at hand.

Read `reading` and `writing`, then the formats: `json_text` (strict, with limits), `protobuf`,
`gguf_headers` (the metadata) and `gguf_layout` (the tensors), `safetensors_files`. `sources` says
what a name means: a model that installs with pip (`packaged`), a path, or a repository on a hub
(`hub`).
"""
