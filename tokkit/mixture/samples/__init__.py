"""Samples of the categories: where they are (`sources`), read (`shard_text`), counted (`counting`).

A word is what the trainer of a tokenizer merged within: `words`, `word_counts`. `checking` says
what is wrong with one alone.
"""
