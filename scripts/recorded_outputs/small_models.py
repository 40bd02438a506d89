"""Models that cost nothing: n-grams over the small tokenizers, and random weights."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from scripts.recorded_outputs.drawing import record_draws
from scripts.recorded_outputs.inputs import MODEL, texts
from scripts.recorded_outputs.probabilities import (
    COMBINATIONS,
    TEXT,
    ensemble_scores,
    record_model,
)
from scripts.recorded_outputs.recording import Recording
from scripts.recorded_outputs.toy_tokenizers import END, FIM, TOY_SOURCES

if TYPE_CHECKING:
    import tokkit

NGRAMS = ("bpe", "bpe with marks", "sentencepiece unigram", "RWKV", "wordpiece")
KINDS = ("gpt_neo", "mamba", "gemma2")
"""Types of transformers whose contexts are kept in different ways; besides the one of `MODEL`."""

_SIZES: dict[str, dict[str, Any]] = {
    "gpt_neo": {
        "hidden_size": 32, "num_layers": 2, "num_heads": 2, "window_size": 8,
        "attention_types": [[["global", "local"], 1]], "max_position_embeddings": 256,
    },
    "mamba": {"hidden_size": 32, "num_hidden_layers": 2, "state_size": 8},
    "gemma2": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 16,
        "num_key_value_heads": 1, "intermediate_size": 48, "sliding_window": 8,
        "max_position_embeddings": 256,
    },
    "mistral": {
        "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "head_dim": 16,
        "num_key_value_heads": 1, "intermediate_size": 48, "max_position_embeddings": 512,
    },
}  # fmt: skip


def record_ngrams(recording: Recording) -> None:
    """Probabilities, texts, gaps and ensembles of n-gram models."""
    import tokkit

    models: dict[str, tokkit.ByteLM] = {}
    training = [text for name, text in texts().items() if name in ("english", "python")]
    for name in NGRAMS:
        if f"tokenizers/toys/{name}" in recording.skipped:
            continue
        toy = TOY_SOURCES[name]
        tokenizer = tokkit.load_tokenizer(toy.path, **toy.options)
        end = None if tokenizer.eos_ids or tokenizer.special_tokens else 0
        data = [tokenizer.decode(tokenizer.encode(text, unk="use")) for text in training]
        ngrams = tokkit.NgramLM.train(data, tokenizer, order=3, eos_id=end)
        models[name] = tokkit.ByteLM(ngrams)
        record_model(recording, f"small models/n-gram/{name}", models[name], TEXT)
        record_draws(recording, f"small models/n-gram/{name}", models[name], n_bytes=24)
    members = list(models.values())[:3]
    for combine in COMBINATIONS:
        ensemble = tokkit.ByteEnsemble(members, combine=combine)
        title = f"small models/ensemble/{combine}"
        recording.measure(title, ensemble_scores, ensemble, TEXT[:60])
        record_draws(recording, title, ensemble, n_bytes=8, few=True)
    record_gaps(recording, "small models/gap", models["bpe"])


def record_gaps(recording: Recording, name: str, lm: tokkit.ByteLM) -> None:
    """Middles between a prefix and a suffix, in formats of several orders."""
    import tokkit

    prefix, suffix = "def area(r):\n    retu", "n r\n\ndef"
    files = tokkit.RepositoryFiles("a.py", {"b.py": "def f(x):\n    return x\n"}, name="r")
    own = tokkit.FimFormat("own", f"{FIM[1]}{{suffix}}{FIM[0]}{{prefix}}", ends=(END,))
    for heal in ("none", "prefix", "both"):
        for unit in ("byte", "token"):
            options: dict[str, Any] = {"heal": heal, "unit": unit, "seed": 4}
            title = f"{name}/{heal} by {unit}"
            recording.measure(title, tokkit.infill, lm, prefix, suffix, max_bytes=12, **options)
        for title, options in (("found", {}), ("own", {"fim": own}), ("files", {"context": files})):
            recording.measure(f"{name}/{heal}/{title}", _gap, lm, prefix, suffix, heal, options)
    recording.measure(f"{name}/bad", tokkit.infill, lm, "a", "b", max_bytes=1, fim="qwen")


def _gap(
    lm: tokkit.ByteLM, prefix: str, suffix: str, heal: Any, options: dict[str, Any]
) -> dict[str, object]:
    import tokkit

    gap = tokkit.Infilling(lm, prefix, suffix, heal=heal, tries=3, **options)
    return {
        "format": gap.format.name,
        "frame": [gap.frame.ids, gap.frame.begins, gap.frame.ends],
        "drawn": b"".join(gap.stream(max_bytes=10, seed=1)),
        "scores": [gap.logprob(middle) for middle in (b"rn r", b"", b"rn r + r")],
        "best cut": gap.best_cut(b"rn r * r"),
    }


# -- random weights --------------------------------------------------------------------------------


def _random_model(kind: str, vocab_size: int) -> Any:
    import torch
    import transformers

    quiet: Any = transformers.logging
    quiet.set_verbosity_error()
    quiet.disable_progress_bar()
    mapping: Any = transformers.CONFIG_MAPPING
    config = mapping[kind](
        vocab_size=vocab_size, initializer_range=0.3, bos_token_id=0, eos_token_id=0,
        pad_token_id=None, tie_word_embeddings=True, **_SIZES[kind],
    )  # fmt: skip
    torch.manual_seed(1)
    auto: Any = transformers.AutoModelForCausalLM
    return auto.from_config(config).eval().float()


def write_model(folder: Path, tokenizer: Path) -> None:
    """A folder as transformers writes it, for the command; with a small tokenizer."""
    import tokkit

    size = tokkit.load_tokenizer(tokenizer).vocab_size
    _random_model("mistral", size).save_pretrained(folder)
    (folder / "tokenizer.json").write_bytes(tokenizer.read_bytes())


def record_transformers(recording: Recording) -> None:
    """Models of transformers, from a folder and as they are in memory."""
    import tokkit

    tokenizer = tokkit.load_tokenizer(TOY_SOURCES["bpe"].path)
    name = "small models/transformers/folder"
    lm = tokkit.load_lm(str(MODEL))
    record_model(recording, name, lm, TEXT)
    record_draws(recording, name, lm, n_bytes=16)
    record_gaps(recording, f"{name}/gap", lm)
    for dtype in ("bfloat16", "int8"):
        recording.measure(f"small models/transformers/{dtype}", _rounded, dtype)
    for kind in KINDS:
        model = _random_model(kind, tokenizer.vocab_size)
        lm = tokkit.load_lm((model, tokenizer))
        record_model(recording, f"small models/transformers/{kind}", lm, TEXT)
        record_draws(recording, f"small models/transformers/{kind}", lm, n_bytes=8, few=True)


def _rounded(dtype: str) -> object:
    import tokkit

    return tokkit.load_lm(str(MODEL), dtype=dtype).byte_logprobs(TEXT[:30])
