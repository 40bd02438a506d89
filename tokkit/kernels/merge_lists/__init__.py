"""Merge lists replayed over counted words: `distinct_words`, `merge_replay`, `pair_changes`."""
