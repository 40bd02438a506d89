"""GGUF models evaluated by llama.cpp, without torch.

Read `token_lm`, then `sessions` (trees of contexts over its cache) and `native` (the part of its
interface that tokkit calls).
"""
