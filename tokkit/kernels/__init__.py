"""Numba kernels: arrays in, arrays out; nothing here knows the rest of tokkit.

Every kernel takes its decorator from `caching` (or `leaf`, for inner loops). `bpe`, `segmentation`
and `merge_lists` are about tokens, `texts` about bytes and characters, `token_masses` and
`attention_mask` about numbers of a model.
"""
