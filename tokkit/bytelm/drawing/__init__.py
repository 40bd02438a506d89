"""Bytes drawn from distributions: by which law, under which constraints, and until when.

Read `sampling` (the law, and stop strings) and `constraint` (what may forbid a byte), then the
constraints: `valid_utf8`, `repetition`, `patterns`, all of them together in `constraint_set`.
`together` draws several texts at a time.
"""
