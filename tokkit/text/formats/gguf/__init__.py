"""Tokenizers in GGUF files: `tokenizer`, `pretokenizers` that files only name, `wordpiece`."""
