"""Any text tokenizer as a fast tokenizer of transformers that gives the same ids.

A tokenizer that came from a `tokenizer.json` is kept (`originals`). Any other is written as one:
its normalizer (`normalizer_nodes`), its cuts (`split_nodes`, over `oniguruma`), its model
(`model_node`) and its added tokens, put together in `document`; `roles` says which control tokens
begin, end and pad. What the `tokenizers` library cannot do is refused by name (`refusal`), and
`trial` compares the result with the tokenizer that it stands for, text by text, before anybody gets
it. The entry is `exporting`.
"""
