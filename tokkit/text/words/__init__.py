"""Where words end, byte by byte: the same in a whole text and while it is being written.

`word_break` says what Unicode knows of each character, `rules` whether a word goes on with a
character, `tables` makes an automaton over bytes of that, and `splitting` runs it; `beginnings`
says at each place which bytes would begin a word.
"""

from tokkit.text.words.beginnings import beginning_rows
from tokkit.text.words.splitting import Rule, WordPlaces, WordSplitter, split_words

__all__ = ["Rule", "WordPlaces", "WordSplitter", "beginning_rows", "split_words"]
