"""Data mixture inference: what the merge list of a BPE tokenizer says about its training data."""
