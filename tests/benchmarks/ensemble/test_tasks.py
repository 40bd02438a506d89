"""What counts as completed is what a greedy completion writes; questions are what they seem."""

from __future__ import annotations

from pathlib import Path

from benchmarks.ensemble.quality import byte_ngram
from benchmarks.ensemble.tasks import N_ENDS, choose_questions, completed, cut_words

TEXT = ("über tables, and other tables of one_name; " * 9).encode()


def test_completed_words_are_those_that_a_greedy_completion_writes() -> None:
    lm = byte_ngram(TEXT.replace(b"other", b"othello"))
    words = cut_words(TEXT)
    found = completed(lm.byte_logprobs(TEXT), TEXT, words)
    assert 0 < found.sum() < len(found)
    for (cut, end), right in zip(words, found, strict=True):
        written = lm.generate(TEXT[:cut], max_bytes=end - cut + 1, temperature=0)
        word, after = written[: end - cut], written[end - cut :]
        goes_on = not after.isascii() or after.isalnum() or after == b"_"
        assert right == (word == TEXT[cut:end] and not goes_on)


def test_words_are_cut_inside_and_end_where_they_end() -> None:
    for cut, end in cut_words(TEXT):
        begin = TEXT.rfind(b" ", 0, cut + 1) + 1
        assert begin <= cut < end
        assert TEXT[begin:end].decode().replace("_", "").isalnum()
        assert not TEXT[end : end + 1].isalnum()


def test_questions_have_one_right_end(tmp_path: Path) -> None:
    questions = choose_questions(tmp_path, 6)  # from what every clone has
    assert {question.kind for question in questions} == {"English", "Python"}
    for question in questions:
        assert len(set(question.ends)) == N_ENDS
        assert all(end.endswith(b"\n") for end in question.ends)
