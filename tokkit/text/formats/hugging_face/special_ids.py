"""Which ids stand before and after a text: post-processors, tokenizer_config.json, known names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import cast

from tokkit.errors import FormatError, UnsupportedError
from tokkit.files.json_text import want_index, want_list, want_object, want_str
from tokkit.files.shipped import shipped_table

CONTROL_TOKENS: Mapping[str, Sequence[str]] = shipped_table(
    "control_tokens.toml", "tokkit.text.formats"
)


def template_ids(value: object, known: Mapping[str, int], size: int, where: str) -> tuple[int, ...]:
    """Ids that a `post_processor` puts before a single text.

    Args:
        value: the `post_processor` field.
        known: text -> id of all tokens.
        size: number of ids.
        where: for messages.

    Raises:
        FormatError: damaged, or it names a token or an id that does not exist.
        UnsupportedError: a kind of post-processor that tokkit does not know.
    """
    if value is None:
        return ()
    node = want_object(value, where)
    kind = want_str(node.get("type"), f"{where}.type")
    where = f"{where} ({kind})"
    if kind == "ByteLevel":
        return ()
    if kind == "Sequence":
        children = want_list(node.get("processors"), f"{where}.processors")
        parts = [template_ids(child, known, size, where) for child in children]
        return tuple(i for part in reversed(parts) for i in part)
    if kind in ("BertProcessing", "RobertaProcessing"):
        pair = want_list(node.get("cls"), f"{where}.cls")
        if len(pair) != 2:
            raise FormatError(f"{where}.cls: {len(pair)} items; expected a text and an id")
        return (want_index(pair[1], f"{where}.cls", size),)
    if kind == "TemplateProcessing":
        return _template(node, known, size, where)
    raise UnsupportedError(f"{where}: tokkit has no post-processor of this kind")


def _template(
    node: dict[str, object], known: Mapping[str, int], size: int, where: str
) -> tuple[int, ...]:
    specials: dict[str, tuple[int, ...]] = {}
    raw = want_object(node.get("special_tokens") or {}, f"{where}.special_tokens")
    for name, entry in raw.items():
        ids = want_list(want_object(entry, where).get("ids"), f"{where}.{name}.ids")
        specials[name] = tuple(want_index(token, where, size) for token in ids)
    leading: list[int] = []
    for template in ("single", "pair"):
        before = template == "single"
        for item in want_list(node.get(template) or [], f"{where}.{template}"):
            piece = want_object(item, f"{where}.{template}")
            if "SpecialToken" not in piece:
                before = False
                continue
            name = want_str(want_object(piece["SpecialToken"], where).get("id"), where)
            if name not in specials:
                raise FormatError(
                    f"{where}: the template uses {name!r}, but special_tokens does not define it; "
                    f"it defines {', '.join(specials) or 'none'}"
                )
            if before:
                leading += specials[name] or (known.get(name, -1),)
    return tuple(want_index(token, where, size) for token in leading)


def token_text(value: object) -> str | None:
    """The text of a `bos_token` or `eos_token` field: a string, or an object with `content`."""
    if isinstance(value, dict):
        value = cast("dict[str, object]", value).get("content")
    return value if isinstance(value, str) else None


def end_ids(config: Mapping[str, object], specials: Mapping[str, int]) -> tuple[int, ...]:
    """Ids that end a text: the configured `eos_token` first, then the well-known names."""
    names = (token_text(config.get("eos_token")), *CONTROL_TOKENS["ends"])
    return tuple(dict.fromkeys(specials[name] for name in names if name and name in specials))


def begin_ids(config: Mapping[str, object], specials: Mapping[str, int]) -> tuple[int, ...]:
    """The configured `bos_token`, if `add_bos_token` asks for it."""
    name = token_text(config.get("bos_token"))
    if name is None or config.get("add_bos_token") is not True or name not in specials:
        return ()
    return (specials[name],)
