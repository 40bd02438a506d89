"""Byte-pair encoding: `backtracking` encodes, `merge_forest` says which tokens merges keep apart.

`pair_table` finds a merge, `spines` lists all tokens that may stand beside one, `merge_pieces` does
BPE over tokens in place of bytes, `unknown_units` finds what a vocabulary lacks, and `token_ends`
where tokens end.
"""
