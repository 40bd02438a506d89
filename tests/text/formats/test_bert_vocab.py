"""BERT's `vocab.txt` gives the ids of `BertTokenizer`, by every option that stands beside it."""

import json

import pytest

from tests.text.formats.test_format_files import gguf_file
from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.loading import read_spec

CONTROLS = ["[PAD]", "[unused0]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
NAMED = frozenset(CONTROLS) - {"[unused0]"}
WORDS = [
    "the", "The", "cafe", "café", "##s", "##é", ",", ".", "!", "'", "日", "本", "##本", "naive",
    "a", "b", "c", "##a", "##b", "##c", "un", "##aff", "##able", "ß", "[", "]", "MA", "##SK",
    "mask", "unk", "cls", "<", ">", "x",
]  # fmt: skip
TEXTS = [
    "The cafés, unaffable!", "THE CAFÉ", "日本 the日本 cafe", "a\u0301b  c\tabc\n", "[MASK] the",
    "a[CLS]b", "", "  ", "unaffable. ß", "naïve", "x<A>b", "\u200bthe\u00adcafe\ufffd", "[unused0]",
]  # fmt: skip
MASK = {"__type": "AddedToken", "content": "<A>", "special": True}
CONFIGS = {
    "alone": None,
    "cased": {"do_lower_case": False},
    "cased without accents": {"do_lower_case": False, "strip_accents": True},
    "uncased with accents": {"strip_accents": False},
    "no Chinese": {"tokenize_chinese_chars": False},
    "older options": {"do_basic_tokenize": False, "never_split": ["the"]},
    "more control tokens": {"additional_special_tokens": ["<A>", "[unused0]"]},
    "control tokens of other names": {"cls_token": "<cls>", "mask_token": MASK},
    "declared": {
        "tokenizer_class": "DistilBertTokenizer",
        "added_tokens_decoder": {
            "40": {"content": "<A>", "special": False, "normalized": False},
            "5": {"content": "[MASK]", "special": False, "lstrip": True},
        },
    },
}


def write_vocab(folder, config=None, lines=(*CONTROLS, *WORDS), end="\n"):
    (folder / "vocab.txt").write_text(end.join(lines), encoding="utf-8", newline="")
    if config is not None:
        (folder / "tokenizer_config.json").write_text(json.dumps(config))
    return folder


@pytest.mark.parametrize("case", CONFIGS)
def test_a_vocabulary_gives_the_ids_of_bert_tokenizer(tmp_path, case):
    transformers = pytest.importorskip("transformers")
    folder = write_vocab(tmp_path, CONFIGS[case])
    reference = transformers.BertTokenizer.from_pretrained(folder)
    ours = load_tokenizer(folder)
    assert ours.vocab_size >= len(reference)
    assert ours.bos_ids == (reference.cls_token_id,)
    unknown = reference.unk_token_id
    n_known = 0
    for text in TEXTS:
        expected = reference(text, add_special_tokens=False).input_ids
        if unknown in expected:
            with pytest.raises(EncodingError):
                ours.encode(text, specials=True)
            continue
        n_known += 1
        assert ours.encode(text, specials=True) == expected, text
    assert n_known > len(TEXTS) // 2


@pytest.mark.parametrize("name", ["vocab.txt", "bert-base-uncased-vocab.txt"])
def test_the_file_itself_is_known_by_its_name_or_its_unknown_token(tmp_path, name):
    write_vocab(tmp_path, end="\r\n")
    path = (tmp_path / "vocab.txt").rename(tmp_path / name)
    spec = read_spec(path)
    assert (spec.family, spec.vocab_size) == ("wordpiece", len(CONTROLS) + len(WORDS))
    assert read_spec(path, format="bert").token_bytes == spec.token_bytes


def test_of_lines_that_are_alike_the_last_counts_and_blank_lines_hold_their_place(tmp_path):
    spec = read_spec(write_vocab(tmp_path, lines=[*CONTROLS, "the", "", "the", "a \u3000", "b"]))
    assert spec.token_bytes[6:] == (b"", b"", b" the", b" a", b" b")


@pytest.mark.parametrize("kind", ["BertJapaneseTokenizer", "RoFormerTokenizerFast", "EsmTokenizer"])
def test_a_class_that_cuts_words_otherwise_is_refused_by_name(tmp_path, kind):
    with pytest.raises(UnsupportedError, match=kind.removesuffix("Fast").removesuffix("Tokenizer")):
        read_spec(write_vocab(tmp_path, {"tokenizer_class": kind}))


@pytest.mark.parametrize(
    ("config", "lines"),
    [
        (None, ["the", "a"]),
        (None, [""]),
        (None, ["[UNK]", "x" * 5000]),
        ({"do_lower_case": "yes"}, CONTROLS),
        ({"strip_accents": 1}, CONTROLS),
        ({"added_tokens_decoder": {"0": {"content": "<A>"}}}, CONTROLS),
        ({"additional_special_tokens": "<A>"}, CONTROLS),
        ({"additional_special_tokens": [7]}, CONTROLS),
    ],
)
def test_a_damaged_vocabulary_or_config_is_refused(tmp_path, config, lines):
    with pytest.raises(FormatError):
        read_spec(write_vocab(tmp_path, config, lines))


def test_a_vocabulary_that_is_no_text_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_bytes(b"[UNK]\n\xff\xfe\n")
    with pytest.raises(FormatError, match="UTF-8"):
        read_spec(tmp_path)


def write_gguf(folder, **changes):
    lines = [*CONTROLS, *WORDS]
    tokens = [
        line if line in NAMED else line[2:] if line.startswith("##") else "\u2581" + line
        for line in lines
    ]
    values = {
        "model": "bert", "tokens": [*tokens, "[PAD38]"],
        "token_type": [3 if line in NAMED else 1 for line in lines] + [5],
        "unknown_token_id": 2, "bos_token_id": 3, "cls_token_id": 3, "seperator_token_id": 4,
    }  # fmt: skip
    path = folder / "small.gguf"
    values = {key: value for key, value in (values | changes).items() if value is not None}
    path.write_bytes(gguf_file(**values))
    return path


@pytest.mark.parametrize(
    ("config", "keys"),
    [
        ({"do_lower_case": False}, {}),
        ({}, {"normalizer.lowercase": True}),
        (
            {"strip_accents": False},
            {"normalizer.lowercase": True, "normalizer.strip_accents": False},
        ),
    ],
)
def test_a_gguf_file_of_bert_is_read_as_the_vocabulary_that_it_comes_from(tmp_path, config, keys):
    original = load_tokenizer(write_vocab(tmp_path, config) / "vocab.txt")
    ours = load_tokenizer(write_gguf(tmp_path, **keys))
    assert ours.spec.token_bytes == (*original.spec.token_bytes, b"")
    assert ours.bos_ids == original.bos_ids == (3,)
    for text in TEXTS:
        try:
            expected = original.encode(text)
        except EncodingError:
            with pytest.raises(EncodingError):
                ours.encode(text)
        else:
            assert ours.encode(text) == expected, text


def test_a_gguf_file_of_bert_without_its_keys_is_uncased_if_its_words_are(tmp_path):
    normalizer = read_spec(write_gguf(tmp_path)).normalizer
    assert normalizer is not None
    assert "Bert" in normalizer.name
    with pytest.raises(EncodingError):
        load_tokenizer(write_gguf(tmp_path)).encode("THE")
    words = [*CONTROLS, "\u2581the", "s"]
    types = [3] * len(CONTROLS) + [1, 1]
    uncased = load_tokenizer(write_gguf(tmp_path, tokens=words, token_type=types))
    assert uncased.encode("THES") == [6, 7]


@pytest.mark.parametrize(
    "changes",
    [
        {"unknown_token_id": 400},
        {"unknown_token_id": None, "tokens": ["\u2581a", "b"], "token_type": [1, 1]},
        {"tokens": ["[UNK]", "\u2581##a", "a"], "token_type": [3, 1, 1], "unknown_token_id": 0},
        {"token_type": [3]},
        {"normalizer.lowercase": 1},
        {"bos_token_id": 99},
    ],
)
def test_a_damaged_gguf_file_of_bert_is_refused(tmp_path, changes):
    with pytest.raises(FormatError):
        read_spec(write_gguf(tmp_path, **changes))
