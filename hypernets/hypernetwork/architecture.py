"""The hypernetwork: from the spelling of a token in old ids to its rows.

"Zero-Shot Tokenizer Transfer" (Minixhofer et al., NeurIPS 2024), section 3.2 and figure 2:

1. the old rows of a token's parts (input and output row side by side, for models with both), and an
   own embedding for each byte that the old vocabulary lacks, are projected to the network's width;
2. a small bidirectional transformer (RoBERTa's, layer norms after the sums) reads them, with the
   embedding of a language in a further place, where there are languages;
3. heads read the state of the first place: a row for the input matrix, one for the output matrix,
   and a bias of the token's logit.

Names of parameters are those of the published PyTorch checkpoints. Two things are not published:
`residual` makes all heads begin with zeros, so that what is predicted is a correction; and a
`centred` network takes from the bias what its output rows add at the mean hidden state, because all
states of a model lie near one another, and every change of a row would change a token's frequency.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn
from torch.nn import functional

from tokkit.errors import ArgumentError
from tokkit.hypernets.hypernetwork.config import HypernetConfig
from tokkit.models.blocks.output_layer import OutputLayer

_PROJECTOR_EPS = 1e-6
_INIT_DEVIATION = 0.02


@dataclass(frozen=True)
class Predicted:
    """What a hypernetwork makes of n spellings.

    Attributes:
        inputs: float (n, width).
        outputs: float (n, width), or None.
        bias: float (n,), nats, or None.
    """

    inputs: torch.Tensor
    outputs: torch.Tensor | None
    bias: torch.Tensor | None


class Rescaler(nn.Module):
    """An elementwise scale and shift that is set once and not trained."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.w = nn.Parameter(torch.ones(1, width), requires_grad=False)
        self.b = nn.Parameter(torch.zeros(1, width), requires_grad=False)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Float (..., width), scaled."""
        return self.w * rows + self.b


class ProjectorBlock(nn.Module):
    """A feed-forward layer with a sum and a layer norm after it."""

    def __init__(self, width: int, intermediate: int) -> None:
        super().__init__()
        self.dense1 = nn.Linear(width, intermediate)
        self.dense2 = nn.Linear(intermediate, width)
        self.ln = nn.LayerNorm(width, eps=_PROJECTOR_EPS)

    def forward(self, states: torch.Tensor) -> torch.Tensor:
        """Float (..., width), of the same shape."""
        inner = functional.gelu(self.dense1(states), approximate="tanh")
        return self.ln(functional.gelu(self.dense2(inner), approximate="tanh") + states)


class _SumNorm(nn.Module):
    """A linear layer, the sum with what went in before, and a layer norm."""

    def __init__(self, inner: int, width: int, eps: float) -> None:
        super().__init__()
        self.dense = nn.Linear(inner, width)
        self.LayerNorm = nn.LayerNorm(width, eps=eps)

    def forward(self, inner: torch.Tensor, before: torch.Tensor) -> torch.Tensor:
        return self.LayerNorm(self.dense(inner) + before)


class _Layer(nn.Module):
    """A layer of RoBERTa's encoder."""

    def __init__(self, config: HypernetConfig) -> None:
        super().__init__()
        width, eps = config.hidden, config.norm_eps
        self.n_heads = config.n_heads
        parts = {name: nn.Linear(width, width) for name in ("query", "key", "value")}
        self.attention = nn.ModuleDict(
            {"self": nn.ModuleDict(parts), "output": _SumNorm(width, width, eps)}
        )
        self.intermediate = nn.ModuleDict({"dense": nn.Linear(width, config.intermediate)})
        self.output = _SumNorm(config.intermediate, width, eps)

    def forward(self, states: torch.Tensor, mask: torch.Tensor, n_kept: int) -> torch.Tensor:
        """Float (n, n_kept, hidden): the states after the layer, of the first places alone."""
        parts = cast(nn.ModuleDict, self.attention["self"])
        kept = states[:, :n_kept]
        query, key, value = (
            parts[name](of).unflatten(-1, (self.n_heads, -1)).transpose(1, 2)
            for name, of in (("query", kept), ("key", states), ("value", states))
        )
        read = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask)
        kept = self.attention["output"](read.transpose(1, 2).flatten(2), kept)
        return self.output(functional.gelu(self.intermediate["dense"](kept)), kept)


