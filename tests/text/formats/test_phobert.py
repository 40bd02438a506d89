"""PhoBERT's `bpe.codes` and `vocab.txt` give the ids of `PhobertTokenizer`."""

import pytest

from tokkit import load_tokenizer
from tokkit.errors import EncodingError, FormatError, UnsupportedError
from tokkit.text.loading import read_spec
from tokkit.text.tokenizer import TextTokenizer

CODES = ["n g</w> 90", "h ô 80", "n g 70", "t h 60", "i ê 50", "iê n</w> 40", "th ô 30", "q x 9"]
VOCAB = [
    "ng", "t@@", "h@@", "ô", "ô@@", "hô@@", "i@@", "iên", "n", "n@@", "g", "ng@@", "a", "a@@", "@@",
    "thô@@", "b", "_@@", "x",
]  # fmt: skip
TEXTS = [
    "thông hông ng", "iên  tiên\tnga", "a", "", "hôn", "g", "x", "@@", "thôn_g", "a\x1cb", "xin qx",
    "thiên\nan", "bé", "qxqx ng", "hô", "<mask> ng", "ng<mask>",
]  # fmt: skip


def write(folder, codes=CODES, vocab=VOCAB, end="\n"):
    (folder / "bpe.codes").write_text("".join(line + end for line in codes), encoding="utf-8")
    lines = [f"{token} {9000 - i}\n" for i, token in enumerate(vocab)]
    (folder / "vocab.txt").write_text("".join(lines), encoding="utf-8")
    return folder


def test_codes_and_vocabulary_give_the_ids_of_the_tokenizer(tmp_path):
    transformers = pytest.importorskip("transformers")
    folder = write(tmp_path)
    reference = transformers.PhobertTokenizer(str(folder / "vocab.txt"), str(folder / "bpe.codes"))
    ours = load_tokenizer(folder)
    assert ours.vocab_size == len(reference)
    assert (ours.bos_ids, ours.eos_ids) == ((0,), (2,))
    known = 0
    for text in TEXTS:
        expected = reference.encode(text, add_special_tokens=False)
        assert ours.encode(text, specials=True, unk="use") == expected, text
        if 3 in expected:
            with pytest.raises(EncodingError):
                ours.encode(text, specials=True)
            continue
        assert ours.encode(text, specials=True) == expected
        if "<mask>" not in text:
            known += bool(text)
            assert ours.decode(expected).decode() == reference.decode(expected)
            assert ours.is_canonical(expected)
            assert not expected or ours.canonical.may_end(ours.canonical.run(expected))
    assert known > 5


def test_a_piece_that_no_id_stands_for_is_unknown_and_never_canonical(tmp_path):
    ours = load_tokenizer(write(tmp_path))
    with pytest.raises(EncodingError, match="no id stands for"):
        ours.encode("thô")
    assert ours.vocab_size == 4 + len(VOCAB) + 1
    allowed = ours.canonical.mask(ours.canonical.START)
    assert allowed.shape == (ours.vocab_size,)
    spelled = [ours.token_bytes(int(token)) for token in allowed.nonzero()[0]]
    assert b"th" not in spelled
    assert b"ng " in spelled
    assert not ours.is_canonical([ours.encode("a")[0], 3])


def test_a_saved_tokenizer_keeps_the_pieces_between(tmp_path):
    ours = load_tokenizer(write(tmp_path))
    ours.save(tmp_path / "saved")
    again = TextTokenizer.load(tmp_path / "saved")
    assert again.spec.unlisted == ours.spec.unlisted
    for text in ("thông", "iên nga"):
        assert again.encode(text) == ours.encode(text)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"codes": ["a b"]}, FormatError),
        ({"codes": ["a b c 1"]}, FormatError),
        ({"codes": []}, FormatError),
        ({"codes": ["#version: 0.2", "a b"]}, FormatError),
        ({"vocab": []}, FormatError),
        ({"vocab": ["a", "a"]}, FormatError),
        ({"vocab": ["<s>"]}, FormatError),
        ({"vocab": ["a b"]}, None),
        ({"vocab": [""]}, FormatError),
        ({"codes": ["a" * 3000 + " " + "b" * 3000 + " 1"]}, FormatError),
        ({"codes": ["a @@</w> 1"], "vocab": ["a@@"]}, UnsupportedError),
        ({"codes": ["a </w> 1"]}, UnsupportedError),
    ],
)
def test_damaged_files_are_refused(tmp_path, changes, error):
    folder = write(tmp_path, **changes)
    if error is None:
        assert read_spec(folder).vocab_size == 6
        return
    with pytest.raises(error):
        read_spec(folder)


def test_codes_without_their_vocabulary_are_refused(tmp_path):
    (write(tmp_path) / "vocab.txt").unlink()
    with pytest.raises(FormatError, match=r"vocab\.txt"):
        read_spec(tmp_path)
