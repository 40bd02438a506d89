"""Rows for new tokens without gradient training, one idea a module.

`subtokens` are the usual sums of the rows of a token's parts. `shares` says how the probability of
an old token is divided among the new ones that begin with it, `calibration` fits output rows to the
hidden states of a text, `respelling` corrects input rows by what the old vocabulary teaches, and
`shared_first` puts them together: the default.

`matching_pursuit` writes vectors as sparse sums, and `donated` makes rows after a donor's (OMP).
`token_vectors` tells which tokens a text uses alike, `sparsemax` makes weights of that, and `focus`
rows.
"""
