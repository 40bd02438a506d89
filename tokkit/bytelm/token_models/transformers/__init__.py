"""Causal models of transformers as token models.

Read `token_lm`, then `loading` (from a folder, a GGUF file, a packaged model or a hub id; `loaded`,
`gguf_weights`) and `backbone` (a model as a cache of slots needs it) or `whole_model` (as it is).
`sessions` walk its contexts, `trial` finds out which of them is right for a model, and `layers` lay
its weights out for inference.
"""
