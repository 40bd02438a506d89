"""A distribution over tokenizers, from which a hypernetwork is trained.

"Zero-Shot Tokenizer Transfer" (Minixhofer et al., NeurIPS 2024), section 3.1, algorithm 1: every
substring of the words of a window of text gets a score, its count times its length; the scores are
normalised, Gaussian noise is added, and the best are a vocabulary, with the logarithms of their
noisy scores as those of a UnigramLM. The standard deviation of the noise is itself drawn, from a
log-normal distribution. All 256 bytes are always there.

What differs here:

- The window is a stretch of one text, at a place that is drawn, and the text that a network then
  learns from is what comes *after* it. In the paper the window rolls on, and is read itself; but
  the tokens of a vocabulary are more frequent in the text that it was made from than in any other,
  and a network learns that.
- Drawn as well are the size of the vocabulary (log-uniform), what counts as a word, so that tokens
  that go beyond words of letters are seen, and, with `bpe_share`, whether it is a BPE that is
  trained on the window instead.
- Every start of a substring counts (their code takes every fourth), and white space is like all
  else (their code adds all its runs).

A sample depends on its number and the seed alone, not on those before it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np

from tokkit.arguments import check_kind, check_whole, refuse_single_text, settle_fields
from tokkit.errors import ArgumentError
from tokkit.text.spec import SplitRule, TokenizerSpec, TokenKind
from tokkit.text.tokenizer import TextTokenizer, load_tokenizer

WORDS = r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
"""Words of letters, numbers, punctuation and white space."""
SIGNS = (
    r"[\r\n]+[ \t]*| ?[^\s\p{L}\p{N}]?[\p{L}_][\p{L}\p{N}_]*[^\s\p{L}\p{N}]?"
    r"| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+"
)
"""Names with a sign before and after them, and line breaks with the white space after them."""
_MOST_NOISE = 30
_UNSEEN = 0.1
"""Added to the count of each token."""


@dataclass(frozen=True)
class SamplerOptions:
    """How tokenizers are drawn.

    Attributes:
        min_tokens: of a vocabulary, with the 256 bytes.
        max_tokens: likewise; sizes are log-uniform between the two.
        noise_median: of the standard deviation of the noise on normalised scores.
        noise_sigma: of its logarithm. The paper has 1e-5 and 4, and vocabularies of 32,768.
        patterns: what cuts text into words; each sample draws one.
        refits: times that the scores of a Unigram are set anew, to the logarithms of how often its
            tokens come in the window as it cuts it; 0 in the paper. The heuristics read frequencies
            from the scores, and those of a trained Unigram are such logarithms.
        max_chars: of a token.
        bpe_share: of the samples, those that are BPE and not Unigram.
        window_bytes: of the text that a tokenizer is made from.
        text_bytes: of the text after it.
    """

    min_tokens: int = 4096
    max_tokens: int = 16_384
    noise_median: float = 1e-6
    noise_sigma: float = 2.0
    patterns: tuple[str, ...] = (WORDS, SIGNS)
    refits: int = 1
    max_chars: int = 16
    bpe_share: float = 0.5
    window_bytes: int = 1 << 19
    text_bytes: int = 1 << 17

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: one is out of range.
        """
        settle_fields(self)
        check_whole("refits", self.refits, 0)
        for name in ("min_tokens", "max_tokens", "max_chars", "window_bytes", "text_bytes"):
            check_whole(name, getattr(self, name), 1)
        if not 257 <= self.min_tokens <= self.max_tokens <= 1 << 20:
            raise ArgumentError(
                f"vocabularies of {self.min_tokens} to {self.max_tokens} tokens; expected 257 to "
                f"{1 << 20}, the least first"
            )
        if min(self.noise_median, self.noise_sigma) < 0 or not 0 <= self.bpe_share <= 1:
            raise ArgumentError("noise and bpe_share must not be negative, nor the latter above 1")
        if max(self.noise_median, self.noise_sigma) > _MOST_NOISE:
            raise ArgumentError(
                f"noise_median is {self.noise_median} and noise_sigma {self.noise_sigma}; expected "
                f"at most {_MOST_NOISE}"
            )
        if not self.patterns:
            raise ArgumentError("patterns must not be empty")


