"""How a hypernetwork is built, under the field's names, and those of published checkpoints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any

from tokkit.arguments import check_kind, refuse_unknown, settle_fields
from tokkit.errors import ArgumentError, FormatError, UnsupportedError
from tokkit.models.blocks.options import MOST_LAYERS

_PUBLISHED = {
    "n_embd": "width",
    "separate_out_embeddings": "separate_outputs",
    "hn_surface_maxlen": "max_parts",
    "hn_n_layers": "n_layers",
    "hn_hidden_size": "hidden",
    "hn_intermediate_size": "intermediate",
    "hn_num_attention_heads": "n_heads",
    "hn_n_extra_tokens": "n_extra",
    "original_vocab_size": "n_source",
    "pad_token_id": "pad_id",
    "hn_rescale_embeddings": "rescale",
    "hn_predict_bias": "predict_bias",
    "hn_single_head": "single_head",
    "hn_concat_last_hidden_state": "concatenate",
}
"""Key of a published config.json -> field here."""
_REFUSED = ("hn_add_inter_token_attention", "hn_embed_target_priors")
_HEAD_WIDTH = 64
MOST_SIZE = 1 << 20


@dataclass(frozen=True)
class HypernetConfig:
    """The shape of a hypernetwork.

    Attributes:
        width: of the model's rows.
        n_source: ids of the source vocabulary; ids from here on are `n_extra` fallbacks.
        separate_outputs: whether output rows are made beside the input rows. The network then
            reads both, side by side.
        reads_outputs: whether source rows are pairs of input and output row; those of a tied model
            are not, even where rows of both kinds are made.
        max_parts: places for the ids that a token is spelled with; more are cut off.
        n_layers: of the transformer.
        hidden: its width.
        intermediate: of its feed-forward layers, and of the projections.
        n_heads: of its attention.
        n_extra: fallback ids, for bytes that the source vocabulary lacks.
        pad_id: the id that stands where a spelling has ended.
        rescale: whether rows are brought to the scale of the network and back.
        predict_bias: whether there is a head for the bias of a token's logit.
        single_head: one projection for both kinds of rows.
        centred: whether a predicted output row adds nothing to the logit at the mean hidden state,
            `centre`, so that the bias alone says how frequent a token is. Not published.
        concatenate: heads read the states of all places, and not the first alone.
        n_languages: embeddings of languages; 0 for none.
        max_positions: places that the transformer knows.
        norm_eps: of its layer norms.
    """

    width: int
    n_source: int
    separate_outputs: bool = False
    reads_outputs: bool = False
    max_parts: int = 8
    n_layers: int = 3
    hidden: int = 256
    intermediate: int = 512
    n_heads: int = 4
    n_extra: int = 256
    pad_id: int = -1
    rescale: bool = True
    predict_bias: bool = True
    single_head: bool = False
    concatenate: bool = False
    centred: bool = False
    n_languages: int = 0
    max_positions: int = 32
    norm_eps: float = 1e-5

    def __post_init__(self) -> None:
        """Check the ranges.

        Raises:
            ArgumentError: a value of another type.
            FormatError: a size out of range, or that does not fit another.
        """
        settle_fields(self)
        for name in ("width", "n_source", "max_parts", "n_layers", "hidden", "intermediate"):
            most = MOST_LAYERS if name == "n_layers" else MOST_SIZE
            if not 1 <= getattr(self, name) <= most:
                raise FormatError(f"{name} is {getattr(self, name)}; expected 1 to {most}")
        if self.norm_eps <= 0:
            raise FormatError(f"norm_eps is {self.norm_eps}; expected more than 0")
        if self.n_heads < 1 or self.hidden % self.n_heads:
            raise FormatError(f"hidden is {self.hidden}; expected a multiple of {self.n_heads=}")
        if self.max_parts + (self.n_languages > 0) > self.max_positions:
            raise FormatError(f"{self.max_parts=} places, and {self.max_positions=} are known")
        for name in ("n_extra", "n_languages", "max_positions"):
            if not 0 <= getattr(self, name) <= MOST_SIZE:
                raise FormatError(f"{name} is {getattr(self, name)}; expected 0 to {MOST_SIZE}")
        if not -1 <= self.pad_id < self.n_source + self.n_extra:
            raise FormatError(f"pad_id is {self.pad_id}; expected an id, or -1 for one of its own")
        if self.reads_outputs and not self.separate_outputs:
            raise FormatError("output rows are read, and none are made; expected both")
        if self.centred and not (self.separate_outputs and self.predict_bias):
            raise FormatError("centred, and not both output rows and a bias are made")

    @property
    def read_width(self) -> int:
        """Columns of the source rows that are read."""
        return self.width * (1 + self.reads_outputs)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> HypernetConfig:
        """Read what `to_dict` wrote.

        Raises:
            FormatError: missing or unknown keys, or values of another kind.
        """
        check_kind(data, Mapping, "a hypernetwork's configuration")
        refuse_unknown(data, [each.name for each in fields(cls)], what="key of a hypernetwork")
        for each in fields(cls):
            kind = {"int": int, "bool": bool, "float": float}[str(each.type)]
            if each.name in data and type(data[each.name]) is not kind:
                raise FormatError(f"{each.name} is {data[each.name]!r}; expected {kind.__name__}")
        try:
            return cls(**data)
        except (ArgumentError, TypeError) as error:
            raise FormatError(f"a hypernetwork's configuration: {error}") from error

    @classmethod
    def from_published(cls, data: Mapping[str, Any]) -> HypernetConfig:
        """Read the `config.json` of a published checkpoint (`benjamin/zett-hypernetwork-*`).

        What it does not name has the defaults of the authors' code, whose transformer is that of
        `roberta-base` in another size.

        Raises:
            UnsupportedError: attention between tokens, priors, T5, or a vocabulary of its own.
            FormatError: keys that are missing, or of another kind.
        """
        check_kind(data, Mapping, "a hypernetwork's configuration")
        for key in _REFUSED:
            if data.get(key):
                raise UnsupportedError(f"{key} is set, which the published PyTorch code lacks, too")
        if data.get("hn_model_type", "roberta") != "roberta":
            raise UnsupportedError(f"hn_model_type is {data['hn_model_type']!r}, not 'roberta'")
        if not data.get("hn_embed_using_source_embeddings", False):
            raise UnsupportedError("it does not read the rows of the source model; expected that")
        found = {new: data[old] for old, new in _PUBLISHED.items() if data.get(old) is not None}
        missing = {"width", "n_source", "hidden", "intermediate", "pad_id"} - set(found)
        if missing:
            raise FormatError(f"config.json lacks the keys of {', '.join(sorted(missing))}")
        languages = data.get("n_langs") if data.get("hn_embed_lang_id") else 0
        defaults = {
            "max_parts": 16, "n_layers": 3, "n_extra": 0, "rescale": False, "predict_bias": True,
        }  # fmt: skip
        if isinstance(found["hidden"], int):
            defaults["n_heads"] = max(1, found["hidden"] // _HEAD_WIDTH)
        both = {"reads_outputs": found.get("separate_outputs", False)}
        sizes = {"max_positions": 514, "n_languages": languages}
        return cls.from_dict({**defaults, **found, **both, **sizes})
