"""A whole tokenizer.json from a spec.

The library gives an added token the id that the model's vocabulary has for its spelling, and the
next free one if it has none. So the model holds everything but the added tokens at the very end,
with a name for each hole; then all ids come out as they are. Added tokens at the end stay outside
the model, where it cannot make them of text that is not to be cut out.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from tokkit.hypernets.tokenizer_export.model_node import check_family, model_node
from tokkit.hypernets.tokenizer_export.nodes import Node, in_sequence, replace_node
from tokkit.hypernets.tokenizer_export.normalizer_nodes import NormalizerNodes, normalizer_nodes
from tokkit.hypernets.tokenizer_export.refusal import refused
from tokkit.hypernets.tokenizer_export.roles import SpecialRoles
from tokkit.hypernets.tokenizer_export.spelling import is_byte_level, spellings
from tokkit.hypernets.tokenizer_export.split_nodes import split_nodes
from tokkit.text.added_tokens import all_added_tokens
from tokkit.text.spec import AddedToken, TokenizerSpec, TokenKind


def tokenizer_document(spec: TokenizerSpec, roles: SpecialRoles) -> dict[str, Any]:
    """The parsed tokenizer.json of a spec.

    Args:
        spec: the tokenizer.
        roles: which ids are put before and after a text (`begins`, `ends`).

    Raises:
        UnsupportedError: something that no tokenizer.json can say, named.
    """
    check_family(spec)
    byte_level = is_byte_level(spec)
    made = normalizer_nodes(spec, byte_level=byte_level)
    splits = split_nodes(spec, made, byte_level=byte_level)
    texts = spellings(spec, mark=made.mark)
    added = sorted(all_added_tokens(spec), key=lambda token: token.id)
    outside = _at_the_end(spec, added)
    in_model = [token for token in range(spec.vocab_size) if token not in outside]
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_added_node(token, spec, texts) for token in added],
        "normalizer": in_sequence("normalizers", made.steps),
        "pre_tokenizer": in_sequence("pretokenizers", splits),
        "post_processor": _post_processor(roles, texts),
        "decoder": _decoder(spec, made, byte_level=byte_level),
        "model": model_node(spec, texts, in_model),
    }


def _at_the_end(spec: TokenizerSpec, added: Sequence[AddedToken]) -> set[int]:
    """The added tokens that are the last ids, with none between them that the model must hold."""
    ids = {token.id for token in added} - set(spec.also_model)
    ids -= set(np.flatnonzero(spec.kinds == TokenKind.NORMAL).tolist())
    if spec.unk_id is not None:
        ids.discard(spec.unk_id)
    if spec.merges is not None:
        merges = spec.merges
        ids -= set(np.concatenate((merges.left, merges.right, merges.result)).tolist())
    first = spec.vocab_size
    while first - 1 in ids:
        first -= 1
    return set(range(first, spec.vocab_size))


def _added_node(token: AddedToken, spec: TokenizerSpec, texts: Sequence[str]) -> Node:
    special = spec.kinds[token.id] == TokenKind.SPECIAL
    content = texts[token.id]
    sought = _looked_for(content, token, spec)
    if sought != token.content:
        raise refused(
            spec,
            f"cuts out the added token {content[:60]!r} where text has {token.content[:60]!r}, and "
            f"the tokenizers library, which normalises it, where text has {sought[:60]!r}",
        )
    return {
        "id": token.id,
        "content": content,
        "single_word": token.single_word,
        "lstrip": token.lstrip,
        "rstrip": token.rstrip,
        "normalized": token.normalized,
        "special": bool(special),
    }


def _looked_for(content: str, token: AddedToken, spec: TokenizerSpec) -> str:
    """What the library looks for, in byte space: a token for normalised text is normalised."""
    if not token.normalized:
        return content
    normalizer = spec.normalizer
    text = content if normalizer is None else normalizer(content)
    if spec.prefix_unit == "normalized" and spec.prefix_space == "always" and text:
        text = " " + text
    return text


def _post_processor(roles: SpecialRoles, texts: Sequence[str]) -> Node | None:
    """What is put before and after a text, and between two."""
    if not roles.begins and not roles.ends:
        return None
    begins, ends = ([texts[token] for token in ids] for ids in (roles.begins, roles.ends))

    def around(sequence: str, kind: int, first: Sequence[str]) -> list[Node]:
        before, after = (
            [{"SpecialToken": {"id": text, "type_id": kind}} for text in control]
            for control in (first, ends)
        )
        return [*before, {"Sequence": {"id": sequence, "type_id": kind}}, *after]

    single = around("A", 0, begins)
    # BERT separates two texts by what ends the first; decoders begin the second one again.
    pair = single + around("B", 1, () if ends else begins)
    ids = dict(zip([*begins, *ends], [*roles.begins, *roles.ends], strict=True))
    special = {text: {"id": text, "ids": [i], "tokens": [text]} for text, i in ids.items()}
    return {"type": "TemplateProcessing", "single": single, "pair": pair, "special_tokens": special}


def _decoder(spec: TokenizerSpec, made: NormalizerNodes, *, byte_level: bool) -> Node | None:
    if byte_level:
        return {
            "type": "ByteLevel", "add_prefix_space": True, "trim_offsets": True, "use_regex": True,
        }  # fmt: skip
    if spec.family == "wordpiece":
        return {"type": "WordPiece", "prefix": "##", "cleanup": False}
    steps: list[Node] = [replace_node(made.mark, " ")] if made.mark else []
    steps += [{"type": "ByteFallback"}, {"type": "Fuse"}]
    if spec.prefix_space != "never":
        steps.append({"type": "Strip", "content": " ", "start": 1, "stop": 0})
    return in_sequence("decoders", steps)