@dataclass(frozen=True, eq=False)
class Sample:
    """A drawn tokenizer, and the text behind the window that it was made from."""

    tokenizer: TextTokenizer
    text: bytes


class TokenizerSampler:
    """Draws tokenizers from texts, each in proportion to its length."""

    def __init__(
        self, texts: Sequence[bytes], options: SamplerOptions | None = None, *, seed: int
    ) -> None:
        """Take the texts.

        Raises:
            ArgumentError: a value of another type, or no text is longer than twice what comes after
                a window.
        """
        refuse_single_text(texts, "texts")
        check_kind(options, (SamplerOptions, type(None)), "options")
        self._seed = check_whole("seed", seed, 0)
        self._options = options or SamplerOptions()
        least = 2 * self._options.text_bytes
        self._texts = [text for text in texts if len(text) >= least]
        if not self._texts:
            raise ArgumentError(
                f"no text to draw tokenizers from has {least:,} bytes; join those of a kind, as "
                "whole collections of files, or make text_bytes of SamplerOptions smaller "
                "(tokkit train hypernet --set sampler.text_bytes=N)"
            )
        sizes = np.array([len(text) for text in self._texts], dtype=np.float64)
        self._weights = sizes / sizes.sum()
        self._cutters = [_cutter(pattern) for pattern in self._options.patterns]

    def __iter__(self) -> Iterator[Sample]:
        """Samples without end, from number 0 on."""
        number = 0
        while True:
            yield self.sample(number)
            number += 1

    def sample(self, number: int) -> Sample:
        """Draw the tokenizer of that number."""
        options = self._options
        generator = np.random.default_rng([self._seed, number])
        low, high = math.log(options.min_tokens), math.log(options.max_tokens + 1)
        size = min(options.max_tokens, int(math.exp(generator.uniform(low, high))))
        pattern = int(generator.integers(len(options.patterns)))
        is_bpe = generator.random() < options.bpe_share
        noise = options.noise_median * math.exp(options.noise_sigma * generator.standard_normal())
        window, text = self._stretches(generator)
        words = Counter(_words(self._cutters[pattern], window))
        split = SplitRule(options.patterns[pattern])
        if is_bpe:
            tokenizer = trained_bpe(words, n_tokens=size, split=split, max_chars=options.max_chars)
        else:
            tokenizer = sampled_unigram(
                substring_scores(words, options.max_chars),
                n_tokens=size,
                split=split,
                noise=noise,
                generator=generator,
            )
            for _ in range(options.refits):
                tokenizer = refitted(tokenizer, window)
        return Sample(tokenizer, text)

    def _stretches(self, generator: np.random.Generator) -> tuple[bytes, bytes]:
        """A window of a text, and what comes after it; the text is a circle."""
        whole = self._texts[int(generator.choice(len(self._texts), p=self._weights))]
        n_after = self._options.text_bytes
        n_window = min(self._options.window_bytes, len(whole) - n_after)
        start = int(generator.integers(len(whole)))
        turned = whole[start:] + whole[:start] if start + n_window + n_after > len(whole) else whole
        start = 0 if turned is not whole else start
        end = start + n_window
        return turned[start:end], turned[end : end + n_after]


def substring_scores(words: Counter[bytes], max_chars: int) -> dict[str, int]:
    """Count times length in bytes of each substring of at most so many characters.

    Words that are not UTF-8 have none.
    """
    scores: dict[str, int] = {}
    for word, count in words.items():
        try:
            text = word.decode()
        except UnicodeDecodeError:
            continue
        plain = len(text) == len(word)
        for start in range(len(text)):
            for end in range(start + 1, min(start + max_chars, len(text)) + 1):
                part = text[start:end]
                length = end - start if plain else len(part.encode())
                scores[part] = scores.get(part, 0) + count * length
    return scores


