"""A plain model and its tokenizer as a GGUF file, for llama.cpp and its kin.

`architectures` says which models can be written exactly, and how llama.cpp wants their weights;
`tokenizer_metadata` does the same for tokenizers, of which a GGUF file holds no pretokenizer but a
name; `writing` writes both, and reads the file back before it is there.
"""
