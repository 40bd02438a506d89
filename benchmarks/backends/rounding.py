"""How far do real models in half precision round from fresh plain passes?

Contexts of every other length, of English and of random ids, evaluated as a loaded model does by
default (its *way*), against a fresh plain pass for each; and beside it the rows of one plain pass
over the whole text, which transformers rounds by itself. Total variation, median and largest.

    python -m benchmarks.backends.rounding [--models smollm2 gemma3] [--dtypes bfloat16 int8]
"""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

import tokkit
from benchmarks.shared.machine import describe_run
from tokkit.bytelm.token_models.transformers.trial.trial_texts import total_variation
from tokkit.bytelm.token_models.transformers.whole_model import WholeModel, normalised

TEXT = (
    "The three most important inventions of the nineteenth century were the telegraph, the steam "
    "locomotive and, some would say, photography. def f(x): return x ** 2 + 1"
)
N_RANDOM = 40


def gaps(token_lm: Any, ids: list[int]) -> tuple[list[float], list[float]]:
    """Total variation to fresh passes: of the model's way, and of one plain pass."""
    whole = WholeModel(token_lm.shared_parts[0], name=token_lm.name)
    n_columns, bos = token_lm.vocab_size, list(token_lm.bos_ids)
    lengths = range(1, len(ids) + 1, 2)
    fresh = [normalised(whole.last_logits([*bos, *ids[:n]]))[:n_columns] for n in lengths]
    found = token_lm.next_token_logprobs([ids[:n] for n in lengths])
    longer = normalised(whole.logits([*bos, *ids]))[:, :n_columns]
    ends = [longer[len(bos) + n - 1] for n in lengths]
    return [*map(total_variation, found, fresh)], [*map(total_variation, ends, fresh)]


def main() -> None:
    """Print a table in Markdown."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--models", nargs="+", default=["smollm2", "gemma3"])
    parser.add_argument("--dtypes", nargs="+", default=["bfloat16", "int8"])
    options = parser.parse_args()
    describe_run("transformers", "torch")
    print("\n| model | dtype | way | text | its way | one longer plain pass |")
    print("|---|---|---|---|---|---|")
    for name in options.models:
        for dtype in options.dtypes:
            token_lm: Any = tokkit.load_lm(name, dtype=dtype, threads=1).token_lm
            generator = np.random.default_rng(0)
            texts = {
                "English": [int(k) for k in token_lm.tokenizer.encode(TEXT)],
                "random": generator.integers(0, token_lm.vocab_size, N_RANDOM).tolist(),
            }
            for what, ids in texts.items():
                cells = [f"{np.median(x):.0e}, {max(x):.0e}" for x in gaps(token_lm, ids)]
                print(f"| {name} | {dtype} | `{token_lm.way}` | {what} | {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
