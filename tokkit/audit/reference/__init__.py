"""What tokkit's answers are checked against: the library that a tokenizer's file was made for.

It runs in a process of its own, since a file or a text can make it hang, panic or fill the memory.
Read `own_library` (what is asked of it), `worker` (who answers), then `sandbox` and `sandbox_child`
(how the two talk). `file_kinds` tells which library a file belongs to.
"""
