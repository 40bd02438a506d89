"""A tokenizer that is a fast tokenizer already is kept, with what stands beside its vocabulary."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

transformers: Any = pytest.importorskip("transformers")
from tests.hypernets.tokenizer_export.families import byte_level_bpe, sentencepiece
from tokkit.errors import UnsupportedError
from tokkit.hypernets.tokenizer_export.exporting import export_tokenizer, reloaded
from tokkit.text.tokenizer import load_tokenizer

TEMPLATE = "{% for m in messages %}{{ m['content'] }}<|endoftext|>{% endfor %}"


@pytest.fixture
def fast(tmp_path: Path) -> Any:
    made = transformers.PreTrainedTokenizerFast(
        tokenizer_object=byte_level_bpe(tmp_path),
        eos_token="<|endoftext|>",
        pad_token="<|pad|>",
        model_max_length=77,
        chat_template=TEMPLATE,
        padding_side="left",
    )
    made.add_tokens(["<user>", " indented"])
    return made


def assert_kept(made: Any, fast: Any) -> None:
    for each in (made, reloaded(made)):
        assert json.loads(each.backend_tokenizer.to_str()) == json.loads(
            fast.backend_tokenizer.to_str()
        )
        assert (each.eos_token, each.pad_token) == ("<|endoftext|>", "<|pad|>")
        assert (each.model_max_length, each.padding_side) == (77, "left")
        assert each.chat_template == TEMPLATE
        assert each.get_added_vocab() == fast.get_added_vocab()


def test_a_loaded_tokenizer_is_kept_and_copied(fast: Any) -> None:
    made = export_tokenizer(fast, max_length=5)
    assert made.kept
    assert made.tokenizer is not fast
    assert_kept(made.tokenizer, fast)


def test_a_saved_folder_is_kept(fast: Any, tmp_path: Path) -> None:
    fast.save_pretrained(tmp_path / "saved")
    assert_kept(export_tokenizer(tmp_path / "saved").tokenizer, fast)
    assert_kept(export_tokenizer(tmp_path / "saved" / "tokenizer.json").tokenizer, fast)


def test_a_class_with_rules_of_its_own_is_kept_by_its_file(tmp_path: Path) -> None:
    """`LlamaTokenizer` puts its own pretokenizer in place of the file's when it is loaded."""
    path = sentencepiece(tmp_path)
    plain = export_tokenizer(path).tokenizer
    plain.save_pretrained(tmp_path / "llama")
    llama = transformers.LlamaTokenizer.from_pretrained(tmp_path / "llama")
    made = export_tokenizer(llama)
    assert type(made.tokenizer) is transformers.PreTrainedTokenizerFast
    assert made.tokenizer("  a\n\nb")["input_ids"] == llama("  a\n\nb")["input_ids"]


@pytest.mark.slow
@pytest.mark.parametrize("beside", ["llama", "gemma3_text", "mistral"])
def test_the_model_beside_it_does_not_change_what_is_loaded(tmp_path: Path, beside: str) -> None:
    made = export_tokenizer(sentencepiece(tmp_path)).tokenizer
    made.save_pretrained(tmp_path / "both")
    transformers.AutoConfig.for_model(beside).save_pretrained(tmp_path / "both")
    again = transformers.AutoTokenizer.from_pretrained(tmp_path / "both", local_files_only=True)
    assert again.backend_tokenizer.to_str() == made.backend_tokenizer.to_str()


def test_what_stands_beside_a_file_is_taken_over(tmp_path: Path) -> None:
    path = sentencepiece(tmp_path, pad_id=3, pad_piece="<pad>")
    config = {
        "bos_token": "<s>", "eos_token": {"content": "</s>"}, "pad_token": "<pad>",
        "add_bos_token": True, "add_eos_token": True, "model_max_length": 123,
        "chat_template": TEMPLATE,
    }  # fmt: skip
    (path.parent / "tokenizer_config.json").write_text(json.dumps(config))
    fast = export_tokenizer(path).tokenizer
    assert (fast.bos_token, fast.eos_token, fast.pad_token) == ("<s>", "</s>", "<pad>")
    assert fast.model_max_length == 123
    assert fast.chat_template == TEMPLATE
    ids = fast("sea")["input_ids"]
    assert (ids[0], ids[-1]) == (fast.bos_token_id, fast.eos_token_id)


@pytest.mark.slow
def test_a_table_of_replacements_is_refused_by_name(tmp_path: Path) -> None:
    path = sentencepiece(tmp_path, normalization_rule_name="nmt_nfkc")
    with pytest.raises(UnsupportedError, match="precompiled_charsmap"):
        export_tokenizer(path)


def test_ids_that_the_library_places_elsewhere_are_as_the_file_declares(tmp_path: Path) -> None:
    document = json.loads(byte_level_bpe(tmp_path).to_str())
    document["added_tokens"].append(
        {"id": 900, "content": "<far>", "special": True, "single_word": False, "lstrip": False,
         "rstrip": False, "normalized": False}
    )  # fmt: skip
    path = tmp_path / "tokenizer.json"
    path.write_text(json.dumps(document))
    assert load_tokenizer(path).spec.runtime_ids
    made = export_tokenizer(path)
    assert not made.kept
    assert made.tokenizer.convert_tokens_to_ids("<far>") == 900
    assert made.tokenizer("sea <far>")["input_ids"] == made.text.encode("sea <far>", specials=True)
    assert any("as declared" in note for note in made.notes)
    loaded = transformers.PreTrainedTokenizerFast(tokenizer_file=str(path))
    assert export_tokenizer(loaded).tokenizer.convert_tokens_to_ids("<far>") == 400
