"""Vectors as codes and back: vector, finite-scalar and residual quantisers behind one interface.

Read `quantizer` first: what all of them do. `vector` learns its codes, from a start that `k_means`
finds; `finite_scalar` has a fixed grid; `residual` says with each further code what those before
left out. `usage` tells how much of a codebook is used, and needs no torch; this package imports it
where one of the others is imported.

They are tokkit's own, and not those of `vector-quantize-pytorch` (1.32.0 was looked at): its finite
scalars do not come back as the ids that they are, its k-means takes a random sample for a start,
its codes are replaced by an absolute count, which a small batch never reaches, and `einx`, which it
needs, installs packages called `test` and `docs`.
"""
