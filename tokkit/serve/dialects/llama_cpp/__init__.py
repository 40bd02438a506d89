"""llama.cpp's server, as llama.vim, llama.vscode and others use it.

Source: the README of its server, how it reads requests, and the requests of those clients.
`asking` reads a request, `following` has each text as it comes, `telling` the objects of an answer,
and `answering` sends them; `facts` is what is told beside texts.
"""
