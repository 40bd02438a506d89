"""The codebook section, for tokenizers of any modality: how the codes are used, and what they cost.

Read `encoded` (signals under a tokenizer), `usage` (how much of each stream, and at each position,
is used), `rate_distortion` (what each further id is worth), `realism` (whether decoded signals look
real), `probe` (what codes alone tell of labels), then `examining`, which puts them together.
"""

from tokkit.audit.codebook.examining import examine

__all__ = ["examine"]
