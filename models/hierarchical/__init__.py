"""Hierarchical autoregressive transformers: bytes below, a backbone over units of bytes above.

Read `config`, then `release`, the form of the published checkpoints, and `paper`, that of the
paper; `convolution` is what may stand in place of attention among bytes. `model` is the public
class, which is one form or another.
"""
