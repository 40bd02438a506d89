"""From a model over tokens to a state over bytes: the encodings of a text, and what they weigh.

Read `cover`: the heads of a byte prefix, and the sum over them that is exact for canonical
encodings. `all_encodings_state` sums over all encodings by a beam (`encoding_beam`), with bounds;
where the text ahead is known, `known_text` saves model calls. `context_limit` refuses texts that a
model cannot read.
"""
