"""A GGUF file gives the logits and the ids of the model that was written, or is not written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tokenizers
from tokenizers import pre_tokenizers

torch: Any = pytest.importorskip("torch")
transformers: Any = pytest.importorskip("transformers")
gguf: Any = pytest.importorskip("gguf")
pytest.importorskip("sentencepiece")
from tests.hypernets.plain_models.toy_models import END, logits, toy_model, toy_tokenizer
from tests.hypernets.tokenizer_export.families import (
    bert_vocabulary,
    byte_level_bpe,
    like_gemma,
    sentencepiece,
    squeezing,
    tiktoken_encoding,
    unigram,
)
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.hypernets.gguf_export.architectures import ARCHITECTURES
from tokkit.hypernets.gguf_export.writing import save_gguf
from tokkit.hypernets.plain_models.replacing import replace_vocabulary
from tokkit.hypernets.plain_models.source_models import load_source
from tokkit.hypernets.plain_models.vocabulary_layers import input_rows
from tokkit.hypernets.tokenizer_export.exporting import ExportedTokenizer, export_tokenizer
from tokkit.text.formats.patterns import CL100K, QWEN2
from tokkit.text.tokenizer import load_tokenizer

TEXTS = (
    "The sea shells she sells,\n are  surely sea shells.",
    f"naïve {END} 日本 1234 doesn't\n\n x",
)
OPTIONS: dict[str, dict[str, Any]] = {
    "mistral": {"sliding_window": None},
    "gpt2": {"n_positions": 1024},
    "gemma3_text": {
        "num_hidden_layers": 7, "head_dim": 256, "query_pre_attn_scalar": 256,
        "num_attention_heads": 2, "num_key_value_heads": 1,
    },
}  # fmt: skip
"""So that more of an architecture is there, and nothing that a file cannot say."""
LOADED_AS = {"mistral": "LlamaForCausalLM"}
"""llama.cpp knows one architecture for both."""
SCALED = {"rope_type": "linear", "factor": 2.0, "rope_theta": 1e4}
KINDS = pytest.mark.parametrize(
    "kind",
    [
        each if each == "llama" else pytest.param(each, marks=pytest.mark.slow)
        for each in ARCHITECTURES
    ],
)
SLOW = pytest.mark.slow
TIED = pytest.mark.parametrize("tied", [True, False])


@pytest.fixture(scope="module")
def target() -> ExportedTokenizer:
    return export_tokenizer(toy_tokenizer())


def written(kind: str, target: ExportedTokenizer, folder: Path, **options: Any) -> tuple[Any, Path]:
    given = OPTIONS.get(kind, {}) | options
    model = toy_model(kind, target.text.vocab_size, **given)
    path = folder / "model.gguf"
    saved = save_gguf(model, target, path)
    assert saved.path == path
    return model, path


@KINDS
@TIED
def test_a_file_gives_the_same_logits(
    kind: str, tied: bool, target: ExportedTokenizer, tmp_path: Path
) -> None:
    model, path = written(kind, target, tmp_path, tie_word_embeddings=tied)
    ids = target.text.encode(TEXTS[0])
    expected = logits(model, ids)
    source = load_source(path)
    assert type(source.model).__name__ == LOADED_AS.get(kind, type(model).__name__)
    torch.testing.assert_close(logits(source.model, ids), expected, rtol=1e-4, atol=1e-4)
    assert (
        source.model.get_output_embeddings().weight is source.model.get_input_embeddings().weight
    ) == tied
    by_transformers = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path, gguf_file=path.name
    )
    torch.testing.assert_close(logits(by_transformers.eval(), ids), expected, rtol=1e-4, atol=1e-4)
    source.model.save_pretrained(tmp_path / "again")  # what came of a GGUF file can be saved


@KINDS
def test_a_long_text_gives_the_same_logits(
    kind: str, target: ExportedTokenizer, tmp_path: Path
) -> None:
    """Positions count: a rope or a window that was lost shows only far into a text."""
    model, path = written(kind, target, tmp_path)
    ids = (target.text.encode(TEXTS[0]) * 3)[:60]
    torch.testing.assert_close(
        logits(load_source(path).model, ids), logits(model, ids), rtol=1e-4, atol=1e-4
    )


def test_the_file_is_a_sound_one_to_gguf_itself(target: ExportedTokenizer, tmp_path: Path) -> None:
    model, path = written("llama", target, tmp_path)
    reader = gguf.GGUFReader(path)
    fields = {key: field.contents() for key, field in reader.fields.items()}
    assert fields["general.architecture"] == "llama"
    assert fields["tokenizer.ggml.model"] == "gpt2"
    assert fields["tokenizer.ggml.pre"] == "gpt-2"
    assert fields["tokenizer.ggml.eos_token_id"] == 0
    assert fields["tokenizer.ggml.padding_token_id"] == 1
    assert len(fields["tokenizer.ggml.tokens"]) == fields["llama.vocab_size"]
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    assert "output.weight" not in tensors  # tied
    halves = model.model.layers[0].self_attn.q_proj.weight.detach().numpy()
    stored = tensors["blk.0.attn_q.weight"].data
    # Rows 0 and 4 of a head of 8 turn together; llama.cpp has them side by side.
    assert (stored[0] == halves[0]).all()
    assert (stored[1] == halves[4]).all()


def tokenizers_of(folder: Path) -> dict[str, Any]:
    named = byte_level_bpe(folder)
    named.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(tokenizers.Regex(QWEN2), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    return {
        "llama": sentencepiece(folder / "one"),
        "like gemma": like_gemma(folder / "two"),
        "ranks": tiktoken_encoding(folder),
        "named": named,
    }


@pytest.mark.parametrize(
    "kind",
    ["llama", "ranks", *(pytest.param(each, marks=SLOW) for each in ("like gemma", "named"))],
)
def test_a_file_gives_the_same_ids(kind: str, tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    made = export_tokenizer(tokenizers_of(tmp_path)[kind])
    _, path = written("llama", made, tmp_path)
    read = load_tokenizer(path)
    for text in TEXTS:
        for specials in (True, False):
            expected = made.text.encode(text, specials=specials)
            assert read.encode(text, specials=specials) == expected
    assert (read.bos_ids, read.special_tokens) == (made.text.bos_ids, made.text.special_tokens)
    fields = gguf.GGUFReader(path).fields
    names = {"ranks": "llama-bpe", "named": "stablelm2"}
    assert fields["tokenizer.ggml.pre"].contents() == names.get(kind, "default")


def test_rows_beyond_the_tokenizer_are_unused_tokens(
    target: ExportedTokenizer, tmp_path: Path
) -> None:
    model = toy_model("llama", target.text.vocab_size + 9)
    save_gguf(model, target, tmp_path / "model.gguf")
    source = load_source(tmp_path / "model.gguf")
    ids = target.text.encode(TEXTS[0])
    assert source.tokenizer.encode(TEXTS[0]) == ids
    torch.testing.assert_close(logits(source.model, ids), logits(model, ids), rtol=1e-4, atol=1e-4)


@SLOW
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_files_are_as_good_as_their_type(
    dtype: str, target: ExportedTokenizer, tmp_path: Path
) -> None:
    model = toy_model("llama", target.text.vocab_size)
    save_gguf(model, target, tmp_path / "model.gguf", dtype=dtype)
    ids = target.text.encode(TEXTS[0])
    off = logits(load_source(tmp_path / "model.gguf").model, ids) - logits(model, ids)
    assert 0 < float(off.abs().max()) < 0.3
    halved = model.to(getattr(torch, dtype))
    save_gguf(halved, target, tmp_path / "half.gguf")
    again = load_source(tmp_path / "half.gguf", dtype=dtype).model
    for key, value in again.state_dict().items():
        assert torch.equal(value, halved.state_dict()[key]), key


def test_a_model_that_transformers_read_from_a_file_is_a_plain_source(
    target: ExportedTokenizer, tmp_path: Path
) -> None:
    """transformers marks it as quantised and refuses to save it; its weights are floats."""
    model, path = written("llama", target, tmp_path)
    loaded = transformers.AutoModelForCausalLM.from_pretrained(tmp_path, gguf_file=path.name)
    source = load_source(loaded, tokenizer=target.text)
    made = replace_vocabulary(source, target, input_rows(source.model)).model
    made.save_pretrained(tmp_path / "saved")
    again = transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "saved")
    ids = target.text.encode(TEXTS[0])
    torch.testing.assert_close(logits(again, ids), logits(model, ids), rtol=1e-4, atol=1e-4)


def refuse(model: Any, target: ExportedTokenizer, folder: Path, match: str) -> None:
    with pytest.raises(UnsupportedError, match=match):
        save_gguf(model, target, folder / "model.gguf")
    assert not list(folder.glob("*model.gguf*"))


@pytest.mark.parametrize(
    ("kind", "options", "match"),
    [
        ("llama", {"attention_bias": True}, "attention_bias"),
        ("llama", {"hidden_act": "gelu"}, "hidden_act"),
        ("llama", {"rope_parameters": SCALED}, "rope"),
        ("mistral", {"sliding_window": 16}, "sliding_window"),
        ("gemma3_text", {"query_pre_attn_scalar": 16}, "query_pre_attn_scalar"),
        ("gemma3_text", {"final_logit_softcapping": 30.0}, "final_logit_softcapping"),
        ("gpt2", {"activation_function": "relu"}, "activation_function"),
        ("gpt2", {"n_inner": 40}, "n_inner"),
        ("phi", {}, "phi"),
        ("bert", {}, "bert"),
    ],
)  # fmt: skip
def test_a_model_that_a_file_cannot_say_is_refused(
    kind: str, options: dict[str, Any], match: str, target: ExportedTokenizer, tmp_path: Path
) -> None:
    refuse(toy_model(kind, target.text.vocab_size, **options), target, tmp_path, match)


@SLOW
def test_a_tokenizer_that_a_file_cannot_say_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "tokenizers"
    folder.mkdir()
    cases = {
        "cuts that no name": tiktoken_encoding(folder, pattern=CL100K.replace("{1,3}", "{1,5}")),
        "normalises": squeezing(folder),
        "'unigram'": unigram,
        "'wordpiece'": bert_vocabulary,
    }
    for match, source in cases.items():
        made = export_tokenizer(source(folder) if callable(source) else source)
        model = toy_model("llama", made.text.vocab_size)
        refuse(model, made, tmp_path, match)
    assert len(list(folder.iterdir())) == 2


def test_bad_arguments_are_refused(target: ExportedTokenizer, tmp_path: Path) -> None:
    model = toy_model("llama", target.text.vocab_size)
    with pytest.raises(ArgumentError, match="dtype"):
        save_gguf(model, target, tmp_path / "x.gguf", dtype="q4")
    with pytest.raises(ArgumentError, match="rows"):
        save_gguf(toy_model("llama", 200), target, tmp_path / "x.gguf")
