"""How fast does a byte-level model write?"""
