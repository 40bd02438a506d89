"""Does a GPU give what the CPU gives, and how fast is it?

One command, under eight minutes; it prints what was checked and some tables, and fails if a check
did. Small random models, in float64, float32 and bfloat16, are asked on both: next-byte laws of a
known text and of one that is read byte by byte; texts with proposals, without, in batches, and by
an ensemble; the losses of the first steps of trainings. In float64 texts must be equal byte by
byte. In half precision laws may be as far from the CPU's float32 as those of the CPU's own half
precision are, times two.

The tables are wall time of a real model: exact scores beside plain passes, and writing with and
without proposals, alone and eight side by side, beside `generate` of transformers in tokens. What
does not fit into the time that is left is left out, and named.

    python benchmarks/on_gpu.py [--device cuda] [--model smollm2] [--dtype bfloat16]
        [--seconds 450] [--no-tables]

`--device cpu` runs the same checks without a GPU, of the CPU against itself.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

if __name__ == "__main__":  # so that it runs by its path, from anywhere
    sys.path.insert(0, str(Path(__file__).parents[1]))

TEXT = b"The history of the city begins in the twelfth century, when the river was bridged. " * 2
PROMPTS = (b"The city", b"A river\n", b"", b"In the year 1", b"def f(x):\n    ")
N_BYTES = 24
LAWS: tuple[dict[str, Any], ...] = ({"temperature": 0}, {"temperature": 1.0})
ROUNDING = {"float64": 1e-9, "float32": 1e-4}
"""Of a total variation between next-byte laws, at most."""
LOSS_ROUNDING = 2e-3
"""Of a loss of the first steps of a training in float32, as a share of it."""
N_STEPS = 5
LENGTHS = (1000, 2000, 4000, 8000)
WRITTEN = 200  # bytes


@dataclass(frozen=True)
class Check:
    """One comparison of the device with the CPU.

    Attributes:
        what: was compared.
        found: the difference; 1 where what must be equal is not.
        allowed: at most.
    """

    what: str
    found: float
    allowed: float

    @property
    def holds(self) -> bool:
        """Whether the difference is within what is allowed."""
        return self.found <= self.allowed

    def __str__(self) -> str:
        verdict = "ok" if self.holds else "FAILED"
        return f"{verdict:6} {self.what}: {self.found:.2g} (at most {self.allowed:.2g})"


def toy_lm(device: str, dtype: str, seed: int = 0) -> Any:
    """A byte-level model of a small random Llama, the same numbers on any device."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    import tokkit
    from tokkit.bytelm.token_models.transformers.token_lm import TransformersLM
    from tokkit.models.subword.vocabulary import train_tokenizer

    tokenizer = train_tokenizer([TEXT], vocab_size=300)
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=tokenizer.vocab_size,
        hidden_size=64,
        intermediate_size=96,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=512,
        initializer_range=0.3,
        bos_token_id=0,
        eos_token_id=1,
        pad_token_id=0,
    )
    llama: Any = LlamaForCausalLM(config)
    model = llama.to(device, getattr(torch, dtype))
    return tokkit.ByteLM(TransformersLM(model, tokenizer, bos_ids=0, eos_ids=1, name=f"toy {seed}"))


def variation(one: Any, other: Any) -> float:
    """The largest total variation between the rows of two arrays of log-probabilities."""
    return float(np.abs(np.exp(one) - np.exp(other)).sum(-1).max()) / 2


def read_by_bytes(lm: Any, data: bytes) -> Any:
    """The law before each byte and after the last, as a stream finds it."""
    rows: list[Any] = []
    state = lm.open()
    for byte in data:
        rows.append(state.logprobs())
        state.push(bytes([byte]))
    return np.stack([*rows, state.logprobs()])


def checks_of_laws(device: str) -> Iterator[Check]:
    """Known texts and texts read byte by byte, in each precision."""
    exact = toy_lm("cpu", "float32").open().score(TEXT)
    for dtype in ("float64", "float32", "bfloat16"):
        lm, cpu = toy_lm(device, dtype), toy_lm("cpu", dtype)
        expected = cpu.open().score(TEXT)
        allowed = ROUNDING.get(dtype)
        if allowed is None:
            expected, allowed = exact, 2 * variation(expected, exact) + 1e-3
        yield Check(f"{dtype}: a known text", variation(lm.open().score(TEXT), expected), allowed)
        found = read_by_bytes(lm, TEXT[:N_BYTES])
        yield Check(f"{dtype}: byte by byte", variation(found, expected[: N_BYTES + 1]), allowed)


def checks_of_texts(device: str) -> Iterator[Check]:
    """Texts in float64, which must be equal: with proposals, in batches, by an ensemble."""
    import tokkit

    def models(where: str) -> dict[str, Any]:
        members = [toy_lm(where, "float64", seed) for seed in (0, 1)]
        return {"one model": members[0], "an ensemble": tokkit.ByteEnsemble(members)}

    ours, theirs = models(device), models("cpu")
    for name, lm in ours.items():
        for law in LAWS:
            at = f"{name}, temperature {law['temperature']}"
            asked: dict[str, Any] = {"max_bytes": N_BYTES, **law}
            expected = _one_by_one(theirs[name], asked)
            for way, run in WAYS.items():
                yield Check(f"texts of {at}, {way}", float(run(lm, asked) != expected), 0.0)


