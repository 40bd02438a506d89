"""Tokenizers of nodes beside what they must beat."""
