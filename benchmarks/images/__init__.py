"""Tokenizers of pictures beside what they must beat."""
