"""Data mixture inference: what the merge list of a BPE tokenizer says about its training data.

Read `inference`, the whole way: `samples` are counted, `merges` replayed over them, `estimation`
turns what was counted into shares, and `judging` says how far to trust them. `inferred` holds the
shares as data, `result` adds the ways to write them down (`outputs`).
"""
