"""Masked models, which read both sides: what they make of a text that another tokenizer cuts.

`frame` says what stands around a text, and where in its place a mask may stand; `reading` scores
pieces that are masked, and gives the states at masks.
"""
