"""`HierarchicalTransformer`: a model of bytes whose backbone reads units of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import torch
from numpy.typing import NDArray

from tokkit.bytelm.byte_state import N_SYMBOLS, Bounds
from tokkit.models.blocks.stack import draw_parameters
from tokkit.models.hierarchical.config import HierarchicalConfig
from tokkit.models.hierarchical.paper import PaperForm
from tokkit.models.hierarchical.release import ReleaseForm
from tokkit.models.text_models.text_model import CachedTextModel
from tokkit.models.text_models.windows import Windows

_FORMS = {"release": ReleaseForm, "paper": PaperForm}


class HierarchicalTransformer(CachedTextModel):
    """A `ByteModel` of bytes and units; which form of it, its configuration says.

    Attributes:
        body: the network.
    """

    kind: ClassVar[str] = "hierarchical-transformer"
    config_class: ClassVar[Any] = HierarchicalConfig

    def __init__(self, config: HierarchicalConfig | None = None, *, seed: int = 0) -> None:
        """Build it, with parameters that are drawn.

        Args:
            config: its shape; the default trains on a laptop.
            seed: of the draw.
        """
        super().__init__()
        self.config = config or HierarchicalConfig()
        self.name = "hierarchical transformer"
        self.body = _FORMS[self.config.form](self.config)
        draw_parameters(self, seed=seed)
        self.body.open_gates()

    def nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.nats`."""
        return self.body.nats(windows)

    def training_nats(self, windows: Windows) -> torch.Tensor:
        """See `TextModel.training_nats`."""
        return self.body.training_nats(windows)

    @property
    def rows_cost_more(self) -> bool:
        """See `CachedTextModel.rows_cost_more`: the paper's form encodes the word so far."""
        return self.config.form == "paper"

    def begin(self) -> tuple[Any, NDArray[np.float64]]:
        """See `CachedTextModel.begin`."""
        with self.evaluating():
            return self.body.begin()

    def extend(
        self, caches: Sequence[Any], data: Sequence[bytes]
    ) -> tuple[list[Any], list[NDArray[np.float64]]]:
        """See `CachedTextModel.extend`."""
        if not any(data):
            return list(caches), [np.empty((0, N_SYMBOLS)) for _ in data]
        with self.evaluating():
            return self.body.extend(caches, data)

    def read_through(
        self, caches: Sequence[Any], data: Sequence[bytes]
    ) -> tuple[list[Any], list[NDArray[np.float64]]]:
        """See `CachedTextModel.read_through`."""
        if not isinstance(self.body, PaperForm):
            return self.extend(caches, data)
        with self.evaluating():
            return self.body.read_through(caches, data)

    @property
    def glances(self) -> bool:
        """See `CachedTextModel.glances`: in the paper's form a decoder goes on with words alone."""
        return isinstance(self.body, PaperForm)

    def glance(self, cache: Any, data: bytes) -> Bounds | None:
        """See `CachedTextModel.glance`."""
        if not isinstance(self.body, PaperForm):
            return None
        with self.evaluating():
            return self.body.glance(cache, data)
