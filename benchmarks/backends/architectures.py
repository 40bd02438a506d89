"""Which causal types of transformers does tokkit evaluate as a plain pass does?

Every type that transformers maps to a causal language model is built small, with random weights
(`small_models`), saved, and loaded by `tokkit.load_lm` as anybody would load it. Then contexts in a
tree with forks, asked for over several calls while some branches die, and a batch of unlike
lengths, all reaching beyond windows and switches, are compared with fresh passes of the model as
transformers loads it, one for each context. A type is *right* where the total variation is at most
2e-5 in float32 and 1e-2 in bfloat16; otherwise it must be refused with a typed error. Whether a
type is causal is found from its own passes: a later token must not change an earlier row.

    python -m benchmarks.backends.architectures                # all types; goes on where it was
    python -m benchmarks.backends.architectures --types "phi3;bloom"
    python -m benchmarks.backends.architectures --write        # the table of docs/backends.md

Each type runs in a process of its own, with a limit on time and memory.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
import transformers

import tokkit
from benchmarks.backends.architecture_table import table
from benchmarks.backends.small_models import SWITCH, VOCAB_SIZE, small_config, small_model
from benchmarks.shared.machine import run_description
from benchmarks.shared.places import ROOT
from benchmarks.shared.records import FOLDER, Record, Records, replace_block
from tokkit.bytelm.token_models.transformers.trial.trial_texts import total_variation
from tokkit.errors import TokkitError

PAGE = ROOT / "docs" / "backends.md"
DTYPES = ("float32", "bfloat16")
ALLOWED = {"float32": 2e-5, "bfloat16": 1e-2}
PREFIXES = (2, 8, 9, 17, 40)
MAX_PARAMETERS = 8_000_000
TIME_LIMIT = 120
MEMORY_LIMIT = 16 << 30

LONGROPE = {
    "rope_type": "longrope",
    "rope_theta": 10000.0,
    "short_factor": [1.0] * 8,
    "long_factor": [1.0 + k for k in range(8)],
    "factor": 4.0,
    "original_max_position_embeddings": SWITCH,
}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    "phi3, LongRoPE": (
        "phi3",
        {"rope_parameters": LONGROPE, "original_max_position_embeddings": SWITCH},
    ),
    "llama, LongRoPE": ("llama", {"rope_parameters": LONGROPE}),
    "mistral, LongRoPE": ("mistral", {"rope_parameters": LONGROPE}),
    "llama, dynamic rope": (
        "llama",
        {"rope_parameters": {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}},
    ),
    "falcon, ALiBi": ("falcon", {"alibi": True}),
    "falcon, new decoder": ("falcon", {"new_decoder_architecture": True}),
    **{
        f"{kind}, decoder": (kind, {"is_decoder": True})
        for kind in [
            "bert",
            "bert-generation",
            "big_bird",
            "camembert",
            "data2vec-text",
            "electra",
            "ernie",
            "megatron-bert",
            "rembert",
            "roberta",
            "roberta-prelayernorm",
            "roc_bert",
            "roformer",
            "xlm-roberta",
            "xlm-roberta-xl",
            "xmod",
        ]
    },
    "xlm, causal": ("xlm", {"causal": True}),
    "reformer, seeded": ("reformer", {"hash_seed": 1}),
}


def types() -> list[str]:
    """The types that there are, then the variants."""
    from transformers.models.auto import modeling_auto

    return [*modeling_auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES, *VARIANTS]


def build(kind: str) -> Any:
    """The small model of a type or variant.

    Raises:
        ValueError: it would not be small.
    """
    base, changes = VARIANTS.get(kind, (kind, {}))
    config = small_config(base, **changes)
    auto_model: Any = transformers.AutoModelForCausalLM
    with torch.device("meta"):
        skeleton = auto_model.from_config(config)
    n_parameters = sum(weight.numel() for weight in skeleton.parameters())
    if n_parameters > MAX_PARAMETERS:
        raise ValueError(f"{n_parameters:,} parameters, and the sizes that matter are not known")
    return small_model(config)


def contexts() -> list[list[int]]:
    """Ids behind BOS: a trunk, forks of it at several depths, forks of forks, other beginnings."""
    generator = np.random.default_rng(3)
    trunk = generator.integers(3, 270, 40).tolist()
    found = [trunk[:n] for n in PREFIXES]
    for fork in (7, 14, 39):
        branch = [*trunk[:fork], *generator.integers(3, 270, 6).tolist()]
        found.append(branch)
        found.append([*branch[:-3], *generator.integers(3, 270, 12).tolist()])
    found += [generator.integers(3, 270, n).tolist() for n in (1, 30)]
    return found


def reference(model: Any, ids: Sequence[int]) -> np.ndarray:
    """float32 (V,): log-probabilities after `ids` from a fresh pass, through none of tokkit."""
    with torch.inference_mode():
        logits = model(input_ids=torch.tensor([list(ids)]), use_cache=False).logits[0, -1]
        return torch.log_softmax(logits.float(), dim=-1).numpy()


def is_causal(model: Any) -> bool:
    """Whether rows stay when later tokens change; float32."""
    beginnings = [1, 5, 7, 11]
    rows: list[Any] = []
    for rest in ([13, 17, 19, 23, 29], [31, 37, 41, 43, 47]):
        with torch.inference_mode():
            logits = model(input_ids=torch.tensor([[*beginnings, *rest]]), use_cache=False).logits
        rows.append(logits[0, : len(beginnings)].float())
    return bool((rows[0] - rows[1]).abs().max() < 1e-3 * rows[0].std())


def found_rows(token_lm: Any, texts: list[list[int]], forest: bool) -> np.ndarray:
    """What tokkit says after each text: as a tree over several calls, or as one batch."""
    if forest:
        return token_lm.next_token_logprobs(texts)
    session = token_lm.session()
    rows: list[np.ndarray] = []
    nodes: dict[tuple[int, ...], Any] = {(): session.root}
    for ids in texts:
        for n in range(1, len(ids) + 1):
            if tuple(ids[:n]) not in nodes:
                nodes[tuple(ids[:n])] = session.extend(nodes[tuple(ids[: n - 1])], ids[n - 1])
    for start in range(0, len(texts), 3):
        part = texts[start : start + 3]
        rows.append(session.logprobs([nodes[tuple(ids)] for ids in part]))
        if start % 2:  # nobody holds the other branches any more
            nodes = {key: node for key, node in nodes.items() if _needed(key, texts[start + 3 :])}
        compact = getattr(session, "compact", None)
        if compact is not None and start % 2:
            compact()
    return np.concatenate(rows)


def _needed(key: tuple[int, ...], texts: list[list[int]]) -> bool:
    return not key or any(tuple(ids[: len(key)]) == key for ids in texts)


def byte_tokenizer() -> Any:
    """A tokenizer of bytes with a few merges, whose ids are fewer than the models' columns."""
    from tokenizers import ByteLevelBPETokenizer

    bpe = ByteLevelBPETokenizer()
    text = "the cat sat on the mat. the cats sat on the mats.\n" * 3
    bpe.train_from_iterator(
        [text], vocab_size=280, special_tokens=["<s>", "</s>"], show_progress=False
    )
    with tempfile.TemporaryDirectory() as folder:
        bpe.save(f"{folder}/tokenizer.json")
        return tokkit.load_tokenizer(f"{folder}/tokenizer.json")