def _one_by_one(lm: Any, asked: dict[str, Any]) -> list[bytes]:
    return [lm.generate(p, seed=k, speculate=False, **asked) for k, p in enumerate(PROMPTS)]


def _with_proposals(lm: Any, asked: dict[str, Any]) -> list[bytes]:
    return [lm.generate(p, seed=k, **asked) for k, p in enumerate(PROMPTS)]


def _side_by_side(lm: Any, asked: dict[str, Any]) -> list[bytes]:
    return lm.generate_batch(PROMPTS, seed=0, **asked)


def _come_and_go(lm: Any, asked: dict[str, Any]) -> list[bytes]:
    import tokkit

    batch = tokkit.Batch(lm)
    handles: list[Any] = []
    for k, prompt in enumerate(PROMPTS):
        handles.append(batch.add(tokkit.Request(prompt, seed=k, **asked)))
        batch.step()
    while batch.n_running or batch.n_waiting:
        batch.step()
    return [handle.text for handle in handles]


WAYS: dict[str, Callable[[Any, dict[str, Any]], list[bytes]]] = {
    "one by one": _one_by_one,
    "with proposals": _with_proposals,
    "side by side": _side_by_side,
    "coming and going": _come_and_go,
}


def checks_of_training(device: str) -> Iterator[Check]:
    """The losses of the first steps of trainings in float32, and what was learned, moved back."""
    import torch

    from tokkit.models import (
        ByteConfig,
        ByteTransformer,
        LabelledGraph,
        StackConfig,
        SubwordConfig,
        SubwordTransformer,
        Texts,
        VQGraph,
        VQGraphConfig,
        VQGraphRecipe,
    )
    from tokkit.models.subword.vocabulary import train_tokenizer
    from tokkit.models.training import TrainingOptions, train

    stack = StackConfig(width=32, n_layers=2, n_heads=2)
    tokenizer = train_tokenizer([TEXT], vocab_size=300)
    texts = Texts(TEXT * 8, batch_bytes=256, window_bytes=64)
    random = np.random.default_rng(0)
    graph = LabelledGraph(
        random.random((40, 8)).astype(np.float32),
        random.integers(0, 40, (2, 120)),
        np.arange(40) % 3,
        np.arange(15),
        np.arange(15, 30),
    )
    recipe = VQGraphRecipe(dropout=0.0, node_dropout=0.0, sample=8, teacher_steps=N_STEPS - 1)
    config = VQGraphConfig(8, 3, n_codes=8, width=16, hops=2, hidden=16, recipe=recipe)
    kinds: dict[str, tuple[Callable[[], Any], Any]] = {
        "bytes": (lambda: ByteTransformer(ByteConfig(stack)), texts),
        "tokens": (lambda: SubwordTransformer(SubwordConfig(stack), tokenizer), texts),
        "a graph's tokenizer": (lambda: VQGraph(config), graph),
    }
    for name, (make, data) in kinds.items():
        losses: list[Any] = []
        for is_ours, where in enumerate(("cpu", device)):
            torch.manual_seed(0)
            model = make()
            options = TrainingOptions(steps=N_STEPS, evaluations=0, device=where)
            records = train(model, data, options).records
            losses.append(np.array([each.loss for each in records if each.loss is not None]))
            if is_ours and isinstance(data, Texts):
                model.eval()
                there = model.open().score(TEXT[:N_BYTES])
                here = model.to("cpu").open().score(TEXT[:N_BYTES])
                gap = variation(there, here)
                yield Check(f"laws of a model of {name} after it", gap, ROUNDING["float32"])
        gap = float(np.abs(losses[1] / losses[0] - 1).max())
        yield Check(f"losses of a training on {name}", gap, LOSS_ROUNDING)


