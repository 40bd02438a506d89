"""How the next-byte rows of several models become one row, along a text.

`combination` says what a combination is; `fixed` holds those that are told what to do (mixture,
mean, product), `switching`, `loglinear` and `adaptive` those that learn from the text, each on the
one before; `names` lists them. All of it is arithmetic over rows of 257 numbers, given by anyone:
`tokkit.bytelm.ensemble` asks the models, and `speakers` tells on a page who spoke where.
"""
