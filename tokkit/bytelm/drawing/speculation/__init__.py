"""Bytes that are likely to come, evaluated in the pass that must be made in any case.

1. Often no pass must be made. A head that has not been evaluated carries at most its weight, and
   within a token that is next to nothing; where the random number of a draw is not as close as that
   to a border between two symbols, the symbol is certain (`Cover.bounds`, `Sampler.foretell`). So
   a single model without filters takes about one pass a token, and so does a mixture of several.
2. Where a state has to run its models for the next byte, what they said before tells how likely
   bytes after that one are; `repeats` and a draft model (`guesses`) say what may follow where
   nobody has been asked yet.
3. `proposal_tree` grows a tree of the most likely bytes, as long as a byte is worth its rows in the
   pass (`tokkit.bytelm.encodings.pass_costs`).
4. The pass evaluates the heads of the whole tree. The symbols are then drawn one by one as they
   would have been, each from its exact distribution; as long as the text stays in the tree no model
   has to run. So proposals cannot change what is drawn, only when it is computed.

`speculator` does this for one text. The idea of evaluating guesses in one pass is that of
speculative decoding (Leviathan et al., ICML 2023), with trees as in SpecInfer (Miao et al., 2024).
Those draw the guesses and correct the law by rejection; here nothing has to be corrected, since no
guess is ever accepted: the sample is drawn with the random numbers that it would have used anyway.
"""
