"""What tokkit gives for a fixed set of inputs, written down so that two states can be compared.

`scripts/record_outputs.py` is the command. Only public names of `tokkit` and `python -m tokkit` are
used, and nothing of `tests/` or `benchmarks/` but their texts, so that a recording can be made
before and after modules have moved. Read in this order: `recording` (what is kept), `comparing`,
`inputs` and `toy_tokenizers` (what is asked about), `jobs` (what runs), then what each job asks:
`ids`, `probabilities`, `drawing`, `small_models`, `audits`, `mixtures`, `commands`.
"""
