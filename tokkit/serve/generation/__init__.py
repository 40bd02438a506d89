"""What a request asks for, in any dialect, and its texts as they come.

`generation` says what is asked, `fitting` cuts it to what a model reads, `drawing` has the texts,
`texts` their characters, `token_figures` and `token_stream` their tokens.
"""
