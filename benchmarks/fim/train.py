"""Teach SmolLM2-135M to fill in the middle of Python source, for `benchmarks/fim/quality.py`.

No model that knows a FIM format installs from a package index, so this makes one: SmolLM2 is
fine-tuned on the Python standard library of the running interpreter, in StarCoder's format. A file
is cut at two random characters (character-level spans, as all the known families were trained;
Bavarian et al., "Efficient Training of Language Models to Fill in the Middle", 2022, section 3),
the three parts are tokenized apart, and the loss is that of the middle and its end.

What a few hours on one core can teach is above all where a middle ends, and each example has one
end. So there are many short examples rather than few long ones: the length of a middle is
log-uniform (most are a few words), and prefix and suffix are as long as `quality.py` gives them.
The lower third of the layers stays as it is, which spares the way back through them.

One file in ten, chosen by a hash of its path, is never trained on: `held_out` tells which.

Writes a checkpoint every few minutes and goes on from it when started again. About 100 minutes on
one core:

    python -m benchmarks.fim.train --out .cache/smollm2-fim
"""

from __future__ import annotations

import argparse
import math
import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.shared.held_out import held_out, python_sources
from benchmarks.shared.machine import describe_run
from benchmarks.shared.smollm2_tokenizer import load_smollm2_tokenizer

FIM_TOKENS = ("<fim_prefix>", "<fim_middle>", "<fim_suffix>")
"""Appended to the vocabulary, in StarCoder's order."""
FIRST_ROWS = (" prefix", " middle", " suffix")
"""The tokens whose embeddings those begin with, so that they differ from the start."""

PREFIX_CHARS = (20, 250)
SUFFIX_CHARS = (10, 150)
LONGEST_MIDDLE = 120
FROZEN_LAYERS = 10
BATCH = 16
MICRO_BATCH = 8
PEAK_LR = 2e-4
WARMUP_STEPS = 20
CHECKPOINT_SECONDS = 240


@dataclass(frozen=True)
class FimIds:
    """The ids around the three parts of an example."""

    bos: tuple[int, ...]
    prefix: int
    middle: int
    suffix: int
    end: int


def examples(texts: list[str], tokenizer: Any, ids: FimIds, seed: int) -> Iterator[Any]:
    """Endless (ids, number of ids before the middle), from random cuts of random files."""
    rng = random.Random(seed)
    sizes = [len(text) for text in texts]
    while True:
        text = rng.choices(texts, weights=sizes)[0]
        begin = rng.randrange(len(text) + 1)
        end = begin + round(math.exp(rng.uniform(0, math.log(LONGEST_MIDDLE))))
        if end > len(text):
            continue
        context = [
            *ids.bos,
            ids.prefix,
            *tokenizer.encode(text[max(0, begin - rng.randint(*PREFIX_CHARS)) : begin]),
            ids.suffix,
            *tokenizer.encode(text[end : end + rng.randint(*SUFFIX_CHARS)]),
            ids.middle,
        ]
        yield [*context, *tokenizer.encode(text[begin:end]), ids.end], len(context)


def loss_of(model: Any, batch: list[Any]) -> tuple[torch.Tensor, int]:
    """Summed cross-entropy of the middles, nats, and their number of tokens."""
    length = max(len(ids) for ids, _ in batch)
    inputs = torch.zeros(len(batch), length, dtype=torch.long)
    wanted = torch.zeros(len(batch), length, dtype=torch.bool)
    for row, (ids, n_context) in enumerate(batch):
        inputs[row, : len(ids)] = torch.tensor(ids)
        wanted[row, n_context - 1 : len(ids) - 1] = True
    # Padding stands at the end, where a causal model never looks back at it.
    hidden = model.model(inputs).last_hidden_state
    logits = model.lm_head(hidden[wanted])
    targets = inputs.roll(-1, dims=1)[wanted]
    return torch.nn.functional.cross_entropy(logits, targets, reduction="sum"), len(targets)


def learning_rate(step: int, n_steps: int) -> float:
    """Linear warm-up, then a cosine down to a tenth."""
    if step < WARMUP_STEPS:
        return PEAK_LR * (step + 1) / WARMUP_STEPS
    done = (step - WARMUP_STEPS) / max(1, n_steps - WARMUP_STEPS)
    return PEAK_LR * (0.1 + 0.9 * (1 + math.cos(math.pi * done)) / 2)


def write_tokenizer(folder: Path) -> None:
    """SmolLM2's tokenizer.json with the FIM tokens appended."""
    from tokenizers import AddedToken

    backend = load_smollm2_tokenizer().backend_tokenizer
    backend.add_special_tokens([AddedToken(token, special=True) for token in FIM_TOKENS])
    backend.save(str(folder / "tokenizer.json"))


