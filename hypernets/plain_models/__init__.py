"""A plain model of transformers in, another vocabulary on it, a plain model of transformers out.

1. `source_models` loads what a user names: weights, dequantised, and tokkit's reading of the
   tokenizer. `donors` takes the rows of a model that has the new tokenizer.
2. `vocabulary_layers` finds the matrices whose rows are tokens, and refuses a model that has none,
   or more than can be replaced.
3. `replacing` builds the same class anew with other rows, through the way by which transformers
   loads a saved model, so that what is saved and loaded again is the same. `special_ids` says what
   becomes of the ids in its configuration, `position_rows` of positions that are counted from the
   padding id.
4. `bias_folding` writes a bias into the rows of a head whose class drops it.
5. `saving` writes model and tokenizer to one folder, and sees that both are loaded again.
"""
