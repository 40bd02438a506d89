"""A network that predicts the rows of any vocabulary: "Zero-Shot Tokenizer Transfer" (2024).

1. `config`, `architecture`: the published network; `published` reads their checkpoints.
2. `sampling`: tokenizers are drawn, so that the network learns of no one tokenizer.
3. `teacher`: what the old model (`hypernets.frozen_body`) says of a text that a new tokenizer cuts.
4. `base_rows`, `spellings`: what the network corrects, and what it reads.
5. `lessons`, `objectives`, `options`, `training`: the recipe that fits a laptop.
6. `trained`, `method`: a folder of it, and how `transfer` uses it.

What the recipe adds to the paper: the network adds to the best heuristic's rows, beginning with
nothing; only new tokens are predicted; and most of what it learns, it learns from the old model's
states, without a pass through all of its layers.
"""
