"""Rows trained by gradients, with the original model as the teacher and its layers frozen.

Read `options`, `lessons` (a text in the ids of both tokenizers, and the borders that both have),
then `trained_rows` and `classroom`, where teacher and student meet over the layers that they share
(`hypernets.frozen_body`). Each of `token_distillation`, `row_distillation` (over
`sampled_softmax`) and `byte_distillation` (over `byte_tree`) is a loss; `distilling` trains with
one, on the loop of `tokkit.models.training`.
"""
