"""A real tokenizer that was saved and loaded is the same tokenizer."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.real.fuzz_texts import multilingual_texts
from tests.real.references import as_parameters, fetched_files
from tests.text.formats.test_tokkit_file import assert_equal_specs
from tokkit.text.tokenizer import load_tokenizer

pytestmark = pytest.mark.real


@pytest.mark.parametrize("source", as_parameters(fetched_files()))
def test_saving_and_loading_is_the_identity(source: Path, tmp_path: Path) -> None:
    tokenizer = load_tokenizer(source)
    tokenizer.save(tmp_path)
    found = load_tokenizer(tmp_path)
    assert_equal_specs(found.spec, tokenizer.spec)
    texts = [*multilingual_texts()[:200], *tokenizer.special_tokens, "  x\u0301 ﬁ ▁▁ "]
    for specials in (False, True):
        expected = tokenizer.encode_batch(texts, specials=specials)
        assert found.encode_batch(texts, specials=specials) == expected
