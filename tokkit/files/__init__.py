"""What every reader and writer of files needs, once: bounds, whole files, formats, models at hand.

Read `reading` and `writing`, then the formats: `json_text` (strict, with limits), `protobuf`,
`gguf_headers`. `packaged` names the models that install with pip.
"""
