"""What the configuration of a published FlexTok says of its encoder, checked part by part.

An encoder is a dictionary of modules that are applied in order to a dictionary of values. Read here
is the order that the release has; each argument is one that is computed, one that plays no role
when a picture is encoded, or it is refused.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from tokkit.arguments import check_whole
from tokkit.errors import ArgumentError, FormatError, UnsupportedError

_TARGET = "_target_"
_MOST = 1 << 14
_MOST_PLACES = 1 << 13
"""Squares and registers together; who reads whom takes the square of their number."""
_MOST_CODES = 1 << 24
PARTS = (
    "PerSampleOp", "PatchEmbedder", "PositionalEmbeddingAdder", "Registers1D",
    "BlockWiseSequencePacker", "FlexTransformer", "SequenceUnpacker", "LinearHead",
)  # fmt: skip
"""Classes of the modules of an encoder, in their order."""
_IDLE: Mapping[str, Collection[str]] = {
    "PatchEmbedder": ("n_patches_write_key", "weight_init_style"),
    "PositionalEmbeddingAdder": ("posemb_write_key",),
    "Registers1D": ("register_sizes_read_write_key", "n_min", "size_sampling_mode"),
    "BlockWiseSequencePacker": (
        "inner_packed_shapes_write_key", "outer_packed_shapes_write_key", "max_seq_len",
        "pad_to_multiple", "compile_block_mask", "return_materialized_mask",
        "emb_packing_fn_write_key", "per_subseq_embs",
    ),
    "FlexTransformer": (
        "drop", "drop_path_rate", "use_act_checkpoint", "weight_init_style",
        "zero_init_query_proj", "intermediate_layer_write_key", "intermediate_layers",
    ),
    "SequenceUnpacker": ("inner_packed_shapes_read_key", "outer_packed_shapes_read_key"),
    "LinearHead": ("weight_init_style",),
    "FSQ": (
        "quants_write_key", "tokens_write_key", "drop_quant_p", "corrupt_tokens_p",
        "min_corrupt_tokens_p", "apply_corrupt_tokens_p", "packed_call",
    ),
}  # fmt: skip
"""Arguments that change nothing when a picture is encoded with all registers."""


@dataclass(frozen=True)
class ReleasedEncoder:
    """The shape of a published encoder.

    Attributes:
        names: of its modules, in the order of `PARTS`.
        channels: of the latents.
        patch: side of the squares that are read.
        width: of the states.
        sides: most squares, in height and in width.
        n_tokens: registers, and ids of a picture.
        depth: blocks.
        head_width: of attention.
        hidden: of the gated layers.
        levels: of the quantiser.
    """

    names: tuple[str, ...]
    channels: int
    patch: int
    width: int
    sides: tuple[int, int]
    n_tokens: int
    depth: int
    head_width: int
    hidden: int
    levels: tuple[int, ...]


class _Part:
    """The arguments of a module, each of which is asked for once."""

    def __init__(self, name: str, given: Any, kind: str) -> None:
        if not isinstance(given, dict) or not isinstance(given.get(_TARGET), str):
            raise FormatError(f"{name}: expected an object that names its class in {_TARGET}")
        found = given[_TARGET].rpartition(".")[2]
        if found != kind:
            raise UnsupportedError(f"{name}: a {found!r:.60}, expected a {kind}")
        self.name, self.kind = name, kind
        idle = {_TARGET, *_IDLE.get(kind, ())}
        self._rest = {key: value for key, value in given.items() if key not in idle}

    def take(self, key: str, default: Any = None) -> Any:
        """An argument."""
        return self._rest.pop(key, default)

    def has(self, key: str) -> bool:
        """Whether there is such an argument, and not None."""
        return self._rest.get(key) is not None

    def only(self, key: str, wanted: Any) -> None:
        """Refuse an argument that is there with another value."""
        if (value := self.take(key, wanted)) != wanted:
            raise UnsupportedError(
                f"{self.name}.{key} is {value!r:.60}; only {wanted!r} is computed here"
            )

    def size(self, key: str, default: int | None = None) -> int:
        """A whole number."""
        try:
            return check_whole(f"{self.name}.{key}", self.take(key, default), 1, _MOST)
        except ArgumentError as error:
            raise FormatError(str(error)) from error

    def sizes(self, key: str, n: int | None = None) -> tuple[int, ...]:
        """Some of them."""
        values = self.take(key)
        if not isinstance(values, list | tuple) or n not in (None, len(values)) or not values:
            raise FormatError(
                f"{self.name}.{key} is {values!r:.60}, expected {n or 'some'} numbers"
            )
        try:
            return tuple(check_whole(f"{self.name}.{key}", each, 1, _MOST) for each in values)
        except ArgumentError as error:
            raise FormatError(str(error)) from error

    def end(self) -> None:
        """Refuse what nobody asked for."""
        for key in self._rest:
            raise UnsupportedError(f"{self.name}.{key!r:.60} is not known of a {self.kind}")


def read_layout(config: Mapping[str, Any]) -> ReleasedEncoder:
    """The encoder of a configuration.

    Args:
        config: of a whole FlexTok; of its parts `encoder` and `regularizer` are read.

    Raises:
        FormatError: a part is missing, or its sizes are none, or do not fit each other.
        UnsupportedError: an encoder of another make.
    """
    for name in ("encoder", "regularizer"):
        if name not in config:
            raise FormatError(f"the configuration has no {name}; is it that of a FlexTok?")
    wrapper = _Part("encoder", config["encoder"], "SequentialModuleDictWrapper")
    modules = wrapper.take("module_dict")
    wrapper.end()
    if not isinstance(modules, dict) or len(modules) != len(PARTS):
        given = ", ".join(modules) if isinstance(modules, dict) else "none"
        raise UnsupportedError(
            f"encoder.module_dict has {given[:200]}; expected {len(PARTS)} modules: "
            f"{', '.join(PARTS)}"
        )
    names = tuple(map(str, modules))
    parts = {
        kind: _Part(name, modules[name], kind) for name, kind in zip(names, PARTS, strict=True)
    }
    parts["FSQ"] = _Part("regularizer", config["regularizer"], "FSQ")
    _check_flow(parts)
    found = _sizes(parts, names)
    for part in parts.values():
        part.end()
    return found


def _check_flow(parts: Mapping[str, _Part]) -> None:
    """Whether each module reads what the one before it wrote, in the order of `PARTS`."""
    op, patches, places, registers, packer, trunk, unpacker, head = (parts[kind] for kind in PARTS)
    _check_operation(op)
    squares = places.take("write_key")
    packed, own = packer.take("packed_seq_write_key"), registers.take("registers_write_key")
    given, out = trunk.take("input_seq_read_key"), trunk.take("output_seq_write_key")
    first, last = _pair(unpacker, "inner_seq_write_keys")
    del first
    joins = (
        (op.take("write_key"), patches.take("input_tensor_list_read_key")),
        (patches.take("patches_list_write_key"), places.take("read_key")),
        (squares, registers.take("input_tensor_list_read_key")),
        ((squares, own), _pair(packer, "input_list_read_keys")),
        (packed, given),
        (packer.take("block_mask_write_key"), trunk.take("block_mask_read_key")),
        (out, unpacker.take("packed_seq_read_key")),
        (last, head.take("read_key")),
        (head.take("write_key"), parts["FSQ"].take("latents_read_key")),
    )
    op.take("read_key")
    for written, read in joins:
        if written is None or written != read:
            raise UnsupportedError(
                f"a module of the encoder reads {read!r:.60}, and the one before it writes "
                f"{written!r:.60}; only that order of {', '.join(PARTS)} is computed here"
            )


def _check_operation(op: _Part) -> None:
    """It brings channels to the end, however the function is named."""
    given = op.take("per_sample_op")
    if isinstance(given, dict):
        given = given.get("path", given.get(_TARGET))
    if not isinstance(given, str) or given.rpartition(".")[2] != "channels_first_to_last":
        raise UnsupportedError(
            f"{op.name}.per_sample_op is {given!r:.60}; only channels_first_to_last is computed"
        )


def _pair(part: _Part, key: str) -> tuple[Any, Any]:
    value = part.take(key)
    if not isinstance(value, list | tuple) or len(value) != 2:
        raise FormatError(f"{part.name}.{key} is {value!r:.60}, expected two names")
    return value[0], value[1]


def _sizes(parts: Mapping[str, _Part], names: tuple[str, ...]) -> ReleasedEncoder:
    patches, places = parts["PatchEmbedder"], parts["PositionalEmbeddingAdder"]
    registers, trunk, head = parts["Registers1D"], parts["FlexTransformer"], parts["LinearHead"]
    width = trunk.size("dim", 768)
    for part in (patches, places, registers, head):
        if (own := part.size("dim")) != width:
            raise FormatError(f"{part.name}.dim is {own}, and the transformer's {width}")
    sides = patches.sizes("patch_sizes", 2)
    if len(set(sides)) != 1:
        raise UnsupportedError(f"{patches.name}.patch_sizes are {sides}; only squares are read")
    patches.only("flatten_patches", False)
    places.only("posemb_type", "sincos")
    places.only("posemb_scaling", "absolute")
    registers.only("ordering_mode", "nested")
    for key in ("extra_registers_write_key", "extra_registers_dim"):
        registers.only(key, None)
    n_tokens = registers.size("n_max")
    registers.only("n_eval", n_tokens if registers.has("n_eval") else None)
    parts["BlockWiseSequencePacker"].only("mask_mode", "causal_last")
    head_width = _check_trunk(trunk, width)
    _check_head(head)
    levels = parts["FSQ"].sizes("levels")
    if min(levels) < 2 or math.prod(levels) > _MOST_CODES:
        raise FormatError(f"levels {levels}, expected 2 or more each, of {_MOST_CODES:,} codes")
    if (out := head.size("dim_out")) != len(levels):
        raise FormatError(f"{head.name}.dim_out is {out}, and there are {len(levels)} levels")
    ratio = trunk.take("mlp_ratio", 4.0)
    if isinstance(ratio, bool) or not isinstance(ratio, int | float) or not 0 < ratio <= 64:
        raise FormatError(f"{trunk.name}.mlp_ratio is {ratio!r:.60}, expected a number up to 64")
    high, wide = places.sizes("max_sizes", 2)
    if high * wide + n_tokens > _MOST_PLACES:
        raise UnsupportedError(
            f"{high} x {wide} squares and {n_tokens:,} registers are more than {_MOST_PLACES:,}"
        )
    return ReleasedEncoder(
        names=names,
        channels=patches.size("channels_in"),
        patch=sides[0],
        width=width,
        sides=(high, wide),
        n_tokens=n_tokens,
        depth=trunk.size("depth", 12),
        head_width=head_width,
        hidden=int(2 * int(width * ratio) / 3),
        levels=levels,
    )


def _check_trunk(trunk: _Part, width: int) -> int:
    """The width of a head; refuses what is not computed."""
    for key in ("qkv_bias", "proj_bias", "mlp_bias"):
        trunk.only(key, False)
    for key in ("gated_mlp", "qk_norm"):
        trunk.only(key, True)
    for key in ("score_mod_read_key", "adaLN_emb_read_key", "adaLN_packing_fn_read_key",
                "rope_forward_read_key", "norm_layer"):  # fmt: skip
        trunk.only(key, None)
    trunk.only("adaLN_expansion", 1)
    act = trunk.take("act_layer", "torch.nn.SiLU")
    if isinstance(act, dict):
        act = act.get("path", act.get(_TARGET))
    if not isinstance(act, str) or act.rpartition(".")[2] != "SiLU":
        raise UnsupportedError(f"{trunk.name}.act_layer is {act!r:.60}; only SiLU is computed here")
    head_width = trunk.size("head_dim", 64)
    if width % head_width or width % 4:
        raise FormatError(f"{trunk.name}: heads of {head_width} do not make up {width} columns")
    return head_width


def _check_head(head: _Part) -> None:
    for key in ("adaLN_emb_read_key", "adaLN_packing_fn_read_key", "norm_layer"):
        head.only(key, None)
    head.only("adaLN_bias", True)
    head.only("proj_bias", True)
    head.only("use_mup_readout", False)
    dtype = head.take("dtype_override")
    if dtype not in (None, "fp32", "float32"):
        raise UnsupportedError(f"{head.name}.dtype_override is {dtype!r:.60}; expected fp32")
