"""The form of the paper: whole words in, whole words out.

1. A symbol [W] and the bytes of a word attend to one another; what is at [W] is the word.
2. The backbone, a causal transformer, reads the words.
3. A causal decoder reads what the backbone says before a word, then its bytes, and predicts them,
   and where the word ends.

Source: "Hierarchical Autoregressive Transformers: Combining Byte- and Word-Level Processing for
Robust, Adaptable Language Models" (Neitemeier et al., ICLR 2025), section 3. It is the network of
`tokkit.models.end_of_word` with one vector a word. Deviation: the end of a word and the bytes that
begin one are tied to the rule of words, so that probabilities of bytes are exact.
"""

from __future__ import annotations

from dataclasses import replace

from tokkit.errors import ArgumentError
from tokkit.models.end_of_word.body import EndOfWordBody
from tokkit.models.end_of_word.shape import EndOfWordShape
from tokkit.models.hierarchical.config import HierarchicalConfig


class PaperForm(EndOfWordBody):
    """Encoder of words, backbone, and a decoder of words."""

    def __init__(self, config: HierarchicalConfig) -> None:
        """Make the parts; their parameters are drawn by the model that they are of.

        Raises:
            ArgumentError: the configuration asks for what this form does not have.
        """
        super().__init__(paper_shape(config))


def paper_shape(config: HierarchicalConfig) -> EndOfWordShape:
    """The sizes of the network; windows of encoder and decoder play no part in words.

    Raises:
        ArgumentError: the configuration asks for what this form does not have.
    """
    if config.encoder is None or config.byte_block != "attention":
        raise ArgumentError(
            "in the form of the paper words are encoded by attention; give an encoder and "
            "byte_block='attention', or form='release'"
        )
    if config.hashed_prefixes:
        raise ArgumentError(
            f"hashed_prefixes is {config.hashed_prefixes}, which only form='release' has; leave it "
            "out, or give ngrams"
        )
    return EndOfWordShape(
        encoder=replace(config.encoder, window=None),
        backbone=config.backbone,
        decoder=replace(config.decoder, window=None),
        n_vectors=1,
        ngrams=config.ngrams,
        gate=config.gate,
        word_buckets=config.hashed_units or None,
        units=config.units,
    )