def examine(kind: str, tokenizer: Any) -> Record:
    """One type in both precisions."""
    try:
        model = build(kind)
        causal = is_causal(model)
    except Exception as error:
        return {"status": "not built", "why": f"{type(error).__name__}: {_short(error)}"}
    record: Record = {"causal": causal}
    with tempfile.TemporaryDirectory() as folder:
        try:
            model.save_pretrained(folder)
        except Exception as error:
            return {
                "status": "not built",
                "why": f"saving: {type(error).__name__}: {_short(error)}",
            }
        for dtype in DTYPES:
            record[dtype] = measure(folder, dtype, tokenizer)
    return record


def measure(folder: str, dtype: str, tokenizer: Any) -> Record:
    """One saved model in one precision: how it was evaluated, and how far off it was."""
    auto_model: Any = transformers.AutoModelForCausalLM
    started = time.process_time()
    try:
        lm = tokkit.load_lm(folder, tokenizer=tokenizer, dtype=dtype)
    except TokkitError as error:
        why = _short(error).replace(folder, "the folder").replace(Path(folder).name, "the model")
        return {"status": "refused", "why": f"{type(error).__name__}: {why}"}
    except Exception as error:
        return {"status": "raised", "why": f"{type(error).__name__}: {_short(error)}"}
    loading = time.process_time() - started
    texts = contexts()[:: DTYPES.index(dtype) + 1]
    plain = auto_model.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()
    token_lm: Any = lm.token_lm
    bos: list[int] = list(token_lm.bos_ids)
    try:
        expected = [reference(plain, [*bos, *ids])[: tokenizer.vocab_size] for ids in texts]
    except Exception as error:
        why = f"a plain pass fails in {dtype}: {type(error).__name__}: {_short(error)}"
        return {"status": "not measured", "why": why}
    record: Record = {"way": getattr(token_lm, "way", "tree"), "loading": round(loading, 2)}
    try:
        rows = [row for forest in (False, True) for row in found_rows(token_lm, texts, forest)]
    except Exception as error:
        return {"status": "raised", "why": f"{type(error).__name__}: {_short(error)}", **record}
    gaps = [total_variation(row, law) for row, law in zip(rows, expected * 2, strict=True)]
    worst = max(gaps)
    right = worst <= ALLOWED[dtype]
    whole = plain if dtype == "float32" else auto_model.from_pretrained(folder, dtype=torch.float32)
    exact = [reference(whole.eval(), [*bos, *ids])[: tokenizer.vocab_size] for ids in texts]
    return {
        "status": "right" if right else "wrong",
        "tv": worst,
        "tv_median": float(np.median(gaps)),
        "own": _own_rounding(plain, bos, texts, expected),
        "precision": max(map(total_variation, expected, exact)),
        "mass": float(np.exp(np.array(expected)).max(axis=1).mean()),
        **record,
    }


