"""One word for what a network computes: equal for equal configurations and weights."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import torch
from torch import nn

from tokkit.models.saving.configs import config_identity


def fingerprint_of(model: nn.Module, config: Any) -> str:
    """Hexadecimal, of the class, the configuration and every number that is saved."""
    told = json.dumps(config_identity(config), sort_keys=True)
    return _hashed(model, f"{type(model).__qualname__}{told}")


def fingerprint_of_weights(model: nn.Module) -> str:
    """Hexadecimal, of the class and every number that is saved, of a network of any make."""
    return _hashed(model, type(model).__qualname__)


def _hashed(model: nn.Module, told: str) -> str:
    digest = hashlib.sha256(told.encode())
    for name, each in sorted(model.state_dict().items()):
        digest.update(f"{name} {tuple(each.shape)} {each.dtype}".encode())
        digest.update(
            each.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes()
        )
    return digest.hexdigest()
