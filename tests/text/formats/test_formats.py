"""A tokenizer.json is read into a spec that encodes as the `tokenizers` library does."""

import json
import os
from pathlib import Path
from typing import Any, cast

import pytest

tokenizers = pytest.importorskip("tokenizers")
from tokenizers import (
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

from tests.text.format_samples import CORPUS, SAMPLES
from tokkit.errors import UnsupportedError
from tokkit.text.formats.hugging_face.tokenizer_json import read_hf_json
from tokkit.text.formats.patterns import CL100K, GPT2, QWEN2
from tokkit.text.loading import read_spec
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer

BYTE_LEVEL = pre_tokenizers.ByteLevel


def trained(model, trainer_class, *, normalizer=None, pre=None, **options):
    """A small tokenizer, trained by the reference itself."""
    tokenizer = Tokenizer(model)
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    if pre is not None:
        tokenizer.pre_tokenizer = pre
    trainer = trainer_class(vocab_size=500, show_progress=False, **options)
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def byte_bpe(*stages, normalizer=None, prefix=False, use_regex=True):
    last = BYTE_LEVEL(add_prefix_space=prefix, use_regex=use_regex)
    return trained(
        models.BPE(),
        trainers.BpeTrainer,
        normalizer=normalizer,
        pre=pre_tokenizers.Sequence([*stages, last]) if stages else last,
        initial_alphabet=BYTE_LEVEL.alphabet(),
        special_tokens=["<|endoftext|>"],
    )


def char_bpe(normalizer=None, pre=None):
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = trained(
        models.BPE(unk_token="<unk>", byte_fallback=True, fuse_unk=True),
        trainers.BpeTrainer,
        normalizer=normalizer,
        pre=pre,
        special_tokens=["<unk>", "<s>", "</s>"],
    )
    document = json.loads(tokenizer.to_str())
    vocab = document["model"]["vocab"]
    for text in bytes_:
        vocab.setdefault(text, len(vocab))
    return Tokenizer.from_str(json.dumps(document))


def unigram(normalizer=None, pre=None):
    return trained(
        models.Unigram(),
        trainers.UnigramTrainer,
        normalizer=normalizer,
        pre=pre,
        special_tokens=["<unk>", "</s>"],
        unk_token="<unk>",
    )


def wordpiece():
    return trained(
        models.WordPiece(unk_token="[UNK]"),
        trainers.WordPieceTrainer,
        normalizer=normalizers.BertNormalizer(lowercase=True),
        pre=pre_tokenizers.BertPreTokenizer(),
        special_tokens=["[UNK]", "[CLS]", "[SEP]"],
    )


MARKS = normalizers.Replace(" ", "▁")
LIBRARY_CASES = {
    "byte level": byte_bpe,
    "byte level, prefix space": lambda: byte_bpe(prefix=True),
    "digits then byte level": lambda: byte_bpe(pre_tokenizers.Digits(individual_digits=True)),
    "digit runs": lambda: byte_bpe(pre_tokenizers.Digits(individual_digits=False)),
    "punctuation": lambda: byte_bpe(pre_tokenizers.Punctuation("contiguous")),
    "cl100k": lambda: byte_bpe(
        pre_tokenizers.Split(Regex(CL100K), "isolated"), use_regex=False
    ),
    "cl100k, inverted and removed": lambda: byte_bpe(
        pre_tokenizers.Split(Regex(CL100K), "removed", invert=True), use_regex=False
    ),
    "qwen2 with NFC": lambda: byte_bpe(
        pre_tokenizers.Split(Regex(QWEN2), "isolated"),
        normalizer=normalizers.NFC(),
        use_regex=False,
    ),
    "split on a string": lambda: byte_bpe(
        pre_tokenizers.Split("sea", "merged_with_previous"), use_regex=False
    ),
    "split before a string": lambda: byte_bpe(
        pre_tokenizers.Split(" ", "merged_with_next"), use_regex=False
    ),
    "lowercase, strip": lambda: byte_bpe(
        normalizer=normalizers.Sequence(
            [normalizers.NFD(), normalizers.StripAccents(), normalizers.Lowercase(),
             normalizers.Strip()]
        )
    ),
    "replace": lambda: byte_bpe(
        normalizer=normalizers.Sequence(
            [normalizers.Replace("shell", "bell"), normalizers.Replace(Regex(" {2,}"), " ")]
        )
    ),
    "llama 2": lambda: char_bpe(normalizers.Sequence([normalizers.Prepend("▁"), MARKS])),
    "gemma": lambda: char_bpe(MARKS, pre_tokenizers.Split(" ", "merged_with_previous")),
    "metaspace": lambda: char_bpe(pre=pre_tokenizers.Metaspace()),
    "metaspace, first, not split": lambda: char_bpe(
        pre=pre_tokenizers.Metaspace(prepend_scheme="first", split=False)
    ),
    "metaspace, never": lambda: char_bpe(pre=pre_tokenizers.Metaspace(prepend_scheme="never")),
}  # fmt: skip


def spec_of(tokenizer: Tokenizer) -> TokenizerSpec:
    return read_hf_json(json.loads(tokenizer.to_str()), "test")


@pytest.mark.parametrize("case", LIBRARY_CASES)
def test_bpe_specs_encode_as_the_tokenizers_library_does(case):
    reference = LIBRARY_CASES[case]()
    ours = TextTokenizer(spec_of(reference))
    for text in SAMPLES + CORPUS[:4]:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert list(ours.encode(text)) == expected, text


@pytest.mark.parametrize(
    "pre",
    [
        pre_tokenizers.Metaspace(),
        pre_tokenizers.Sequence([pre_tokenizers.WhitespaceSplit(), pre_tokenizers.Metaspace()]),
    ],
    ids=["metaspace", "whitespace then metaspace"],
)
def test_unigram_specs_encode_as_the_tokenizers_library_does(pre):
    reference = unigram(normalizers.Replace(Regex(" {2,}"), " "), pre)
    ours = TextTokenizer(spec_of(reference))
    for text in ["", " ", "the sea", " the  sea shells ", "She sells shells, doesn't she?"]:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert list(ours.encode(text)) == expected, text


def test_wordpiece_specs_encode_as_the_tokenizers_library_does():
    reference = wordpiece()
    spec = spec_of(reference)
    ours = TextTokenizer(spec)
    for text in ["", "The Sea shells", "doesn't  she\n sell?", "Café Größe, 12345"]:
        expected = reference.encode(text, add_special_tokens=False).ids
        assert list(ours.encode(text)) == expected, text
    vocab = reference.get_vocab()
    whole = next(text for text in vocab if text.isalpha() and len(text) > 2)
    part = next(text for text in vocab if text.startswith("##") and len(text) > 3)
    assert spec.token_bytes[vocab[whole]] == b" " + whole.encode()
    assert spec.token_bytes[vocab[part]] == part[2:].encode()
    assert spec.continuing is not None
    assert spec.continuing[vocab[part]]
    assert not spec.continuing[vocab[whole]]


def toy(**changes):
    """A tokenizer.json as a dict: byte-level BPE over `ab`."""
    vocab = {char: i for i, char in enumerate(sorted(BYTE_LEVEL.alphabet()))}
    vocab |= {"ab": 256, "abab": 257}
    document = {
        "version": "1.0",
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "ByteLevel",
            "add_prefix_space": False,
            "use_regex": True,
            "trim_offsets": True,
        },
        "post_processor": None,
        "model": {"type": "BPE", "vocab": vocab, "merges": ["a b", "ab ab"]},
    }
    return document | changes


