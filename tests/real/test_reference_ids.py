"""Ids equal those of the reference implementations, on real vocabularies and awkward texts."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.real.fuzz_texts import code_texts, fuzz_texts, multilingual_texts, random_bytes
from tests.real.references import (
    FOLDER,
    EncodeAll,
    Pair,
    as_parameters,
    encode_all_with,
    fetched_files,
    hugging_face,
    load_pair,
)
from tokkit.errors import EncodingError, MissingExtraError
from tokkit.files.packaged import find_packaged
from tokkit.text.spec import TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

pytestmark = pytest.mark.real

N_FUZZ = 10_000
SMOLLM2, GEMMA3 = "smollm2.gguf", "gemma3.gguf"


@pytest.fixture(scope="module", params=[*as_parameters(fetched_files()), SMOLLM2, GEMMA3])
def pair(request: pytest.FixtureRequest) -> Iterator[Pair]:
    # A batch on one thread: other work shares the machine, and threads are not what is tested.
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "TOKENIZERS_PARALLELISM", "false")
        if isinstance(request.param, Path):
            yield load_pair(request.param)
        else:
            yield _of_model(request.param)


def _of_model(name: str) -> Pair:
    try:
        path = find_packaged(name.removesuffix(".gguf"))
    except MissingExtraError as error:
        pytest.skip(str(error))
    ours = load_tokenizer(path)
    if name == SMOLLM2:
        return Pair(ours, _smollm2(path))
    original = FOLDER / "gemma3" / "tokenizer.json"
    if not original.is_file():
        pytest.skip(f"no {original}: run python -m benchmarks.fetch.real_tokenizers")
    encode_all = hugging_face(original, ours)
    # A GGUF file stands for the SentencePiece model, which reads U+2581 as a space; the conversion
    # to tokenizer.json tells `▁▁` in a text from two spaces.
    return Pair(ours, lambda texts: encode_all([text.replace("\u2581", " ") for text in texts]))


def _smollm2(path: Path) -> EncodeAll:
    """The original's tokenizer from what the GGUF file keeps of it, with what it leaves out."""
    tokenizers = pytest.importorskip("tokenizers")
    from tokenizers import models, pre_tokenizers

    metadata = _gguf_strings(path)
    tokens, merges = metadata["tokenizer.ggml.tokens"], metadata["tokenizer.ggml.merges"]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    pairs: list[Any] = [tuple(merge.split(" ")) for merge in merges]
    reference = tokenizers.Tokenizer(models.BPE(vocabulary, pairs))
    reference.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    return encode_all_with(reference, {})


def _gguf_strings(path: Path) -> dict[str, list[str]]:
    gguf = pytest.importorskip("gguf")
    fields: dict[str, Any] = gguf.GGUFReader(path).fields
    return {
        key: [bytes(field.parts[index]).decode() for index in field.data]
        for key, field in fields.items()
        if key in ("tokenizer.ggml.tokens", "tokenizer.ggml.merges")
    }


def _single_bytes(tokenizer: TextTokenizer) -> frozenset[int]:
    """The bytes that have a token of their own."""
    in_text = np.isin(tokenizer.spec.kinds, (TokenKind.NORMAL, TokenKind.BYTE))
    tokens = tokenizer.spec.token_bytes
    return frozenset(
        tokens[index][0] for index in np.flatnonzero(in_text) if len(tokens[index]) == 1
    )


def _has_byte_fallback(tokenizer: TextTokenizer) -> bool:
    return not tokenizer.spec.char_units or len(_single_bytes(tokenizer)) == 256


def _assert_equal_ids(pair: Pair, texts: Sequence[str]) -> None:
    """Equal ids; a text with a byte that has no token is an error with us."""
    bytes_known = _single_bytes(pair.ours)
    assert _has_byte_fallback(pair.ours)
    known = [text for text in texts if bytes_known.issuperset(text.encode())]
    for text in texts if len(known) < len(texts) else ():
        if not bytes_known.issuperset(text.encode()):
            with pytest.raises(EncodingError, match="has no token"):
                pair.ours.encode(text)
    assert len(known) > 0.9 * len(texts)
    ours = pair.ours.encode_batch(known)
    different = [
        (text, ids, expected)
        for text, ids, expected in zip(known, ours, pair.reference(known), strict=True)
        if ids != expected
    ]
    if different:
        text, ids, expected = min(different, key=lambda entry: len(entry[0]))
        spelt = pair.ours.spec.token_bytes
        pytest.fail(
            f"{len(different)} of {len(known)} texts differ; the shortest is {text!r}:\n"
            f"ours      {[(token, spelt[token]) for token in ids][:40]}\n"
            f"reference {[(token, spelt[token]) for token in expected][:40]}"
        )


def test_ids_of_multilingual_text_equal_reference(pair: Pair) -> None:
    _assert_equal_ids(pair, multilingual_texts())


def test_ids_of_code_equal_reference(pair: Pair) -> None:
    _assert_equal_ids(pair, code_texts())


def test_ids_of_random_texts_equal_reference(pair: Pair) -> None:
    _assert_equal_ids(pair, fuzz_texts(N_FUZZ, seed=20_241_105))


def test_decode_inverts_encode_on_raw_bytes(pair: Pair) -> None:
    """Of every byte string that the vocabulary can express; EncodingError for the others."""
    ours = pair.ours
    known = _single_bytes(ours)
    for data in random_bytes(2_000, seed=7):
        if ours.spec.prefix_space == "unless_space" and data.startswith(b" "):
            continue
        if known.issuperset(data):
            assert ours.decode(ours.encode(data, normalize=False)) == data
        else:
            with pytest.raises(EncodingError, match="has no token"):
                ours.encode(data, normalize=False)


def test_count_and_offsets_agree_with_encode(pair: Pair) -> None:
    ours = pair.ours
    known = _single_bytes(ours)
    texts = [text for text in fuzz_texts(1_000, seed=8) if known.issuperset(text.encode())]
    for text in texts:
        found = ours.encode_with_offsets(text, normalize=False)
        assert found.ids.tolist() == ours.encode(text, normalize=False)
        assert len(found) == ours.count(text, normalize=False)
        data = text.encode()
        assert found.ends[-1:].tolist() in ([len(data)], [])
        spelled = [ours.token_bytes(token) for token in found.ids.tolist()]
        if spelled and ours.dummy_prefix:  # which is no part of the text
            spelled[0] = spelled[0].removeprefix(ours.dummy_prefix)
        assert [data[start:end] for start, end in found.offsets] == spelled
        assert ours.count(text) == len(ours.encode(text))
