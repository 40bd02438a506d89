"""`ByteLevelConfig`: what a saved view of byte-level models says. It names models, and holds none.

The configuration is the whole of a saved view: which models there are, how they are combined, and
the options that change probabilities. What only changes how they run (device, threads), and whether
anything may be downloaded, is said when a view is loaded, never by the file.
"""

from __future__ import annotations

from typing import Any

from transformers import PreTrainedConfig

from tokkit.arguments import check_choice
from tokkit.bytelm.ensemble import COMBINATIONS
from tokkit.errors import ArgumentError
from tokkit.hf.symbols import BLANK_ID, END_ID, VOCAB_SIZE

LOGITS_DTYPES = ("float32", "float64")
SOURCE_OPTIONS = ("bos_ids", "dtype", "eos_ids")
"""Options of `load_lm` that change probabilities, and so belong to the configuration."""


class ByteLevelConfig(PreTrainedConfig):
    """Configuration of `ByteLevelCausalLM`.

    Attributes:
        source: what `tokkit.load_lm` loads: a folder, a GGUF file, the name of a packaged model, a
            hub id; a list of them is an ensemble. None for a view of a model in memory.
        encodings: see `tokkit.ByteLM`.
        tolerance: see `tokkit.ByteLM`.
        combine: see `tokkit.ByteEnsemble`.
        weights: see `tokkit.ByteEnsemble`; None for equal ones.
        source_options: options of `load_lm` for every source: `dtype`, `bos_ids`, `eos_ids`.
        logits_dtype: `float32` or `float64`. Generation of transformers works in float32.
        use_cache: whether calls return a cache by default.

    Raises:
        ArgumentError: a field of the wrong type or out of range.
    """

    model_type = "tokkit-byte-level"
    keys_to_ignore_at_inference = ["past_key_values"]  # noqa: RUF012  # the base class annotates it

    source: str | list[str] | None = None
    encodings: str = "canonical"
    tolerance: float = 0.0
    combine: str = "mixture"
    weights: list[float] | None = None
    source_options: dict[str, Any] | None = None
    logits_dtype: str = "float32"
    use_cache: bool = True
    vocab_size: int = VOCAB_SIZE
    bos_token_id: int | None = BLANK_ID
    eos_token_id: int | list[int] | None = END_ID
    pad_token_id: int | None = BLANK_ID
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        self._check_sources()
        check_choice("logits_dtype", self.logits_dtype, LOGITS_DTYPES)
        check_choice("combine", self.combine, COMBINATIONS)
        ids = (self.vocab_size, self.bos_token_id, self.eos_token_id, self.pad_token_id)
        if ids != (VOCAB_SIZE, BLANK_ID, END_ID, BLANK_ID):
            raise ArgumentError(
                f"the ids of a byte-level view are fixed (vocab_size {VOCAB_SIZE}, BOS and PAD "
                f"{BLANK_ID}, EOS {END_ID}); got vocab_size, BOS, EOS, PAD {ids}"
            )

    @property
    def sources(self) -> list[str]:
        """The sources as a list; empty for a model in memory."""
        if self.source is None:
            return []
        return [self.source] if isinstance(self.source, str) else list(self.source)

    def _check_sources(self) -> None:
        single = self.source is None or isinstance(self.source, str)
        parts: list[Any] = list(self.sources)  # from a file: of any type
        strings = all(isinstance(part, str) and part for part in parts)
        if not strings or not (single or self.source):
            raise ArgumentError(
                f"source must be a string, a list of strings or None, got {self.source!r}"
            )
        unknown = sorted(set(self.source_options or ()) - set(SOURCE_OPTIONS))
        if unknown:
            raise ArgumentError(
                f"source_options holds {unknown[0]!r}, expected only {', '.join(SOURCE_OPTIONS)}; "
                "pass other options of load_lm to from_source or from_pretrained"
            )