def sampled_unigram(
    scores: dict[str, int],
    *,
    n_tokens: int,
    split: SplitRule,
    noise: float,
    generator: np.random.Generator,
) -> TextTokenizer:
    """A UnigramLM of the substrings with the highest noisy scores, and all bytes.

    Args:
        scores: of each substring.
        n_tokens: of the vocabulary; fewer where there are fewer substrings.
        split: what cuts text into words.
        noise: standard deviation, in shares of all scores.
        generator: draws it.
    """
    texts = [text for text in scores if len(text) > 1 or len(text.encode()) > 1]
    shares = np.array([scores[text] for text in texts], dtype=np.float64)
    shares /= max(1.0, float(sum(scores.values())))
    least = math.log(shares.min(initial=1.0))
    shares += noise * generator.standard_normal(len(shares))
    n_best = min(n_tokens - 256, int((shares > 0).sum()))
    best = np.argpartition(-shares, n_best - 1)[:n_best] if n_best else np.empty(0, np.int64)
    best = best[np.argsort(-shares[best], kind="stable")]
    pieces = [texts[place].encode() for place in best.tolist()]
    kinds = np.full(256 + len(pieces), TokenKind.NORMAL, dtype=np.uint8)
    kinds[:256] = TokenKind.BYTE
    spec = TokenizerSpec(
        name="sampled Unigram",
        family="unigram",
        token_bytes=(*(bytes([byte]) for byte in range(256)), *pieces),
        kinds=kinds,
        scores=np.concatenate([np.full(256, least), np.log(shares[best])]),
        unk_score=least,
        splits=(split,),
    )
    return TextTokenizer(spec)


def refitted(tokenizer: TextTokenizer, text: bytes) -> TextTokenizer:
    """A Unigram with the logarithms of its tokens' shares of a text as scores, as it cuts it.

    It is the last step of an iteration of Viterbi training; no token is dropped.
    """
    counts = np.bincount(tokenizer.encode(text), minlength=tokenizer.vocab_size) + _UNSEEN
    scores = np.log(counts / counts.sum())
    return TextTokenizer(replace(tokenizer.spec, scores=scores, unk_score=float(scores.min())))


def trained_bpe(
    words: Counter[bytes], *, n_tokens: int, split: SplitRule, max_chars: int
) -> TextTokenizer:
    """A byte-level BPE of the window's words.

    Words are shown once for each time that their count doubles, which a trainer that takes texts
    and no counts can bear; so rare words weigh more than in the text.
    """
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    trainer = trainers.BpeTrainer(
        vocab_size=n_tokens,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        max_token_length=max_chars,
    )
    texts = (
        text
        for word, count in words.items()
        for text in [word.decode("utf-8", "replace")] * count.bit_length()
    )
    tokenizer.pre_tokenizer = level  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.train_from_iterator(texts, trainer)
    cut = pre_tokenizers.Split(Regex(split.pattern), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([cut, level])  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.decoder = decoders.ByteLevel()  # pyright: ignore[reportAttributeAccessIssue]
    return load_tokenizer(tokenizer)


def _cutter(pattern: str) -> TextTokenizer:
    """A tokenizer of single bytes, for its pretokenizer."""
    spec = TokenizerSpec(
        name="words",
        family="bytes",
        token_bytes=tuple(bytes([byte]) for byte in range(256)),
        kinds=np.full(256, TokenKind.NORMAL, dtype=np.uint8),
        splits=(SplitRule(pattern),),
    )
    return TextTokenizer(spec)


def _words(cutter: TextTokenizer, text: bytes) -> Iterator[bytes]:
    for pieces in cutter.pieces(text):
        data = pieces.text.tobytes()
        bounds = pieces.bounds.tolist()
        yield from (data[start:end] for start, end in pairwise(bounds))
