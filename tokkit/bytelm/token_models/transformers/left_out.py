"""Weights of a file that its configuration has no place for: beside the model, or part of it?

Much lies beside a causal model that does not matter to it: towers of other modalities, encoders,
heads of other tasks, buffers of older versions. transformers knows some of it
(`_keys_to_ignore_on_load_unexpected`) and reports the rest. A weight that it reports is part of the
model, which gives other probabilities without it, where it lies

- in a list of the model's modules, beyond its end (`layers.7` of six layers), unless in a layer
  that predicts several tokens at once (DeepSeek, GLM), which has a projection `eh_proj`;
- inside a block of such a list, of a module that the block lacks (`q_norm.weight`), unless that
  module attends to an encoder, which nothing is given to; or
- beside the weight of a module, as a bias or scale that the module lacks.

A bias that is all zeros adds nothing wherever it lies.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from tokkit.errors import ModelError
from tokkit.files.safetensors_files import SafetensorsFile

_SEVERAL_TOKENS = re.compile(r"(.+?)\.(?:nextn\.)?eh_proj\.")
_ELSEWHERE = re.compile(r"cross_?att|encoder_attn|encdecattention|rope_|rot_embd", re.IGNORECASE)
_BESIDE_A_WEIGHT = ("bias", "weight_scale", "weight_scale_inv")
_N_NAMED = 3


def refuse_left_out(
    path: Path,
    unused: Iterable[str],
    used: Iterable[str],
    lists: Mapping[str, int],
    is_zero: Callable[[str], bool],
) -> None:
    """Refuse weights that were not used though they are part of the model.

    Args:
        path: where they lie, for the message.
        unused: names of weights.
        used: names of the model's own weights, in the same style; of none, only the ends of the
            lists are looked at.
        lists: names of the model's lists of modules, and how many each has.
        is_zero: whether all of an unused weight is zero.

    Raises:
        ModelError: some are part of the model.
    """
    unused, weights = list(unused), set(used)
    modules = {name[: dot.start()] for name in weights for dot in re.finditer(r"\.", name)}
    no_layers = {found[1] for key in unused if (found := _SEVERAL_TOKENS.match(key))}

    def is_part(key: str) -> bool:
        inside = [name for name in lists if key.startswith(f"{name}.")]
        for name in inside:
            index = key[len(name) + 1 :].partition(".")[0]
            if index.isdecimal() and int(index) >= lists[name]:
                return f"{name}.{index}" not in no_layers
        module, _, leaf = key.rpartition(".")
        if leaf in _BESIDE_A_WEIGHT and f"{module}.weight" in weights:
            return True
        lacks = bool(weights) and leaf in ("weight", "bias") and module not in modules
        return bool(inside) and lacks and not _ELSEWHERE.search(key)

    parts = [key for key in sorted(unused) if is_part(key)]
    parts = [key for key in parts if not (key.endswith(".bias") and is_zero(key))]
    if parts:
        more = ", …" if len(parts) > _N_NAMED else ""
        raise ModelError(
            f"{path}: the configuration has no place for {len(parts)} of the model's weights "
            f"({', '.join(parts[:_N_NAMED])}{more}), without which it would give other "
            "probabilities; check that configuration and weights belong together"
        )


def refuse_left_out_of_folder(path: Path, unused: Iterable[str], model: Any) -> None:
    """`refuse_left_out` for a folder of safetensors.

    Args:
        path: the folder.
        unused: as transformers reports it: names that its own lists do not cover.
        model: what was loaded.

    Raises:
        ModelError: some of them are part of the model.
    """
    base = f"{model.base_model_prefix}."
    used = [name for name, _ in model.named_parameters(remove_duplicate=False)]
    lists = {
        name: len(module)
        for name, module in model.named_modules()
        if type(module).__name__ == "ModuleList"
    }
    # Files of the base model alone do not have its name before theirs.
    lists |= {name.removeprefix(base): length for name, length in lists.items()}
    used += [name.removeprefix(base) for name in used]
    refuse_left_out(path, unused, used, lists, lambda key: _is_zero(path, key))


def _is_zero(path: Path, key: str) -> bool:
    """Whether some file of a folder has a tensor of that name, which is all zeros."""
    files = map(SafetensorsFile, path.glob("*.safetensors"))
    file = next((file for file in files if key in file.entries), None)
    return file is not None and not file.array(key).any()
