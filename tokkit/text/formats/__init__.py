"""Readers: from the bytes of a file to a `TokenizerSpec`.

One module a format, and a folder for each of the large ones: `hugging_face`, `gguf`,
`sentencepiece`. What several formats share stands beside them: `merge_tables`, `byte_alphabet`,
`patterns`, `placing` and `normalizer_json`. `tokkit_file` is our own.
"""
