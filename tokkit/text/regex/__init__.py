"""The regular expressions of pretokenizers, as automata over bytes.

Read `nodes`, `syntax` and `reader` (a pattern as a tree), `program` and `scanner` (matches in a
text), then `split_stage` and `boundaries` (the same, one byte at a time, whatever comes next).
`on_demand` is what these automata share. `lookaround`, `folding` and `byte_cuts` are what makes
patterns hard; `characters` has sets of characters, and their bytes.
"""
