"""Networks over bytes, words and tokens: how well, and how fast."""