def added(token_id, content, **options):
    base = {"single_word": False, "lstrip": False, "rstrip": False, "normalized": False,
            "special": False}  # fmt: skip
    return {"id": token_id, "content": content, **base, **options}


def test_added_tokens_are_literals_unless_control_tokens_by_flag_or_spelling():
    tokens = [
        added(258, "<think>"),
        added(259, "<|im_end|>"),
        added(260, "<\uff5cUser\uff5c>"),
        added(261, "[X]", special=True),
    ]
    spec = read_hf_json(toy(added_tokens=tokens), "test")
    kinds = [TokenKind(kind) for kind in spec.kinds[258:]]
    assert kinds == [TokenKind.LITERAL] + [TokenKind.SPECIAL] * 3
    assert spec.token_bytes[258:] == (b"<think>", b"", b"", b"")
    assert spec.special_tokens == {"<|im_end|>": 259, "<\uff5cUser\uff5c>": 260, "[X]": 261}
    assert spec.eos_ids == (259,)


def test_declared_ids_are_kept_and_the_runtimes_are_noted():
    tokens = [added(300, "<one>"), added(310, "<two>")]
    document = toy(added_tokens=tokens)
    spec = read_hf_json(document, "test")
    reference = Tokenizer.from_str(json.dumps(document))
    assert spec.token_bytes[300] == b"<one>"
    assert spec.kinds[299] == TokenKind.UNUSED
    assert spec.runtime_ids == {
        300: reference.token_to_id("<one>"),
        310: reference.token_to_id("<two>"),
    }


