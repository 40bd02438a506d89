"""Tokenization that adapts to its text: what is frequent in a batch becomes one token.

`merging` merges the pairs of a batch, with the tables of `merge_tables`, to a `merged_batch`.
"""
