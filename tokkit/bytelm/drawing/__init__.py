"""Bytes drawn from distributions: by which law, under which constraints, and until when.

Read `sampling` (the law), `stopping` and `constraint` (what may forbid a byte), then the
constraints: `valid_utf8`, `repetition`, `patterns`, all of them together in `constraint_set`. A
`request` is all that is asked of one text, and `draw` draws it; `together` draws several at a time.
"""
