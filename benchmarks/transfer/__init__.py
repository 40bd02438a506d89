"""What a change of tokenizer costs, by method, and how fast each is."""
