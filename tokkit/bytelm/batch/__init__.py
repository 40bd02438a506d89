"""Texts that come and go under one model: `Batch`.

Read `batch` (what a user calls), `task` (one text, from its prompt to its end), `opening` (how a
prompt is read in pieces), `sharing` and `prefixes` (what is not computed again), `token_ends`
(which tokens a text that grows by bytes has for certain) and `counted_tokens` (the same of another
tokenizer).
"""
