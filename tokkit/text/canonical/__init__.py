"""Which sequences of tokens an encoder can produce, one token at a time.

Read `automaton`, which defines canonical prefixes; `nested` serves BPE, Unigram and the like, and
`words` those whose tokens tell where in a word they stand; `wordpiece` has its own. `literal_stage`
is the cut at added tokens as the automaton sees it, `prefix_stage` the spaces put before stretches,
and `mask_cache` keeps masks over a vocabulary.
"""
