"""FlexTok: a picture as a short sequence of ids, of which the first ones are a coarser picture.

"FlexTok: Resampling Images into 1D Token Sequences of Flexible Length" (Bachmann et al., 2025).
Read `config`, then `model`; `encoder` has the registers, `mean_decoder` gives the picture that is
expected after some ids and `flow_decoder` draws one that looks real; `search` finds better ids than
the encoder's. `patches` cuts pictures up,
`learning` teaches all of it from `pictures`, which `picture_files` reads, and `checks` says what a
picture must be. `generator` writes ids of pictures of a class.
"""
