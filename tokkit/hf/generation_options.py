"""What transformers' generation is asked for, where a byte-level view must answer differently.

Stop strings are compared as bytes: transformers matches them with the characters of the tokens,
which here are bytes that need not be characters. Ways to generate that would read what a view does
not have (another model's symbols, an earlier state of the cache, hidden states) are refused before
anything is computed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from transformers import GenerationConfig, StoppingCriteria

from tokkit.bytelm.drawing.stopping import as_stops
from tokkit.errors import ArgumentError, UnsupportedError
from tokkit.hf.symbols import END_ID

_REFUSED = {
    "assistant_model": "its cache cannot be rolled back, as assisted decoding must",
    "prompt_lookup_num_tokens": "its cache cannot be rolled back, as assisted decoding must",
    "assistant_early_exit": "it has no layers to leave early",
    "use_mtp": "it has no heads that predict several symbols",
    "dola_layers": "it has no layers to compare",
    "penalty_alpha": "it has no hidden states to compare",
    "guidance_scale": "bytes that are impossible under both prompts have no difference; combine "
    "models with ByteEnsemble instead",
    "token_healing": "its prompts may end anywhere, and need no healing",
}
"""Options of generation -> why a byte-level view cannot do it."""

_NEUTRAL: dict[str, Any] = {"guidance_scale": 1, "penalty_alpha": 0}


def refuse_options(options: Mapping[str, Any], config: GenerationConfig) -> None:
    """Refuse what a view cannot do, whether it is asked for in the call or by the configuration.

    Raises:
        UnsupportedError: with the reason.
    """
    for name, reason in _REFUSED.items():
        value = options.get(name, getattr(config, name, None))
        if value is None or value is False or value == _NEUTRAL.get(name):
            continue
        raise UnsupportedError(f"{name} does not go with a byte-level view: {reason}")


class StopStrings(StoppingCriteria):
    """Stops a row whose bytes end with one of some strings."""

    def __init__(self, strings: str | bytes | Sequence[str | bytes]) -> None:
        """Take the strings.

        Raises:
            ArgumentError: none, or an empty one.
        """
        self._strings = as_stops(strings, "stop_strings")
        if not self._strings or not all(self._strings):
            raise ArgumentError(f"stop_strings must be strings that are not empty, got {strings!r}")
        self._longest = max(map(len, self._strings))

    def __call__(self, input_ids: torch.Tensor, scores: Any, **_: Any) -> Any:
        """Bool (rows,): whether to stop; `input_ids` is int (rows, length), blanks among them."""
        del scores
        ended = [self._ends(row) for row in input_ids.cpu().numpy()]
        return torch.tensor(ended, dtype=torch.bool, device=input_ids.device)

    def _ends(self, row: np.ndarray[Any, Any]) -> bool:
        # Blanks may stand between; a row that is long enough without them needs no second look.
        tail = row[-self._longest :]
        if (tail >= END_ID).any():
            tail = row[row < END_ID][-self._longest :]
        data = tail.astype(np.uint8).tobytes()
        return any(data.endswith(text) for text in self._strings)
