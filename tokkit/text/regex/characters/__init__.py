"""Sets of characters, and characters as bytes.

Read `charset` (sets, and the classes that a pattern tells apart), `unicode_properties` (which
characters have a property, as each engine has it) and `utf8` (a set as sequences of bytes).
"""
