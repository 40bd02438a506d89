"""Tokenizers that are trained for the tables, each in a folder of its own, and once."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.images.data_sets import DataSet
from benchmarks.shared.places import CACHE
from tokkit.models import FlexTok, FlexTokConfig
from tokkit.models.flextok.learning import training_options
from tokkit.models.training import train

FOLDER = CACHE / "benchmarks" / "images"


def config_of(data: DataSet, budget: int | None, *, flow: bool) -> FlexTokConfig:
    """Of one tokenizer.

    Args:
        data: what it learns from.
        budget: of one that is trained for this number of ids alone; None: for all.
        flow: whether it learns to draw pictures.
    """
    recipe = data.config.recipe
    if not flow:
        recipe = replace(recipe, flow_share=0.0)
    if budget is None:
        return replace(data.config, recipe=recipe)
    alone = replace(recipe, budgets=(budget,), lengths=1)
    # No feedback: what fewer ids decode to is not learned.
    return replace(data.config, n_tokens=budget, feedback=0, recipe=alone)


def trained(
    data: DataSet, budget: int | None, *, steps: int, folder: Path, flow: bool, tell: bool = True
) -> FlexTok:
    """A tokenizer, trained or read; an interrupted training goes on.

    Args:
        data: what it learns from.
        budget: see `config_of`.
        steps: of the training.
        folder: of all trainings.
        flow: see `config_of`.
        tell: whether to print where it is.
    """
    kind = "all" if budget is None else str(budget)
    name = f"{data.name}-{kind}{'' if flow else '-expected'}-{steps}"
    torch.manual_seed(0)
    model = FlexTok(config_of(data, budget, flow=flow))

    def told(_: str, step: int, of: int) -> None:
        if tell and step % max(of // 5, 1) == 0:
            print(f"{name}: step {step:,} of {of:,}", flush=True)

    options = training_options(steps=steps, seed=0)
    train(model, data.pictures(), options, folder=folder / name, progress=told)
    return model.eval()
