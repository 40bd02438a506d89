"""A transformer over the tokens of a tokenizer, looked through as a model over bytes.

Read `network` (logits of tokens), `session` (contexts as a tree over one cache), `token_lm`, then
`model`. `vocabulary` trains a tokenizer where none is given.
"""
