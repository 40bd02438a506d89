"""Tokens that no training touched, seen from a model's embedding matrices.

Read `under_trained` (what is said of them), then `training_indicator` (how a row is judged) and
`matrix_files` (where the rows come from, a chunk at a time and without torch).
"""