class Tables:
    """What the real model takes, in wall time."""

    def __init__(self, lm: Any, device: str) -> None:
        self._lm, self._device = lm, device
        self._model: Any = lm.token_lm.shared_parts[0]

    def seconds(self, run: Callable[[], object]) -> float:
        """Of one run, to the end of what it has begun on the device."""
        import torch

        began = time.perf_counter()
        run()
        if self._device.startswith("cuda"):
            torch.cuda.synchronize()
        return time.perf_counter() - began

    def plain(self, ids: Sequence[int]) -> None:
        """A plain pass of the model over ids."""
        import torch

        with torch.inference_mode():
            self._model(torch.tensor([ids], device=self._device), use_cache=False)

    def score(self, n_bytes: int) -> str:
        """A row of the table of known texts; the second of two runs."""
        from benchmarks.shared.passages import passages, pydoc_topics

        lm = self._lm
        data = passages(pydoc_topics(), n=1, n_bytes=n_bytes, seed=1)[0]
        ids = lm.tokenizer.encode(data)
        n_heads = 1 + len(lm.open().cover.push(data))
        rows = (ids * (n_heads // len(ids) + 1))[:n_heads]
        runs = (partial(lm.logprob, data), partial(self.plain, ids), partial(self.plain, rows))
        score, tokens, heads = (min(self.seconds(run) for _ in range(2)) for run in runs)
        return (
            f"| {n_bytes:,} | {n_heads:,} | {score:.2f} | {tokens:.3f} | {heads:.3f} "
            f"| {score / heads:.1f} |"
        )

    def writing(self, law: dict[str, Any]) -> str:
        """A row of the table of written texts: bytes a second."""
        prompt, lm = TEXT.decode(), self._lm
        asked: dict[str, Any] = {"max_bytes": WRITTEN, "seed": 0, **law}
        found = lm.generate(prompt, **asked)  # warm
        single = len(found) / self.seconds(lambda: lm.generate(prompt, **asked))
        plain = lm.generate(prompt, speculate=False, **asked)
        slow = len(plain) / self.seconds(lambda: lm.generate(prompt, speculate=False, **asked))
        texts: list[bytes] = []
        took = self.seconds(lambda: texts.extend(lm.generate_batch([prompt] * 8, **asked)))
        return (
            f"| {law['temperature']} | {slow:.0f} | {single:.0f} | {self._in_tokens(law):.0f} "
            f"| {sum(map(len, texts)) / took:.0f} | {'yes' if plain == found else 'no'} |"
        )

    def _in_tokens(self, law: dict[str, Any]) -> float:
        import torch

        ids = torch.tensor([self._lm.tokenizer.encode(TEXT)], device=self._device)
        sample = {"do_sample": True, "top_k": 0, **law} if law["temperature"] else {}
        made: list[Any] = []

        def run() -> None:
            made[:] = self._model.generate(
                ids,
                attention_mask=torch.ones_like(ids),
                max_new_tokens=WRITTEN // 4,
                pad_token_id=0,
                **sample,
            )

        run()
        took = self.seconds(run)
        new = made[0][ids.shape[1] :].tolist()
        return sum(len(self._lm.tokenizer.token_bytes(token)) for token in new) / took


def print_tables(lm: Any, device: str, until: float) -> None:
    """Both, as far as the time goes."""
    tables = Tables(lm, device)
    scores = "| bytes | heads | exact score, s | plain pass of the tokens | of as many | ratio |"
    written = "| temperature | bytes/s one by one | with proposals | tokens | eight texts | same |"
    parts: list[tuple[str, list[Callable[[], str]]]] = [
        (scores, [partial(tables.score, n) for n in LENGTHS]),
        (written, [partial(tables.writing, law) for law in LAWS]),
    ]
    for header, rows in parts:
        print(f"\n{header}\n{'|---' * (header.count('|') - 1)}|")
        took = 0.0
        for k, row in enumerate(rows):
            began = time.perf_counter()
            if began + 3 * took > until:  # the next is at most about three times as long
                print(f"(left out for want of time: {len(rows) - k} rows)")
                break
            print(row(), flush=True)
            took = time.perf_counter() - began


def why_not(device: str) -> str | None:
    """Why nothing can be checked on a device, or None."""
    missing = [name for name in ("torch", "transformers") if not importlib.util.find_spec(name)]
    if missing:
        return f"needs {' and '.join(missing)}"
    import torch

    if device.startswith("cuda") and not torch.cuda.is_available():
        return "no CUDA device here"
    return None


def main(arguments: Sequence[str] | None = None) -> int:
    """Check, and print the tables; 1 where a check failed."""
    parser = argparse.ArgumentParser(description="Does a GPU give what the CPU gives?")
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--model", default="smollm2", help="of the tables (smollm2)")
    parser.add_argument("--dtype", default="bfloat16", help="of it (bfloat16)")
    parser.add_argument("--seconds", type=float, default=450.0, help="for everything (450)")
    parser.add_argument("--no-tables", action="store_true", help="only the checks")
    options = parser.parse_args(arguments)
    until = time.perf_counter() + options.seconds
    reason = why_not(options.device)
    if reason is not None:
        print(f"on_gpu: {reason}; nothing was checked (--device cpu runs the checks without one)")
        return 0
    from benchmarks.shared.machine import run_description

    print("\n".join(run_description("torch", "transformers").splitlines()[:-1]))
    if options.device.startswith("cuda"):
        import torch

        print(f"device: {torch.cuda.get_device_name(options.device)}")
    failed = 0
    for group in (checks_of_laws, checks_of_texts, checks_of_training):
        for check in group(options.device):
            print(check, flush=True)
            failed += not check.holds
    print(f"{failed} checks failed" if failed else "every check holds")
    if not options.no_tables:
        import tokkit

        lm = tokkit.load_lm(options.model, device=options.device, dtype=options.dtype)
        print(f"\n{lm.name}, {options.dtype} on {options.device}; wall time")
        print_tables(lm, options.device, until)
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
