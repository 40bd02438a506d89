"""What a request asks for, in any dialect, and its texts as they come.

`generation` says what is asked, `fitting` cuts it to what a model reads, `drawing` has the texts,
and `texts` their characters.
"""
