"""The transformers view: byte-level models as models of transformers (extra `hf`).

Importing this package registers `ByteLevelConfig`, `ByteLevelCausalLM` and `ByteLevelTokenizer`
with the Auto classes of transformers.
"""

from __future__ import annotations

try:
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    from tokkit.hf.cache import ByteCache
    from tokkit.hf.configuration import ByteLevelConfig
    from tokkit.hf.modeling import ByteLevelCausalLM
    from tokkit.hf.symbols import BLANK_ID, END_ID
    from tokkit.hf.tokenization import ByteLevelTokenizer
except ModuleNotFoundError as error:
    from tokkit.errors import MissingExtraError

    raise MissingExtraError(
        f"the transformers view needs torch and transformers ({error})", extra="hf"
    ) from error

__all__ = [
    "BLANK_ID",
    "END_ID",
    "ByteCache",
    "ByteLevelCausalLM",
    "ByteLevelConfig",
    "ByteLevelTokenizer",
]

AutoConfig.register(ByteLevelConfig.model_type, ByteLevelConfig, exist_ok=True)
AutoModelForCausalLM.register(ByteLevelConfig, ByteLevelCausalLM, exist_ok=True)
AutoTokenizer.register(ByteLevelConfig, slow_tokenizer_class=ByteLevelTokenizer, exist_ok=True)
