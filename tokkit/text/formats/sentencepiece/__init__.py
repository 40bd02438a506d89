"""SentencePiece `.model` files: `model_file`, over `proto` (fields) and `charsmap` (normaliser)."""
