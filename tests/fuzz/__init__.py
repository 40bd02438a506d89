"""Fuzzers: configurations of tokenizers, drawn at random and compared with their references."""
