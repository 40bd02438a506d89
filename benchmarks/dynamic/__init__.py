"""Merging of batches, large vocabularies and dynamic prefill: one question a script."""
