"""`merges.txt` and `vocab.json` of CLIP and of the first GPT, whose words end in `</w>`."""

import json

import pytest

from tests.text.format_samples import SAMPLES
from tests.text.segment_models.test_word_bpe import clip_like
from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.formats.byte_alphabet import CHAR_OF_BYTE
from tokkit.text.loading import read_spec

TEXTS = [*SAMPLES, "It's  2 CAFÉ's", "<|endoftext|>", "a<|startoftext|>b"]


def write(folder, vocab, merges, config=None):
    ids = {text: i for i, text in enumerate(vocab)}
    (folder / "vocab.json").write_text(json.dumps(ids))
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n")
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


def clip_files():
    model = clip_like()["model"]
    merges = [" ".join(pair) for pair in model["merges"]]
    tokens = [text for text in model["vocab"] if text != "<|end|>"]
    return [*tokens, "<|startoftext|>", "<|endoftext|>"], merges


@pytest.mark.parametrize("config", [None, {"tokenizer_class": "CLIPTokenizerFast"}])
def test_files_of_clip_give_the_ids_of_its_tokenizer(tmp_path, config):
    transformers = pytest.importorskip("transformers")
    folder = write(tmp_path, *clip_files(), config)
    reference = transformers.CLIPTokenizer.from_pretrained(folder)
    ours = load_tokenizer(folder)
    assert ours.bos_ids == (reference.bos_token_id,)
    assert ours.eos_ids == (reference.eos_token_id,)
    for text in TEXTS:
        expected = reference(text, add_special_tokens=False).input_ids
        assert ours.encode(text, specials=True) == expected, text
        if not set(expected) & set(reference.all_special_ids):
            assert ours.decode(expected).decode() == reference.decode(expected)
            assert ours.is_canonical(expected)


def test_files_of_the_first_gpt_give_the_ids_of_its_tokenizer(tmp_path):
    transformers = pytest.importorskip("transformers")
    vocab = ["<unk>", *"abehst,.'", *(char + "</w>" for char in "abehst,.'"), "th", "the</w>", "e"]
    folder = write(
        tmp_path, list(dict.fromkeys(vocab)), ["t h", "th e</w>"],
        {"tokenizer_class": "OpenAIGPTTokenizer"},
    )  # fmt: skip
    reference = transformers.OpenAIGPTTokenizer.from_pretrained(folder)
    ours = load_tokenizer(folder)
    for text in ["The bath, the  BEST.", "bé's", "", "th", "x", "hthe the"]:
        expected = reference(text, add_special_tokens=False).input_ids
        if 0 in expected:
            with pytest.raises(EncodingError):
                ours.encode(text)
        else:
            assert ours.encode(text) == expected, text
            assert ours.decode(expected).decode() == reference.decode(expected)
            assert ours.is_canonical(expected)


@pytest.mark.parametrize(
    ("vocab", "config"),
    [
        (["a", "b</w>", "ab</w>"], None),
        (["a", "b</w>", "ab</w>"], {"tokenizer_class": "FSMTTokenizer"}),
        ([], {"tokenizer_class": "CLIPTokenizer"}),
    ],
)
def test_codes_that_do_not_say_how_text_is_cut_are_refused_by_name(tmp_path, vocab, config):
    write(tmp_path, vocab, ["a b</w>"], config)
    with pytest.raises(UnsupportedError, match="subword-nmt"):
        read_spec(tmp_path)


def test_a_merge_that_the_vocabulary_lacks_is_refused(tmp_path):
    vocab = [*CHAR_OF_BYTE, "\u0120</w>", "<|startoftext|>", "<|endoftext|>"]
    with pytest.raises(FormatError, match="b</w>"):
        read_spec(write(tmp_path, vocab, ["a b</w>"]))