def load_base(tokenizer_folder: Path) -> tuple[Any, Any, FimIds]:
    """SmolLM2 with rows for the FIM tokens; its tokenizer; the ids."""
    import tokkit

    token_lm: Any = tokkit.load_lm("smollm2", threads=1, packed=False).token_lm
    tokenizer = tokkit.load_tokenizer(tokenizer_folder)
    model = token_lm._model
    old = model.get_input_embeddings().weight.shape[0]
    model.resize_token_embeddings(tokenizer.vocab_size, mean_resizing=False)
    with torch.no_grad():
        weight = model.get_input_embeddings().weight
        weight[old:] = weight[[tokenizer.encode(word)[0] for word in FIRST_ROWS]]
    special = tokenizer.special_tokens
    prefix, middle, suffix = (special[token] for token in FIM_TOKENS)
    ids = FimIds(token_lm.bos_ids, prefix, middle, suffix, special["<|endoftext|>"])
    model.config.bos_token_id = ids.bos[0]
    model.config.eos_token_id = ids.end
    return model, tokenizer, ids


def evaluate(model: Any, tokenizer: Any, ids: FimIds, n: int) -> float:
    """Bits per token of the middles of `n` held-out examples, always the same ones."""
    texts = [_read(path) for path in python_sources() if held_out(path)]
    stream = examples(texts, tokenizer, ids, seed=1)
    total, count = 0.0, 0
    with torch.no_grad():
        for _ in range(0, n, MICRO_BATCH):
            loss, n_tokens = loss_of(model, [next(stream) for _ in range(MICRO_BATCH)])
            total, count = total + loss.item(), count + n_tokens
    return total / count / math.log(2)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


def save(model: Any, optimizer: Any, step: int, out: Path) -> None:
    """Write the checkpoint under another name first, so that there is always a whole one."""
    temporary = out / "checkpoint.part"
    state = {"step": step, "model": model.state_dict(), "optimizer": optimizer.state_dict()}
    torch.save(state, temporary)
    temporary.replace(out / "checkpoint.pt")


def main() -> None:
    """Train, or go on training, and export a folder that `tokkit.load_lm` reads."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--steps", type=int, default=240, help=f"of {BATCH} examples each")
    arguments = parser.parse_args()
    out: Path = arguments.out
    out.mkdir(parents=True, exist_ok=True)
    describe_run("torch", "transformers")
    torch.manual_seed(0)
    write_tokenizer(out)
    model, tokenizer, ids = load_base(out)
    model.train().requires_grad_(True)
    model.get_input_embeddings().requires_grad_(False)
    model.model.layers[:FROZEN_LAYERS].requires_grad_(False)
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, betas=(0.9, 0.95), weight_decay=0.0)
    first = 0
    if (out / "checkpoint.pt").exists():
        state = torch.load(out / "checkpoint.pt", weights_only=True)
        first = state["step"]
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
    print(
        f"step {first}: {evaluate(model, tokenizer, ids, 64):.4f} bits a held-out token", flush=True
    )
    texts = [_read(path) for path in python_sources() if not held_out(path)]
    saved = time.monotonic()
    for step in range(first, arguments.steps):
        stream = examples(texts, tokenizer, ids, seed=1000 + step)
        batch = [next(stream) for _ in range(BATCH)]
        n_targets = sum(len(tokens) - n_context for tokens, n_context in batch)
        batch.sort(key=lambda example: len(example[0]))
        total = 0.0
        for k in range(0, BATCH, MICRO_BATCH):
            loss, _ = loss_of(model, batch[k : k + MICRO_BATCH])
            (loss / n_targets).backward()
            total += loss.item()
        torch.nn.utils.clip_grad_norm_(trained, 1.0)
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(step, arguments.steps)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        bits = total / n_targets / math.log(2)
        print(
            f"step {step + 1}/{arguments.steps}: {bits:.3f} bits/token", file=sys.stderr, flush=True
        )
        if time.monotonic() - saved > CHECKPOINT_SECONDS:
            save(model, optimizer, step + 1, out)
            saved = time.monotonic()
    save(model, optimizer, arguments.steps, out)
    model.eval()
    bits = evaluate(model, tokenizer, ids, 64)
    print(f"step {arguments.steps}: {bits:.4f} bits a held-out token")
    model.save_pretrained(out)
    print(f"wrote {out}")


if __name__ == "__main__":
    main()
