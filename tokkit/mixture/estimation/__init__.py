"""From evidence to shares.

Read `evidence`, then `estimator` (the default: `step_curve`, `residuals`, `intervals`),
`monotone_curve` (samples that are the training text itself), `linear_program` (the paper's), and
`share_limits`. `solving` asks one estimator or the other.
"""