def _own_rounding(
    plain: Any, bos: list[int], texts: list[list[int]], expected: list[np.ndarray]
) -> float:
    """The largest total variation between rows of one plain pass and fresh passes."""
    trunk = contexts()[len(PREFIXES) - 1]
    with torch.inference_mode():
        logits = plain(input_ids=torch.tensor([[*bos, *trunk]]), use_cache=False).logits[0]
        rows = torch.log_softmax(logits.float(), dim=-1).numpy()
    return max(
        total_variation(rows[len(bos) + len(ids) - 1, : len(law)], law)
        for ids, law in zip(texts, expected, strict=True)
        if ids == trunk[: len(ids)]
    )


def _short(error: BaseException) -> str:
    return " ".join(str(error).split())[:400]


def in_child(work: Callable[[], Record]) -> Record:
    """What `work` returns in a process of its own, or what stopped it."""
    with tempfile.NamedTemporaryFile() as answer:
        child = os.fork()
        if not child:
            resource.setrlimit(resource.RLIMIT_AS, (MEMORY_LIMIT, MEMORY_LIMIT))
            resource.setrlimit(resource.RLIMIT_CPU, (TIME_LIMIT, TIME_LIMIT))
            try:
                Path(answer.name).write_text(json.dumps(work()))
            finally:
                os._exit(0)
        _, status = os.waitpid(child, 0)
        text = Path(answer.name).read_text()
    if text:
        return json.loads(text)
    why = signal.Signals(status & 127).name if status & 127 else "no answer"
    return {"status": "not built", "why": f"the process ended ({why})"}


def main() -> None:
    """Examine the types that the records lack, and print where each stands."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--types", help="only these, separated by semicolons; variants by their name"
    )
    parser.add_argument("--records", type=Path, default=FOLDER / "architectures.jsonl")
    parser.add_argument("--write", action="store_true", help="write the table of docs/backends.md")
    parser.add_argument("--part", help="K/N: every Nth type from the Kth on")
    options = parser.parse_args()
    torch.set_num_threads(1)
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    wanted = [kind.strip() for kind in options.types.split(";")] if options.types else types()
    if options.part:
        k, n = (int(number) for number in options.part.split("/"))
        wanted = wanted[k - 1 :: n]
    settings = {"transformers": transformers.__version__, "torch": torch.__version__}
    records = Records(options.records, settings, run_description("transformers", "torch"))
    tokenizer = byte_tokenizer()
    assert tokenizer.vocab_size <= VOCAB_SIZE
    for kind in wanted:
        if kind not in records:
            records.add(kind, in_child(lambda kind=kind: examine(kind, tokenizer)))
    for record in records:
        if record["key"] in wanted:
            print(line(record))
    if options.write:
        n_found = len([record for record in records if record["key"] in types()])
        counted = f"Measured: {n_found} of {len(types())} types and variants of them."
        text = f"{counted}\n\n{table(records, ALLOWED)}\n\n```text\n{records.header}\n```"
        replace_block(PAGE, "architectures", text)


def line(record: Record) -> str:
    """One type's results on a line."""
    if "float32" not in record:
        return f"{record['key']:24} {record['status']}: {record['why']}"
    parts = [f"{record['key']:24} {'causal' if record['causal'] else 'bidirectional':14}"]
    for dtype in DTYPES:
        found = record.get(dtype, {"status": "not measured", "why": ""})
        if "tv" in found:
            parts.append(
                f"{dtype}: {found['status']} ({found['way']}, {found['tv']:.1e}, "
                f"{found['loading']} s)"
            )
        else:
            parts.append(f"{dtype}: {found['status']} {found['why'][:160]}")
    return " | ".join(parts)


if __name__ == "__main__":
    sys.exit(main())
