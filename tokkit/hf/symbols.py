"""The ids of the transformers view: 256 bytes, end of text, and the blank.

A causal model of transformers needs a symbol before the first prediction (BOS), one to fill up the
rows of a batch (PAD), and one to stop at (EOS). A byte-level model needs no BOS, so one symbol does
for the first two: the *blank*, which stands for no byte at all. Wherever it is, the text is that of
the bytes around it, and the logits at its position say what follows the bytes so far. Padding on
either side therefore changes nothing, with an attention mask or without one.
"""

from __future__ import annotations

from tokkit.bytelm.byte_state import END, N_SYMBOLS

END_ID = END
"""End of text: `eos_token_id`."""

BLANK_ID = N_SYMBOLS
"""No byte: `bos_token_id` and `pad_token_id`."""

VOCAB_SIZE = N_SYMBOLS + 1
