"""What evaluates a token model: the architectures of transformers, and llama.cpp."""
