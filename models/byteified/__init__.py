"""A byte model on the backbone of a token model.

Read `settling` (which tokens of a text are certain so far), `token_view` (what the token model says
after them), `decoder` (the network that goes from there to the next byte) and `model`. `lessons`
and `byteify` train the decoder to say what the exact sum over tokens says.
"""
