"""How small is the file of a trained tokenizer, and what does writing it in bfloat16 cost?

    python -m benchmarks.images.small_file --mnist FILE --into FOLDER [--steps 10000]

Takes the tokenizer of `benchmarks.images.distortion`, which it trains where it is missing, and
writes a folder for `tokkit.load_tokenizer` with half the bytes.
"""

from __future__ import annotations

import argparse
import copy
from pathlib import Path

import torch

from benchmarks.images.data_sets import BUDGETS, read_data
from benchmarks.images.tokenizers import FOLDER, trained
from tokkit.models import FlexTok
from tokkit.models.flextok.model import psnr


def write_small(model: FlexTok, into: Path) -> FlexTok:
    """Write a tokenizer in bfloat16, and read it again."""
    copy.deepcopy(model).to(torch.bfloat16).save(into)
    return FlexTok.load(into)


def main() -> None:
    """Print the sizes, and decibels before and after."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--mnist", type=Path, required=True, help="folder, zip or npz of pictures")
    parser.add_argument("--into", type=Path, required=True, help="where the folder goes")
    parser.add_argument("--steps", type=int, default=10000, help="of the training")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="keeps trainings")
    options = parser.parse_args()
    data = read_data("mnist", options.mnist)
    model = trained(data, None, steps=options.steps, folder=options.folder, flow=True)
    small = write_small(model, options.into)
    n_bytes = sum(each.stat().st_size for each in options.into.iterdir())
    print(f"{options.into}: {n_bytes / 1e6:.2f} MB")
    for name, each in (("float32", model), ("bfloat16", small)):
        ids = each.encode_many(data.test)
        told = [f"{psnr(data.test, each.decode_many(ids[:, :n])):.2f}" for n in BUDGETS]
        print(f"{name}: {' '.join(told)} dB by {', '.join(map(str, BUDGETS))} ids")


if __name__ == "__main__":
    main()
