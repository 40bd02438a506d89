"""Bytes that are likely to come, evaluated in the pass that must be made in any case.

1. A state has to run its models for the next byte. What they said before tells how likely bytes
   after that one are; `repeats` and a draft model (`guesses`) say what may follow where nobody has
   been asked yet.
2. `proposal_tree` grows a tree of the most likely bytes, as long as a byte is worth its rows in the
   pass (`tokkit.bytelm.encodings.pass_costs`).
3. The pass evaluates the heads of the whole tree. The symbols are then drawn one by one as they
   would have been, each from its exact distribution; as long as the text stays in the tree no model
   has to run. So proposals cannot change what is drawn, only when it is computed.

`speculator` does this for one text. The idea of evaluating guesses in one pass is that of
speculative decoding (Leviathan et al., ICML 2023), with trees as in SpecInfer (Miao et al., 2024).
Those draw the guesses and correct the law by rejection; here nothing has to be corrected, since no
guess is ever accepted: the sample is drawn with the random numbers that it would have used anyway.
"""
