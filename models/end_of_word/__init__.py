"""The law of models that end words with a symbol: bytes and ends of words, and exact bytes of them.

A word is read as a whole by an encoder (`encoder`), words by a backbone, and the bytes of the next
one are predicted by a decoder (`decoder`) from what the backbone says, up to a symbol that ends it.
Read `law` first, then `network`, which trains on whole texts, and `reading`, which goes on after a
cache.
"""
