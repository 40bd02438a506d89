"""`iter_encode` gives the ids of `encode`, wherever its blocks of pieces end."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.audit.safety.tokenizer_files import added, document, write
from tests.audit.toy_subjects import write_bpe
from tokkit.text.encoding import encodes_text as module
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

ADDED = [added(257, "<|end|>"), added(258, "<cut>", special=False)]


@pytest.fixture(scope="module")
def tokenizers(tmp_path_factory: pytest.TempPathFactory) -> list[TextTokenizer]:
    folder: Path = tmp_path_factory.mktemp("tokenizers")
    return [
        load_tokenizer(write_bpe(folder / "trained.json")),
        load_tokenizer(write(folder, document(added_tokens=ADDED))),
    ]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40, deadline=None
)
@given(
    st.text(st.sampled_from("ab é<\n日1")) | st.just("a b<cut>c <|end|> d") | st.binary(),
    st.sampled_from([1, 2, 4096]),
    st.booleans(),
)
def test_ids_come_as_encode_gives_them(
    tokenizers: list[TextTokenizer],
    monkeypatch: pytest.MonkeyPatch,
    text: str | bytes,
    block: int,
    specials: bool,
) -> None:
    monkeypatch.setattr(module, "PIECES_AT_ONCE", block)
    for tokenizer in tokenizers:
        found = list(tokenizer.iter_encode(text, specials=specials))
        assert found == tokenizer.encode(text, specials=specials)


def test_pieces_that_nobody_asks_for_are_not_encoded(
    tokenizers: list[TextTokenizer], monkeypatch: pytest.MonkeyPatch
) -> None:
    tokenizer = tokenizers[0]
    sizes: list[int] = []
    encode_ids = tokenizer.model.encode_ids

    def counted(text, bounds):  # type: ignore[no-untyped-def]
        sizes.append(len(text))
        return encode_ids(text, bounds)

    monkeypatch.setattr(tokenizer.model, "encode_ids", counted)
    monkeypatch.setattr(module, "PIECES_AT_ONCE", 8)
    assert next(tokenizer.iter_encode("a word " * 1000)) == tokenizer.encode("a")[0]
    assert sum(sizes) < 100
