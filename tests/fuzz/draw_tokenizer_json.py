"""Configurations of `tokenizer.json`, at random, with texts that hit them."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from typing import Any

from tests.fuzz.draw_models import draw_model
from tests.fuzz.draw_normalizers import draw_normalizer
from tests.fuzz.draw_pretokenizers import draw_pretokenizer
from tests.fuzz.draw_texts import draw_bytes, draw_texts
from tests.fuzz.hf_reference import cut_pieces

Node = dict[str, Any]

N_TEXTS = 24
CONTROLS = ("<s>", "</s>", "<pad>", "[CLS]", "[SEP]", "[MASK]", "<mask>", "<|end|>", "<m>")
LITERALS = (
    *("<t>", "<t>x", "ab", "xa", "a b", " a", "a ", "a", "<a", "a>", "the", "The", "12", "1", "'s"),
    *("▁", "▁▁", "▁a", "a▁b", "  ", "   ", "\n", "\n\n", "\t", "É", "é", "e\u0301", "AB", "CAFÉ"),
    *("™", "ﬁ", "日本", "語", "<unk>", "<|im_start|>", "<think>", "</think>", "un", "!", "..."),
)  # fmt: skip
FLAGS = ("lstrip", "rstrip", "single_word")


@dataclass(frozen=True)
class Case:
    """A configuration and what to encode with it.

    Attributes:
        document: the parsed `tokenizer.json`.
        texts: some of them empty, or of white space only.
        raws: bytes that need not be UTF-8.
    """

    document: Node
    texts: list[str]
    raws: list[bytes]


def draw_case(seed: int, index: int) -> Case:
    """The configuration number `index` of a seed: always the same one.

    Raises:
        ReferenceFailureError: the reference cannot cut a text by this configuration.
    """
    rng = random.Random(f"{seed}:{index}")
    document: Node = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": draw_normalizer(rng),
        "pre_tokenizer": draw_pretokenizer(rng),
        "post_processor": None,
        "decoder": None,
    }
    added = _draw_added_tokens(rng)
    texts = draw_texts(rng, N_TEXTS, [token["content"] for token in added])
    byte_level = '"ByteLevel"' in json.dumps(document)
    controls = [token["content"] for token in added if token["special"]]
    pieces = cut_pieces(document, [_without(text, controls) for text in texts])
    document["model"] = draw_model(rng, pieces, controls, byte_level=byte_level)
    document["added_tokens"] = _numbered(rng, added, document["model"]["vocab"])
    document["post_processor"] = _draw_post_processor(rng, document["added_tokens"])
    return Case(document, texts, draw_bytes(rng, texts))


def _without(text: str, controls: list[str]) -> str:
    """A text as a trainer sees it, which cuts out the control tokens."""
    for control in (*controls, "<unk>"):
        text = text.replace(control, " ")
    return text


def _draw_added_tokens(rng: random.Random) -> list[Node]:
    contents = [
        *rng.sample(CONTROLS, rng.choice((0, 1, 2, 3))),
        *rng.sample(LITERALS, rng.choice((0, 0, 1, 2, 4))),
    ]
    flagged = rng.random() < 0.35
    return [_draw_added_token(rng, content, flagged=flagged) for content in contents]


def _draw_added_token(rng: random.Random, content: str, *, flagged: bool) -> Node:
    special = rng.random() < (0.9 if content in CONTROLS else 0.03)
    flags = {flag: flagged and rng.random() < 0.3 for flag in FLAGS}
    normalized = rng.random() < (0.1 if special else 0.5)
    return {"id": 0, "content": content, **flags, "normalized": normalized, "special": special}


def _numbered(rng: random.Random, added: list[Node], vocab: Any) -> list[Node]:
    """Give each its id: the model's, or the next free one, with a gap now and then."""
    known = vocab if isinstance(vocab, dict) else {piece: i for i, (piece, _) in enumerate(vocab)}
    following = len(known) + (rng.randint(1, 3) if rng.random() < 0.1 else 0)
    for token in added:
        token["id"] = known.get(token["content"], following)
        following += token["content"] not in known
    return sorted(added, key=lambda token: token["id"])


def _draw_post_processor(rng: random.Random, added: list[Node]) -> Node | None:
    controls = [(token["content"], token["id"]) for token in added if token["special"]]
    if rng.random() < 0.4 or not controls:
        trim = {"add_prefix_space": True, "trim_offsets": rng.random() < 0.5, "use_regex": True}
        return {"type": "ByteLevel", **trim} if rng.random() < 0.3 else None
    first, last = rng.choice(controls), rng.choice(controls)
    kind = rng.choice(("BertProcessing", "RobertaProcessing", "Template", "Template", "Sequence"))
    if kind == "BertProcessing":
        return {"type": kind, "sep": list(last), "cls": list(first)}
    if kind == "RobertaProcessing":
        trim = {"trim_offsets": rng.random() < 0.5, "add_prefix_space": True}
        return {"type": kind, "sep": list(last), "cls": list(first), **trim}
    template = _template(first, last if rng.random() < 0.5 else None)
    if kind == "Template":
        return template
    trim = {"add_prefix_space": True, "trim_offsets": True, "use_regex": True}
    return {"type": "Sequence", "processors": [{"type": "ByteLevel", **trim}, template]}


def _template(first: tuple[str, int], last: tuple[str, int] | None) -> Node:
    def special(name: str) -> Node:
        return {"SpecialToken": {"id": name, "type_id": 0}}

    def text(name: str) -> Node:
        return {"Sequence": {"id": name, "type_id": 0}}

    end = [special(last[0])] if last else []
    known = dict([first, *([last] if last else [])])
    return {
        "type": "TemplateProcessing",
        "single": [special(first[0]), text("A"), *end],
        "pair": [special(first[0]), text("A"), *end, text("B"), *end],
        "special_tokens": {
            name: {"id": name, "ids": [token], "tokens": [name]} for name, token in known.items()
        },
    }
