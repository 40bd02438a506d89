"""Numba kernels: arrays in, arrays out; nothing here knows the rest of tokkit.

Every kernel takes its decorator from `caching` (or `leaf`, for inner loops). `bpe`, `segmentation`
and `merge_lists` are about tokens, `texts` about bytes and characters, `token_masses` and
`attention_mask` about numbers of a model.

The examples of all kernels are about one small vocabulary: the tokens a, b, ab and abb (0 to 3), of
the merges a + b and ab + b, and a BYTE token for c (4). `tests/kernels/examples.py` makes the
tables that they name, and runs them.
"""
