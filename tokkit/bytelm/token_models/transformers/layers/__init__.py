"""Layers laid out anew, so that a row comes out alike whatever is computed beside it, and faster.

Read `packing`, then `packed_linear` (over `row_blocks`), `padded_attention`, and `int8_weights`.
"""