def test_literals_are_cut_out_before_the_normalizer_unless_normalized():
    document = toy(normalizer={"type": "Lowercase"}, added_tokens=[added(258, "<AB>")])
    spec = read_hf_json(document, "test")
    assert TextTokenizer(spec).normalize("AB<AB>AB") == b"ab<AB>ab"
    assert list(TextTokenizer(spec).encode("AB<AB>AB")) == (
        Tokenizer.from_str(json.dumps(document)).encode("AB<AB>AB").ids
    )


def test_a_leading_special_of_the_template_is_bos():
    template = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A $B </s>", special_tokens=[("<s>", 258), ("</s>", 259)]
    )
    tokenizer = byte_bpe()
    tokenizer.post_processor = template
    tokenizer.decoder = decoders.ByteLevel()
    document = json.loads(tokenizer.to_str())
    assert read_hf_json(document, "test").bos_ids == (258,)


def test_tokenizer_config_names_bos_and_eos(tmp_path):
    tokens = [added(258, "[B]", special=True), added(259, "[E]", special=True)]
    (tmp_path / "tokenizer.json").write_text(json.dumps(toy(added_tokens=tokens)))
    config = {"add_bos_token": True, "bos_token": {"content": "[B]"}, "eos_token": "[E]"}
    (tmp_path / "tokenizer_config.json").write_text(json.dumps(config))
    spec = read_spec(tmp_path)
    assert (spec.bos_ids, spec.eos_ids) == ((258,), (259,))


def test_byte_level_means_the_gpt2_pattern():
    spec = read_hf_json(toy(), "test")
    assert spec.splits == (SplitRule(GPT2),)
    assert spec.normalizer is None
    assert not spec.char_units


BPE = cast("dict[str, Any]", toy()["model"])
UNSUPPORTED = {
    "dropout": {"model": BPE | {"dropout": 0.1}},
    "end_of_word_suffix": {"model": BPE | {"end_of_word_suffix": "</w>", "ignore_merges": True}},
    "byte alphabet": {"model": {"type": "WordLevel", "vocab": {"a": 0}, "unk_token": "a"}},
    "Mystery": {"normalizer": {"type": "Mystery"}},
}


@pytest.mark.parametrize("named", UNSUPPORTED)
def test_what_a_spec_cannot_say_is_refused_by_name(named):
    with pytest.raises(UnsupportedError, match=named):
        read_hf_json(toy(**UNSUPPORTED[named]), "test")


REAL = os.environ.get("TOKKIT_TEST_TOKENIZERS", "")


@pytest.mark.real
@pytest.mark.skipif(not REAL, reason="TOKKIT_TEST_TOKENIZERS names no folder of tokenizers")
def test_real_tokenizers_encode_as_the_tokenizers_library_does():
    paths = sorted(Path(REAL).rglob("tokenizer.json"))
    assert paths, "no tokenizer.json below TOKKIT_TEST_TOKENIZERS"
    for path in paths:
        document = json.loads(path.read_text(encoding="utf-8"))
        control = set(read_spec(path).special_tokens)
        # The library cuts control tokens out of any text; without them, only ids move.
        document["added_tokens"] = [
            token for token in document["added_tokens"] if token["content"] not in control
        ]
        reference = Tokenizer.from_str(json.dumps(document))
        declared = {
            reference.token_to_id(token["content"]): token["id"]
            for token in document["added_tokens"]
        }
        ours = TextTokenizer(read_spec(path))
        for text in [sample for sample in SAMPLES if "▁" not in sample] + CORPUS[:4]:
            ids = reference.encode(text, add_special_tokens=False).ids
            assert list(ours.encode(text)) == [declared.get(i, i) for i in ids], (path, text)
