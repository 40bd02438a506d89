"""Parts that the networks share: attention with a cache, blocks, embeddings with hashed n-grams.

Read `options` first, then `stack`, which puts `attention` and `feed_forward` together; `kv_cache`
is what a text leaves behind so that it can go on. `embedding` is what goes into a stack.
"""
