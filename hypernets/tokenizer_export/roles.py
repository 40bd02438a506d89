"""Which control tokens begin, end and pad a text, and what else stands beside a vocabulary.

A `TokenizerSpec` says what begins and ends a text. The rest is read from where the tokenizer came
from (a GGUF file's metadata, tokenizer_config.json), and known by name failing that.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tokkit.files.gguf_headers import read_metadata
from tokkit.files.json_text import parse_json, want_object
from tokkit.files.reading import read_bounded
from tokkit.text.formats.hugging_face.special_ids import CONTROL_TOKENS, token_text
from tokkit.text.spec import TokenizerSpec

ROLES = ("bos", "eos", "unk", "pad", "cls", "sep", "mask")
_NAMES: dict[str, tuple[str, ...]] = {
    "bos": ("<s>", "<bos>", "<|begin_of_text|>", "<|startoftext|>", "<BOS_TOKEN>", "[BOS]"),
    "eos": tuple(CONTROL_TOKENS["ends"]),
    "unk": ("<unk>", "[UNK]", "<|unk|>", "<UNK>"),
    "pad": ("<pad>", "[PAD]", "<|pad|>", "<PAD>", "<|finetune_right_pad_id|>"),
    "cls": ("[CLS]", "<cls>"),
    "sep": ("[SEP]", "<sep>"),
    "mask": ("[MASK]", "<mask>", "<|mask|>"),
}
"""What tokens of a role are called where nothing says which they are."""
_GGUF_KEYS = {
    "bos": ("bos_token_id",),
    "eos": ("eos_token_id",),
    "unk": ("unknown_token_id",),
    "pad": ("padding_token_id",),
    "cls": ("cls_token_id", "bos_token_id"),
    "sep": ("seperator_token_id", "separator_token_id"),
    "mask": ("mask_token_id",),
}


@dataclass(frozen=True)
class SpecialRoles:
    """The control tokens of a tokenizer by their parts.

    Attributes:
        texts: role (of `ROLES`) -> text of the control token.
        begins: ids that are put before a text.
        ends: ids that are put after a text, as BERT's `[SEP]`.
        chat_template: of a chat model, as Jinja.
        max_length: how many tokens the model takes, or None.
    """

    texts: Mapping[str, str] = field(default_factory=dict[str, str])
    begins: tuple[int, ...] = ()
    ends: tuple[int, ...] = ()
    chat_template: str | None = None
    max_length: int | None = None


def roles_of(spec: TokenizerSpec, path: Path | None = None) -> SpecialRoles:
    """The roles of a spec's control tokens.

    Args:
        spec: the tokenizer.
        path: the file that it was read from, if there is one.
    """
    declared = SpecialRoles()
    if path is not None and path.is_file():
        declared = _of_gguf(path, spec) if _is_gguf(path) else _of_config(path, spec)
    texts = {text: text for text in spec.special_tokens}
    names = {i: text for text, i in spec.special_tokens.items()}
    roles = {role: text for role, text in declared.texts.items() if text in texts}
    for role, ids in (("bos", spec.bos_ids), ("eos", spec.eos_ids), ("unk", (spec.unk_id,))):
        if role not in roles and ids and ids[0] in names:
            roles[role] = names[ids[0]]
    for role in ROLES:
        found = next((name for name in _NAMES[role] if name in texts), None)
        if role not in roles and found is not None:
            roles[role] = found
    ends = declared.ends
    if spec.family == "wordpiece" and spec.bos_ids and "sep" in roles:
        ends = (spec.special_tokens[roles["sep"]],)
    return replace(declared, texts=roles, begins=spec.bos_ids, ends=ends)


def _is_gguf(path: Path) -> bool:
    with path.open("rb") as stream:
        return stream.read(4) == b"GGUF"


def _of_gguf(path: Path, spec: TokenizerSpec) -> SpecialRoles:
    prefix = "tokenizer.ggml."
    wanted = {key for keys in _GGUF_KEYS.values() for key in keys} | {"add_eos_token"}
    template = "tokenizer.chat_template"
    keys = {prefix + key for key in wanted} | {template}
    meta: dict[str, Any] = read_metadata(path, keys.__contains__)
    names = {i: text for text, i in spec.special_tokens.items()}
    roles: dict[str, str] = {}
    for role, role_keys in _GGUF_KEYS.items():
        if role in ("cls", "sep", "mask") and spec.family != "wordpiece":
            continue
        ids = [meta[prefix + key] for key in role_keys if prefix + key in meta]
        text = next((names[i] for i in ids if i in names), None)
        if text is not None:
            roles[role] = text
    ends = ()
    if meta.get(prefix + "add_eos_token") is True and "eos" in roles:
        ends = (spec.special_tokens[roles["eos"]],)
    chat = meta.get(template)
    return SpecialRoles(roles, ends=ends, chat_template=chat if isinstance(chat, str) else None)


def _of_config(path: Path, spec: TokenizerSpec) -> SpecialRoles:
    """What tokenizer_config.json (and chat_template.jinja) beside a file say."""
    beside = path.parent / "tokenizer_config.json"
    chat = path.parent / "chat_template.jinja"
    template = read_bounded(chat).decode("utf-8") if chat.is_file() else None
    if not beside.is_file():
        return SpecialRoles(chat_template=template)
    config = want_object(parse_json(read_bounded(beside), beside.name), beside.name)
    texts = {role: token_text(config.get(f"{role}_token")) for role in ROLES}
    inner = config.get("chat_template")
    if template is None and isinstance(inner, str):
        template = inner
    longest = config.get("model_max_length")
    end = spec.special_tokens.get(texts["eos"] or "")
    return SpecialRoles(
        {role: text for role, text in texts.items() if text},
        ends=(end,) if config.get("add_eos_token") is True and end is not None else (),
        chat_template=template,
        max_length=longest if isinstance(longest, int) and 0 < longest < 1 << 40 else None,
    )
