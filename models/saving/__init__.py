"""How a model becomes a folder, and is opened again: models of text and tokenizers alike.

`configs` is about configurations as JSON, `folders` about the files of a folder and what is refused
of them, and `fingerprint` is one word for all that a model computes with.
"""
