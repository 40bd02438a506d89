"""Where words end, byte by byte: the same in a whole text and while it is being written.

`word_break` says what Unicode knows of each character, `rules` whether a word goes on with a
character, `tables` makes an automaton over bytes of that, and `splitting` runs it.
"""

from tokkit.text.words.splitting import Rule, WordSplitter, split_words

__all__ = ["Rule", "WordSplitter", "split_words"]
