"""Where the tokens of a text end that a batch wrote: those of the encoding of all of it."""

from __future__ import annotations

import pytest

from tests.bytelm.completion.fim_toys import all_bytes_with
from tests.bytelm.toy_models import RandomLM
from tokkit.bytelm.batch.batch import Batch
from tokkit.bytelm.byte_lm import ByteLM
from tokkit.bytelm.drawing.request import Request
from tokkit.bytelm.ensemble import ByteEnsemble
from tokkit.bytelm.token_models.ngram import NgramLM
from tokkit.text.tokenizer import TextTokenizer


def test_tokens_are_those_of_the_first_model() -> None:
    spec = all_bytes_with(b"ab", b"abab")
    first = ByteLM(RandomLM(TextTokenizer(spec)))
    lm = ByteEnsemble([first, ByteLM(RandomLM(TextTokenizer(all_bytes_with()), 1))])
    batch = Batch(lm)
    handle = batch.add(Request("x", max_bytes=40, seed=5, top_k=40), max_tokens=40)
    text = b""
    while handle.finish is None:
        for _, data, _ in batch.step():
            text += data
    encoding = first.token_lm.tokenizer.encode_with_offsets(b"x" + text)
    assert list(handle.token_ends) == [end - 1 for end in encoding.ends.tolist()[1:]]


@pytest.mark.parametrize("keep_logprobs", [False, True])
def test_a_text_that_its_length_ends_has_the_tokens_of_all_its_bytes(keep_logprobs: bool) -> None:
    text = "the cats sat on the mat\n" * 3
    tokenizer = TextTokenizer(all_bytes_with(b"the", b" sat", b"cats", b"mat"))
    lm = ByteLM(NgramLM.train([text], tokenizer, order=3))
    for n_bytes in range(1, 24):
        batch = Batch(lm)
        request = Request("the ", max_bytes=n_bytes, temperature=0)
        handle = batch.add(request, keep_logprobs=keep_logprobs)
        while handle.finish is None:
            batch.step()
        ends = tokenizer.encode_with_offsets(b"the " + handle.text).ends.tolist()
        assert list(handle.token_ends) == [end - 4 for end in ends if end > 4]
