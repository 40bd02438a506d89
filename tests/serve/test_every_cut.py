"""Every cut of a file heals through the server, byte for byte."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.bytelm.completion.fim_toys import all_bytes_with
from tests.serve.running_server import running
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.text.tokenizer import TextTokenizer

FILE = Path(__file__).parents[1] / "assets" / "multilingual.txt"
N_CHARS = 850
"""Of the file; all that the model can tell apart by ten tokens."""
WORDS = (b" the", b"and", b"12", b"  ", b"\n\n", "é".encode(), "日本".encode(), b" na", b"test")


@pytest.mark.slow
def test_every_cut_of_a_file_goes_on_as_the_file_does() -> None:
    """Cuts inside words, numbers, white space and tokens."""
    text = FILE.read_text(encoding="utf-8")[:N_CHARS]
    lm = ByteLM(NgramLM.train([text], TextTokenizer(all_bytes_with(*WORDS)), order=10))
    with running({"learnt": lm}) as client:

        def wrong(cut: int) -> bool:
            asked = {"prompt": text[:cut][-120:], "max_tokens": 3, "temperature": 0}
            written = client.ask("/v1/completions", **asked)["choices"][0]["text"]
            return not written or not text[cut:].startswith(written)

        with ThreadPoolExecutor(8) as clients:
            cuts = range(12, len(text) - 1)
            found = [cut for cut, bad in zip(cuts, clients.map(wrong, cuts), strict=True) if bad]
    assert found == []
