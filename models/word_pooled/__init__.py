"""Word-pooled transformers: k vectors a word, pooled by attention within it, and decoded from k.

The network is that of `tokkit.models.end_of_word`; `config` says which sizes the paper gives it.
"""
