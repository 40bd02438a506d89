"""Merging the most frequent pairs of a batch: `spellings`, `pair_index`, `most_frequent`."""
