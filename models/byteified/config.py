"""The shape of a byteified model: the token model that it is on, and its decoder."""

from __future__ import annotations

from dataclasses import dataclass, field

from tokkit.arguments import check_whole, settle_fields
from tokkit.models.blocks.options import NgramConfig, StackConfig

_MOST = 1 << 28


@dataclass(frozen=True)
class TokenModelConfig:
    """What is known of the token model.

    Attributes:
        state_width: of its hidden states.
        row_width: of the rows that it reads.
        n_ids: of its tokenizer.
        vocabulary: hash of the bytes of its tokens.
        source: what `tokkit.load_lm` takes, where the folder is to be opened by itself; None:
            whoever opens it gives the model.
    """

    state_width: int
    row_width: int
    n_ids: int
    vocabulary: str
    source: str | None = None

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            ArgumentError: one is another, or out of range.
        """
        settle_fields(self)
        for name in ("state_width", "row_width", "n_ids"):
            check_whole(name, getattr(self, name), 1, _MOST)


def _stack() -> StackConfig:
    return StackConfig(width=256, n_layers=3, n_heads=4, window=64)


@dataclass(frozen=True)
class DecoderConfig:
    """The network over bytes.

    Attributes:
        stack: its blocks.
        ngrams: hashed n-grams of bytes in its embedding; None: none.
        gate: whether the embedding of the place before is mixed into each.
        suffixes: whether the embedding of the longest token that a text ends with is added.
    """

    stack: StackConfig = field(default_factory=_stack)
    ngrams: NgramConfig | None = field(default_factory=NgramConfig)
    gate: bool = True
    suffixes: bool = True

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            ArgumentError: one is another.
        """
        settle_fields(self)


@dataclass(frozen=True)
class ByteifiedConfig:
    """A decoder of bytes on a token model.

    Attributes:
        token_model: which one.
        decoder: the network.
    """

    token_model: TokenModelConfig
    decoder: DecoderConfig = field(default_factory=DecoderConfig)

    def __post_init__(self) -> None:
        """Check the types.

        Raises:
            ArgumentError: one is another.
        """
        settle_fields(self)
