"""Training that is interrupted and resumed without a trace: one loop for every network here.

Read `options` (what is asked for), `tasks` (what is learned), `schedule` (the learning rate), then
`loop`. `optimizers` says which parameters decay, `checkpoints` and `records` are what a folder of a
training holds, `interrupts` lets the step in progress end, `processes` averages over several of
them, and `telling` says how it went.
"""

from tokkit.models.training.loop import TrainingResult, train
from tokkit.models.training.options import TrainingOptions

__all__ = ["TrainingOptions", "TrainingResult", "train"]
