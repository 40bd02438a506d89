"""Conversations as a model was trained to read them: its own template, run in a process of its own.

`rendering` runs there: it knows the roles of messages, and placeholders for their texts.
`conversation` asks it, and puts ids together: control tokens come from the template alone, and what
a user writes is text, whatever it spells.
"""
