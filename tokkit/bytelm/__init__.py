"""Byte-level models: token models looked through as distributions over bytes, and ensembles.

Read `byte_state` (a byte prefix under a model) and `byte_model` (what every model offers), then
`byte_lm`, which makes one of a token model, and `ensemble`. `token_models` says what some tokens
are followed by, `encodings` what that means for the next byte, `drawing` draws it, and `completion`
makes texts of it. `scoring` compares models on texts; `loading` and `backends` open one by name,
`windows` cuts long texts, and `side_by_side` lets several models work at the same time.
"""