class Hypernetwork(nn.Module):
    """Predicts rows of tokens from how they are spelled."""

    def __init__(self, config: HypernetConfig, *, residual: bool = False, seed: int = 0) -> None:
        """Draw the parameters.

        Args:
            config: its shape.
            residual: whether the last layer of each head begins with zeros.
            seed: of the draw.
        """
        super().__init__()
        self.config = config
        width, hidden, inner = config.width, config.hidden, config.intermediate
        if config.n_languages:
            self.lang_embeddings = nn.Embedding(config.n_languages, hidden)
        self.model = nn.ModuleDict(
            {
                "embeddings": nn.ModuleDict(
                    {
                        "position_embeddings": nn.Embedding(config.max_positions, hidden),
                        "token_type_embeddings": nn.Embedding(1, hidden),
                        "LayerNorm": nn.LayerNorm(hidden, eps=config.norm_eps),
                    }
                ),
                "encoder": nn.ModuleDict(
                    {"layer": nn.ModuleList(_Layer(config) for _ in range(config.n_layers))}
                ),
            }
        )
        self.fallback_embeddings = nn.Embedding(max(config.n_extra, 1), config.read_width)
        self.input_projection = nn.Sequential(
            nn.Linear(config.read_width, hidden), ProjectorBlock(hidden, inner)
        )
        made = width * (1 + (config.single_head and config.separate_outputs))
        self.output_projection = self._head(made)
        self.output_projection_out = None
        if config.separate_outputs and not config.single_head:
            self.output_projection_out = self._head(width)
        self.in_scaler = self.scaler = self.out_scaler = None
        if config.rescale:
            self.in_scaler, self.scaler = Rescaler(config.read_width), Rescaler(width)
            self.out_scaler = Rescaler(width) if config.separate_outputs else None
        self.bias_projection = None
        if config.predict_bias:
            self.bias_projection = OutputLayer(self._state_width(), 1)
        if config.centred:
            self.register_buffer("centre", torch.zeros(width))
        self._draw(residual, seed)

    def forward(
        self, parts: torch.Tensor, source_rows: torch.Tensor, *, language: int | None = None
    ) -> Predicted:
        """Predict rows.

        Args:
            parts: int64 (n, places), old ids, `n_source` and up for fallbacks, `pad_id` behind the
                end; at most `max_parts` places.
            source_rows: float (n_source or more, read_width), the old rows.
            language: which one's embedding is read, for networks that have them.

        Raises:
            ArgumentError: shapes that do not fit, or a language where there are none (or the other
                way round).
        """
        self._check(parts, source_rows, language)
        n, n_places = parts.shape
        real = parts != self.config.pad_id
        states = self.input_projection(self._embedded(parts, source_rows))
        layers = cast(nn.ModuleDict, self.model["embeddings"])
        places = cast(nn.Embedding, layers["position_embeddings"]).weight[:n_places]
        kind = cast(nn.Embedding, layers["token_type_embeddings"]).weight[0]
        states = states + places + kind
        if language is not None:
            spoken = self.lang_embeddings.weight[language].expand(n, 1, -1)
            states = torch.cat([states, spoken.to(states.dtype)], dim=1)
            real = torch.cat([real, real.new_ones(n, 1)], dim=1)
        states = layers["LayerNorm"](states)
        mask = real[:, None, None, :]
        encoder = cast(nn.ModuleList, cast(nn.ModuleDict, self.model["encoder"])["layer"])
        for number, layer in enumerate(encoder, start=1):
            only_first = number == len(encoder) and not self.config.concatenate
            states = layer(states, mask, 1 if only_first else states.shape[1])
        return self._heads(states.flatten(1) if self.config.concatenate else states[:, 0])

    def _embedded(self, parts: torch.Tensor, source_rows: torch.Tensor) -> torch.Tensor:
        config = self.config
        extra = parts >= config.n_source
        embedded = functional.embedding(parts.clamp(0, config.n_source - 1), source_rows)
        if self.in_scaler is not None:
            embedded = self.in_scaler(embedded)
        own = self.fallback_embeddings((parts - config.n_source).clamp(min=0))
        return torch.where(extra[..., None], own, embedded.to(own.dtype))

    def _heads(self, states: torch.Tensor) -> Predicted:
        width = self.config.width
        inputs = self.output_projection(states)
        outputs = None
        if self.output_projection_out is not None:
            outputs = self.output_projection_out(states)
        elif self.config.separate_outputs:
            inputs, outputs = inputs[:, :width], inputs[:, width:]
        if self.scaler is not None:
            inputs = self.scaler(inputs)
        if self.out_scaler is not None and outputs is not None:
            outputs = self.out_scaler(outputs)
        bias = None if self.bias_projection is None else self.bias_projection(states)[:, 0]
        if self.config.centred and bias is not None and outputs is not None:
            bias = bias - (outputs.float() @ self.centre)
        return Predicted(inputs, outputs, bias)

    def _head(self, width: int) -> nn.Sequential:
        hidden = self._state_width()
        return nn.Sequential(
            ProjectorBlock(hidden, self.config.intermediate), OutputLayer(hidden, width)
        )

    def _state_width(self) -> int:
        config = self.config
        return config.hidden * (config.max_parts if config.concatenate else 1)

    def _draw(self, residual: bool, seed: int) -> None:
        """RoBERTa's initial parameters; heads of zeros for residuals."""
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for module in self.modules():
                if isinstance(module, nn.Linear | nn.Embedding):
                    module.weight.normal_(0.0, _INIT_DEVIATION, generator=generator)
                if isinstance(module, nn.Linear):
                    module.bias.zero_()
            if residual:
                heads = (self.output_projection, self.output_projection_out)
                lasts = [cast(nn.Linear, head[1]) for head in heads if head is not None]
                for last in (*lasts, self.bias_projection):
                    if last is not None:
                        last.weight.zero_()

    def _check(self, parts: torch.Tensor, source_rows: torch.Tensor, language: int | None) -> None:
        config = self.config
        if parts.dim() != 2 or parts.shape[1] > config.max_parts or not parts.shape[1]:
            raise ArgumentError(
                f"spellings are {tuple(parts.shape)}; expected (n, 1 to {config.max_parts})"
            )
        if config.concatenate and parts.shape[1] != config.max_parts:
            raise ArgumentError(f"spellings have {parts.shape[1]} places, not {config.max_parts}")
        if source_rows.shape[1] != config.read_width or len(source_rows) < config.n_source:
            raise ArgumentError(
                f"source rows are {tuple(source_rows.shape)}; expected at least {config.n_source:,}"
                f" of width {config.read_width}"
            )
        if (language is not None) != (config.n_languages > 0) or (
            language is not None and not 0 <= language < config.n_languages
        ):
            raise ArgumentError(
                f"language is {language}; the network has {config.n_languages} of them"
            )
