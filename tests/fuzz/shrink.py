"""The smallest configuration and text that still show what a drawn one showed."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

Node = dict[str, Any]
Text = Any
"""`str` or `bytes`: as it goes in, so it comes out."""
Shows = Callable[[Node, Text], bool]

_BYTE_TOKEN = re.compile("<0x[0-9A-F]{2}>")
_NEUTRAL = {
    "lstrip": False, "rstrip": False, "single_word": False, "normalized": False, "special": False,
    "fuse_unk": False, "ignore_merges": False, "byte_fallback": False, "invert": False,
    "end_of_word_suffix": None, "continuing_subword_prefix": None, "add_prefix_space": False,
    "behavior": "Isolated", "use_regex": False, "trim_offsets": False,
    "prepend_scheme": "never", "split": False, "clean_text": False, "lowercase": False,
    "handle_chinese_chars": False, "strip_accents": False,
}  # fmt: skip


def shrink(document: Node, text: Text, shows: Shows, *, budget: int = 400) -> tuple[Node, Text]:
    """Make a configuration and its text smaller, while `shows` holds of them.

    Args:
        document: a parsed `tokenizer.json`.
        text: the text that shows the difference.
        shows: whether a configuration and a text show it.
        budget: how often `shows` is asked at most.
    """
    left = budget

    def ask(candidate: Node, sample: Text) -> bool:
        nonlocal left
        left -= 1
        return left >= 0 and shows(candidate, sample)

    size = -1
    while size != (size := _size(document, text)) and left > 0:
        text = shrink_text(text, lambda sample, whole=document: ask(whole, sample))
        document = _first_that_shows(document, lambda smaller, sample=text: ask(smaller, sample))
    return document, text


def _size(document: Node, text: Text) -> int:
    return len(repr(document)) + len(text)


def _first_that_shows(document: Node, shows: Callable[[Node], bool]) -> Node:
    """Take each smaller document that shows it, and go on from there, until there is none."""
    found = True
    while found:
        found = False
        for candidate in _smaller_documents(document):
            if candidate != document and shows(candidate):
                document, found = candidate, True
                break
    return document


def shrink_text(text: Text, shows: Callable[[Text], bool]) -> Text:
    """Drop stretches of a text, long ones first, while `shows` holds of what is left."""
    size = len(text)
    while size:
        at = 0
        while at < len(text):
            shorter = text[:at] + text[at + size :]
            if shows(shorter):
                text = shorter
            else:
                at += size
        size //= 2
    return text


def _smaller_documents(document: Node) -> Iterator[Node]:
    for stage in ("post_processor", "normalizer", "pre_tokenizer"):
        for smaller in _smaller_stages(document[stage]):
            yield {**document, stage: smaller}
    added = document["added_tokens"]
    for i in range(len(added)):
        yield _renumbered({**document, "added_tokens": added[:i] + added[i + 1 :]})
    yield from _smaller_models(document)
    for i, token in enumerate(added):
        for neutral in _neutral(token):
            yield {**document, "added_tokens": [*added[:i], neutral, *added[i + 1 :]]}
    for smaller in _neutral(document["model"]):
        yield {**document, "model": smaller}


def _smaller_stages(stage: Node | None) -> Iterator[Node | None]:
    if stage is None:
        return
    yield None
    field = next((key for key, value in stage.items() if isinstance(value, list)), None)
    if stage["type"] == "Sequence" and field:
        children = stage[field]
        yield from children
        for i, child in enumerate(children):
            yield {**stage, field: children[:i] + children[i + 1 :]}
            for smaller in _smaller_stages(child):
                if smaller is not None:
                    yield {**stage, field: [*children[:i], smaller, *children[i + 1 :]]}
    yield from _neutral(stage)


def _neutral(node: Node) -> Iterator[Node]:
    for key, value in node.items():
        if key in _NEUTRAL and value != _NEUTRAL[key]:
            yield {**node, key: _NEUTRAL[key]}


def _smaller_models(document: Node) -> Iterator[Node]:
    model = document["model"]
    if model.get("byte_fallback"):
        yield _renumbered({**document, "model": _without_byte_tokens(model)})
    for part in _without_stretches(model.get("merges", [])):
        yield {**document, "model": {**model, "merges": part}}
    vocab = model["vocab"]
    entries = list(vocab.items()) if isinstance(vocab, dict) else vocab
    kept = 1 if model.get("unk_id") == 0 else 0  # an id, so the piece that has it must stay
    for part in _without_stretches(entries[kept:]):
        yield _renumbered({**document, "model": {**model, "vocab": entries[:kept] + part}})


def _without_byte_tokens(model: Node) -> Node:
    pairs = model["vocab"].items() if isinstance(model["vocab"], dict) else model["vocab"]
    kept = [[piece, value] for piece, value in pairs if not _BYTE_TOKEN.fullmatch(piece)]
    vocab = dict(kept) if isinstance(model["vocab"], dict) else kept
    return {**model, "byte_fallback": False, "vocab": vocab}


def _without_stretches(items: list[Any]) -> Iterator[list[Any]]:
    size = len(items)
    while size:
        for at in range(0, len(items), size):
            yield items[:at] + items[at + size :]
        size //= 2
        if size and len(items) // size > 64:
            return  # One by one only where few are left.


def _renumbered(document: Node) -> Node:
    """The ids anew, from zero and without gaps; merges and post-processors of lost tokens go."""
    model = document["model"]
    entries = list(model["vocab"].items()) if isinstance(model["vocab"], dict) else model["vocab"]
    ids = {piece: i for i, (piece, _) in enumerate(entries)}
    model = {**model, "vocab": entries if model["type"] == "Unigram" else ids}
    if "merges" in model:
        prefix = model.get("continuing_subword_prefix") or ""
        model["merges"] = [
            [left, right]
            for left, right in model["merges"]
            if {left, right, left + right.removeprefix(prefix)} <= ids.keys()
        ]
    following = len(ids)
    added: list[Node] = []
    for token in document["added_tokens"]:
        added.append({**token, "id": ids.get(token["content"], following)})
        following += token["content"] not in ids
    return {**document, "model": model, "added_tokens": added, "post_processor": None}
