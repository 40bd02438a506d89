"""Objects of transformers as they are loaded: models, pipelines, tokenizers, in other processes.

    python loaded_objects.py [FOLDER]

`FOLDER` holds a model as `save_pretrained` writes it; without one a small model with random weights
is made. Every way in must give the same figures, and the script ends with an error if one does not.
"""

from __future__ import annotations

import multiprocessing
import sys
import tempfile
from pathlib import Path
from typing import Any, cast

import torch
import transformers
from tokenizers import ByteLevelBPETokenizer, Tokenizer

import tokkit

TEXT = "the cat sat on the mat\n"


def save_small_model(folder: Path) -> None:
    """A model with random weights, and a tokenizer of a few words."""
    bpe = ByteLevelBPETokenizer()
    bpe.train_from_iterator(
        [TEXT] * 3, vocab_size=270, show_progress=False, special_tokens=["<|endoftext|>"]
    )
    bpe.save(str(folder / "tokenizer.json"))
    tokenizer: Any = transformers.PreTrainedTokenizerFast(
        tokenizer_file=str(folder / "tokenizer.json"),
        bos_token="<|endoftext|>",
        eos_token="<|endoftext|>",
    )
    torch.manual_seed(0)
    config: Any = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=256,
        bos_token_id=0,
        eos_token_id=0,
    )
    model: Any = transformers.LlamaForCausalLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def compare(folder: Path) -> None:
    """Every way in, side by side."""
    model: Any = transformers.AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = cast(Any, transformers.AutoTokenizer).from_pretrained(folder)
    pipeline: Any = transformers.pipeline("text-generation", model=model, tokenizer=tokenizer)
    ways = {
        "model and tokenizer": tokkit.load_lm(model, tokenizer),
        "a model alone": tokkit.load_lm(model),
        "a pipeline": tokkit.load_lm(pipeline),
        "a folder": tokkit.load_lm(str(folder)),
        "spread by transformers": tokkit.load_lm(str(folder), device_map="auto"),
        "bfloat16": tokkit.load_lm(str(folder), dtype=torch.bfloat16),
    }
    first = next(iter(ways.values())).bits_per_byte(TEXT)
    for name, lm in ways.items():
        bits = lm.bits_per_byte(TEXT)
        print(f"{name:24}{bits:8.4f} bits/byte  {lm!r}")
        if abs(bits - first) > (0.1 if name == "bfloat16" else 1e-3):
            raise SystemExit(f"{name} gives other figures")

    ids: list[int] = tokenizer(TEXT, add_special_tokens=False).input_ids
    tokenizers: dict[str, Any] = {
        "of transformers": tokenizer,
        "of tokenizers": Tokenizer.from_file(str(folder / "tokenizer.json")),
    }
    for name, given in tokenizers.items():
        if tokkit.load_tokenizer(given).encode(TEXT) != ids:
            raise SystemExit(f"the tokenizer {name} gives other ids")

    lm = ways["a folder"]
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        counts = pool.map(lm.tokenizer.count, [TEXT, TEXT * 2])
        [there] = pool.map(lm.logprob, [TEXT])
    print("in another process:", counts, f"tokens, {there:.4f} nats")
    if counts[0] != len(ids) or abs(there - lm.logprob(TEXT)) > 1e-3:
        raise SystemExit("another process gives other figures")


def main() -> None:
    """Compare the ways in for a folder, or for a small model."""
    if len(sys.argv) > 1:
        compare(Path(sys.argv[1]))
        return
    with tempfile.TemporaryDirectory() as name:
        save_small_model(Path(name))
        compare(Path(name))


if __name__ == "__main__":
    main()
